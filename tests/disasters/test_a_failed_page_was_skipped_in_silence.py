"""What happened: a failed page was skipped in silence, and half a listing was taken for the whole.

To: doctl (measured: 801 of 1,001 tags, exit code 0). Here: law 3; the repository is left alone, exit code 3.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.house import path_of
from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize("page", [1, 2])
def test_one_page_that_fails_is_no_listing(tmp_path: Path, page: int) -> None:
    """Whichever page of two it is: nothing goes, the report says why, and when it answers again the work is done."""
    shelf = Shelf()
    for n in range(201):
        shelf.image(f"v{n}", days=500 - n)

    def failing(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500) if f"digests?page={page}&" in path_of(request) else None

    with house(registry(shelf), policy('[{tags: ["v*"], last: 196}]'), tmp_path) as world:
        world.network.before = failing
        report = world.apply()
        assert (len(left(world)), report.exit_code) == (201, 3)
        assert "500" in report.held_back[0].detail
        world.network.before = lambda _: None
        assert (world.apply().exit_code, len(left(world))) == (0, 196)
