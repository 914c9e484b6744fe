"""What happened: untagged children used up the slots of "keep 10": four builds were left, one of them broken.

To: martintomas/docr-image-remove (measured). Here: rules, limits and counts speak of versions; children are none.
"""

from __future__ import annotations

from pathlib import Path

from tests.shelves import Shelf, house, left, policy, registry
from tests.wholeness import Wholeness


def test_keep_ten_keeps_ten_builds(tmp_path: Path) -> None:
    """Twelve builds of three manifests each, children newer than their index: the ten newest stay, and are whole."""
    shelf = Shelf()
    indexes = []
    for n in range(12):
        children = [shelf.image(days=60 - n - 0.01), shelf.image(days=60 - n - 0.02)]
        indexes.append(shelf.index(children, f"build-{n}", days=60 - n))
    configuration = policy('[{tags: ["build-*"], last: 10}]', rest="untagged: {within: 1d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        wholeness = Wholeness(world)
        world.apply()
        assert left(world).intersection(indexes) == set(indexes[2:])
        assert len(left(world)) == 30
        assert wholeness.lacking_children() == []
