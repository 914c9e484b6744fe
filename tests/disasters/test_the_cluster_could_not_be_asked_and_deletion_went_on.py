"""What happened: the cluster could not be asked, so nothing counted as in use, and deletion went on.

To: thegangtechnology (measured). Here: a configured source that cannot be read stops every deletion (law 6).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ConfigError
from tests.shelves import Shelf, house, left, policy, registry


def builds() -> dict[str, object]:
    """Eight builds, of which a policy keeps three."""
    shelf = Shelf()
    for n in range(8):
        shelf.image(f"v{n}", days=90 - n)
    return registry(shelf)


@pytest.mark.parametrize("source", ["{kubernetes: {}}", "{file: images.txt}", "{app_platform: {}}"])
def test_an_unreadable_source_means_in_use(tmp_path: Path, source: str) -> None:
    """Not: nothing is in use. No deletion, exit code 3, and the reason names the source."""
    configuration = policy('[{tags: ["v*"], last: 3}]', in_use=f"[{source}]")
    with house(builds(), configuration, tmp_path) as world:
        report = world.apply()
        assert (len(left(world)), report.deleted, report.exit_code) == (8, (), 3)
        assert source.strip("{").partition(":")[0] in report.held_back[0].detail


def test_nobody_enforces_without_having_said_what_runs(tmp_path: Path) -> None:
    """There is no default: `mode: enforce` without `in_use` does not load."""
    configuration = policy("[{last: 3}]").replace("protect: {in_use: none}\n", "")
    with pytest.raises(ConfigError, match="in_use"):
        house(builds(), configuration, tmp_path)
