"""What happened: only the first page (20 entries) was read; the newest were deleted, and the oldest kept.

To: kozaktomas/dorc (measured). Here: a listing is every manifest, page by page, or none (law 3).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize("count", [21, 200, 401])
@pytest.mark.parametrize("oldest_first", [True, False])
def test_the_newest_stay_wherever_they_stand(tmp_path: Path, count: int, *, oldest_first: bool) -> None:
    """The order of a listing is stated nowhere: on whichever page the five newest are, they stay."""
    shelf = Shelf()
    ages = [500.0 - n for n in range(count)]
    by_age = {age: shelf.image(f"v{int(age)}", days=age) for age in (ages if oldest_first else ages[::-1])}
    configuration = policy('[{tags: ["v*"], last: 5}]', limits="share: 100%, deletions: 10")
    with house(registry(shelf), configuration, tmp_path) as world:
        report = world.apply()
        assert {deleted.digest for deleted in report.deleted} == {by_age[age] for age in ages[:10]}
        assert left(world) >= {by_age[age] for age in ages[-5:]}
