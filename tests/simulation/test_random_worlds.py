"""Fifty random worlds, weeks of runs each: nothing in use, remembered, or promised notice is ever gone.

`make worlds` lives through five hundred.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.weeks import live

_WORLDS, _AT_ONCE = 50, 5
_MUST_HAPPEN = ("deletions", "announced", "collections", "sources failed", "restarts", "crashes")


@pytest.mark.parametrize("first", range(0, _WORLDS, _AT_ONCE))
def test_no_promise_is_broken(first: int, tmp_path: Path) -> None:
    """Whatever people do between any two requests, and whatever fails: the witness has nothing to object."""
    counts = Counter[str]()
    for seed in range(first, first + _AT_ONCE):
        folder = tmp_path / str(seed)
        folder.mkdir()
        past = live(seed, folder)
        assert past.objections == (), f"seed {seed}"
        counts += past.counts
    assert [what for what in _MUST_HAPPEN if not counts[what]] == []
