"""What happened: a whole registry was wiped by a default, or by rules in the wrong order.

To: gitlab 325429 and 377417, ghcr-cleanup-action's default. Here: the default only reports, what no rule speaks of is
kept, no repository loses more than half, a run deletes at most a thousand; the first policy that matches counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ConfigError, MutationRefused
from tests.house import House
from tests.shelves import Shelf, house, policy, registry

BARE = """
registries:
  - name: acme
    policies:
      - repositories: ["*"]
        keep: {keep}
"""


def content() -> dict[str, object]:
    """Three repositories of twelve old builds each."""
    shelves = [Shelf(name) for name in ("api", "shop", "worker")]
    for shelf in shelves:
        for n in range(12):
            shelf.image(f"v{n}", days=400 - n)
    return registry(*shelves)


def whole(world: House) -> bool:
    """Whether everything is still there."""
    return len(world.digests()) == 36


def test_the_default_mode_deletes_nothing(tmp_path: Path) -> None:
    """A file without `mode` plans: it reports what would go, and a run that is to change anything is refused."""
    with house(content(), BARE.format(keep="[{last: 6}]"), tmp_path) as world:
        assert len(world.plan().deletions) == 18
        with pytest.raises(MutationRefused, match="mode enforce"):
            world.apply()
        assert whole(world)


@pytest.mark.parametrize("keep", ["[{tags: [main]}]", "[{within: 30d}]", "[{last: 1}]"])
def test_a_slip_in_a_rule_meets_the_share(tmp_path: Path, keep: str) -> None:
    """A rule that keeps next to nothing, and the worst setting of `unmatched`: default limits leave everything."""
    configuration = policy(keep, limits="", rest="unmatched: delete")
    with house(content(), configuration, tmp_path) as world:
        report = world.apply()
        assert whole(world)
        assert {held.repository for held in report.held_back} == {"api", "shop", "worker"}
        assert report.exit_code == 3


def test_a_cap_bounds_what_one_run_can_do(tmp_path: Path) -> None:
    """With the share given away, `deletions` still bounds a run; the oldest go first."""
    configuration = policy("[{last: 1}]", limits="share: 100%, deletions: 5")
    with house(content(), configuration, tmp_path) as world:
        assert len(world.apply().deleted) == 5
        assert len(world.digests()) == 31


def test_the_first_policy_that_matches_counts(tmp_path: Path) -> None:
    """A careful policy above a harsh one is not undone by it."""
    harsh = '      - {repositories: ["*"], unmatched: delete, keep: [{last: 1}]}\n'
    careful = policy("[{}]").replace('repositories: ["*"]', "repositories: [shop]")
    with house(content(), careful + harsh, tmp_path) as world:
        world.apply()
        assert sum(repository == "shop" for repository, _ in world.digests()) == 12
        assert len(world.digests()) == 14


def test_a_policy_that_nothing_can_reach_is_refused(tmp_path: Path) -> None:
    """The harsh one above the careful one: the file does not load, for the careful one would never count."""
    with pytest.raises(ConfigError, match="no repository can reach"):
        house(content(), policy("[{last: 1}]") + "      - {repositories: [shop], keep: [{}]}\n", tmp_path)


@pytest.mark.parametrize("keep", ["", "null", "[]"])
def test_a_policy_without_rules_is_refused(tmp_path: Path, keep: str) -> None:
    """Nothing said is not: keep nothing."""
    with pytest.raises(ConfigError):
        house(content(), policy(keep), tmp_path)
