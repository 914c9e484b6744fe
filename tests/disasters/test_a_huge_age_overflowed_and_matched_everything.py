"""What happened: an age of `999999d` overflowed, and everything matched.

To: acr-cli 560. Here: an age above 100 years is refused when the file is loaded, before any request.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ConfigError
from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize("age", ["999999d", "36526d", "99999999999999999999w", "9" * 400 + "s"])
@pytest.mark.parametrize("place", ["rule", "untagged", "grace"])
def test_an_age_beyond_a_century_is_refused(tmp_path: Path, age: str, place: str) -> None:
    """In a rule, for the untagged, as grace: the message stands where the age does."""
    keep = f"[{{within: {age}}}]" if place == "rule" else "[{}]"
    rest = f"untagged: {{within: {age}}}" if place == "untagged" else ""
    top = f"grace: {age}" if place == "grace" else ""
    with pytest.raises(ConfigError, match=r"config\.yaml:[0-9]+:[0-9]+"):
        house(registry(), policy(keep, rest=rest, top=top), tmp_path)


def test_the_longest_age_keeps_everything(tmp_path: Path) -> None:
    """Just below the bound nothing overflows: all is younger than that."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=5000 - n)
    configuration = policy("[{within: 36500d}]", rest="untagged: {within: 36500d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        assert world.apply().deleted == ()
        assert len(left(world)) == 4
