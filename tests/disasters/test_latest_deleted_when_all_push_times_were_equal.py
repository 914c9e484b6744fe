"""What happened: "the newest, excluding latest" deleted `latest`, after an upgrade had made all push times equal.

To: harbor 10555. Here: what is exactly as new as the last one kept is kept too, and `latest` is protected by default.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize(
    "keep", ['[{tags: ["*"], last: 3}]', '[{tags: ["*"], calendar: {daily: 2, weekly: 1}}]', '[{tags: ["none"]}]']
)
def test_ties_keep(tmp_path: Path, keep: str) -> None:
    """Twenty builds with one and the same time: no order is made up among them, and none goes."""
    shelf = Shelf()
    shelf.image("latest", days=90)
    for n in range(19):
        shelf.image(f"v{n}", days=90)
    configuration = policy(keep, limits="share: 100%, keep_at_least: 2", rest="unmatched: delete")
    with house(registry(shelf), configuration, tmp_path) as world:
        assert world.apply().deleted == ()


def test_latest_stays_although_nothing_else_keeps_it(tmp_path: Path) -> None:
    """The oldest of all, matched by a rule that does not keep it: the default protection does."""
    shelf = Shelf()
    latest = shelf.image("latest", days=900)
    others = [shelf.image(f"v{n}", days=90 - n) for n in range(4)]
    with house(registry(shelf), policy('[{tags: ["*"], last: 2}]'), tmp_path) as world:
        assert {deleted.digest for deleted in world.apply().deleted} == set(others[:2])
        assert latest in left(world)
