"""What happened: children of a kept index were spared, but not the children of an index that it lists.

To: ghcr-cleanup-action (measured). Here: law 2 holds at any depth.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_every_generation_below_a_kept_index_stays(tmp_path: Path, depth: int) -> None:
    """An index of an index of an index: the image at the bottom is as safe as the tag at the top."""
    shelf = Shelf()
    below = shelf.image(days=400)
    for level in range(depth):
        below = shelf.index([below], *(["v1"] if level == depth - 1 else []), days=400)
    configuration = policy('[{tags: ["v*"]}]', rest="untagged: {within: 1d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        assert world.apply().deleted == ()
        assert len(left(world)) == depth + 1
