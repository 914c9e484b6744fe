"""Law 5: at least `keep_at_least` versions stay, and none loses more than its share unless a person said so."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from cleaner.model.event import BreakerTripped
from cleaner.model.plan import HoldReason
from tests.changes import delete, once_planned
from tests.house import House
from tests.registries import Entry, Repository, load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.worlds import random_registry


def builds(name: str, count: int) -> Shelf:
    """Versions v0, v1 and so on, each a day younger than the one before."""
    shelf = Shelf(name)
    for n in range(count):
        shelf.image(f"v{n}", days=100 - n)
    return shelf


def test_a_repository_that_would_lose_more_than_its_share_is_left_whole(tmp_path: Path) -> None:
    """Six of ten is more than half: nothing of it goes, five of ten do elsewhere; exit code 3."""
    slip = builds("slip", 10)
    slip.image("odd", days=200)
    fine = builds("fine", 10)
    configuration = policy('[{tags: ["v*"], last: 5}]', limits="share: 50%", rest="unmatched: delete")
    with house(registry(slip, fine), configuration, tmp_path) as world:
        report = world.apply()
        assert (len(left(world, "slip")), len(left(world, "fine"))) == (11, 5)
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [("slip", HoldReason.SHARE, 6)]
        assert report.exit_code == 3
        (tripped,) = [event for event in world.events if isinstance(event, BreakerTripped)]
        assert tripped.detail.startswith("slip would lose 6 of its 11 versions")


def test_manifests_have_a_share_of_their_own(tmp_path: Path) -> None:
    """Few versions but most manifests: a cleaning of orphans is held back as well."""
    shelf = builds("shop", 4)
    for _ in range(6):
        shelf.image(days=90)
    configuration = policy("[{}]", limits="share: 50%", rest="untagged: {within: 30d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        report = world.apply()
        assert len(left(world)) == 10
        assert [(held.reason, held.manifests) for held in report.held_back] == [(HoldReason.SHARE, 6)]


def test_a_person_lets_a_repository_through_once(tmp_path: Path) -> None:
    """`--allow` holds for the repository that it names, in that run, and for no other."""
    configuration = policy('[{tags: ["v*"], last: 2}]', limits="share: 50%")
    with house(registry(builds("one", 8), builds("two", 8)), configuration, tmp_path) as world:
        report = world.apply(allowed=["one"])
        assert (len(left(world, "one")), len(left(world, "two"))) == (2, 8)
        assert [held.repository for held in report.held_back] == ["two"]
        assert world.apply().deleted == ()


def test_the_share_is_measured_again_before_the_deletions(tmp_path: Path) -> None:
    """Others delete meanwhile, and five of ten become five of seven: the repository is left alone by then."""
    shelf = builds("shop", 10)

    def others_delete() -> None:
        for manifest in shelf.manifests[5:8]:
            delete(world, str(manifest["digest"]))

    configuration = policy("[{within: 96d}]", limits="share: 50%")
    with house(registry(shelf), configuration, tmp_path) as world:
        assert len(world.plan().deletions) == 5
        world.events.clear()
        once_planned(world, others_delete)
        report = world.apply()
        assert len(left(world)) == 7
        assert [(held.reason, held.manifests) for held in report.held_back] == [(HoldReason.SHARE, 5)]
        assert report.exit_code == 3


def test_the_newest_versions_stay_whatever_the_rules_say(tmp_path: Path) -> None:
    """`keep_at_least` fills up from the newest, and protection by another reason counts towards it."""
    configuration = policy('[{tags: ["release"]}]', limits="share: 100%, keep_at_least: 3", rest="unmatched: delete")
    shelf = builds("shop", 10)
    with house(registry(shelf), configuration, tmp_path) as world:
        world.apply()
        assert left(world) == {str(manifest["digest"]) for manifest in shelf.manifests[-3:]}


def versions(repository: Repository) -> list[Entry]:
    """Its manifests with a tag that is no attachment tag."""
    listing = repository.listing().by_digest()
    return [entry for entry in repository.entries if listing[entry.digest].is_version]


@pytest.mark.parametrize("seed", range(200, 208))
def test_limits_hold_in_every_repository(tmp_path: Path, seed: int) -> None:
    """In random registries, under a policy that condemns almost everything: share and `keep_at_least` are kept."""
    rng = random.Random(seed)
    generated = random_registry(rng, scenes=10)
    share, least = rng.choice((Fraction(1, 4), Fraction(1, 2), Fraction(9, 10), Fraction(1))), rng.randint(1, 4)
    limits = f"share: {float(share):.0%}, keep_at_least: {least}"
    configuration = policy(
        '[{tags: ["nothing"]}]', limits=limits, rest="unmatched: delete\n        untagged: {within: 1d}"
    )
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        world.apply()
        for repository in generated.repositories:
            there, tagged = left(world, repository.name), versions(repository)
            dated = [v for v in tagged if v.moment.time is not None and v.moment.time <= generated.now]
            lost = [version for version in tagged if version.digest not in there]
            assert len(lost) <= share * len(tagged)
            assert len(repository.entries) - len(there) <= share * len(repository.entries)
            assert len([v for v in dated if v.digest in there]) >= min(least, len(dated))
