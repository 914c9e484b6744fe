"""What happened: an empty exclude pattern matched every line; a pattern that matches nothing kept nothing.

To: underskog/docr-image-remove (measured). Here: empty patterns are refused; a rule that selects nothing is reported,
and what no rule speaks of is kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ConfigError
from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize(
    "keep",
    ['[{tags: [""]}]', '[{tags: ["*"], except: [""]}]', "[{tags: []}]", '[{tags: ["re:"]}]', "[]", "[{tags: [null]}]"],
)
def test_an_empty_pattern_or_list_is_refused(tmp_path: Path, keep: str) -> None:
    """Nothing is guessed from what is empty: the file does not load."""
    with pytest.raises(ConfigError):
        house(registry(), policy(keep), tmp_path)


def test_a_pattern_that_matches_nothing_deletes_nothing(tmp_path: Path) -> None:
    """A slip in a pattern (`V*` for `v*`): every tag is unmatched and so kept, and the plan says both."""
    shelf = Shelf()
    for n in range(6):
        shelf.image(f"v{n}", days=400 - n)
    with house(registry(shelf), policy('[{tags: ["V*"], last: 3}]'), tmp_path) as world:
        report = world.apply()
        assert len(left(world)) == 6
        assert any("selects nothing" in warning for warning in report.warnings)
        assert any("no rule selects" in warning for warning in report.warnings)
