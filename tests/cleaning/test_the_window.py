"""The window between a look and the DELETEs that rely on it: never longer than `recheck`, and as the page states it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.window import SCHEDULES, row, windows

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("per_minute", [30, 250])
def test_no_window_is_longer_than_recheck(tmp_path: Path, schedule: str, per_minute: int) -> None:
    """Whatever the rate limit's budget makes a deletion wait, and whether bytes are read before it."""
    top = f"recheck: 20s\napi: {{rate_limit: {{per_minute: {per_minute}, per_hour: 0}}}}"
    measured = windows(schedule, 60, tmp_path, top)
    assert len(measured) == 60
    assert max(window.seconds for window in measured) <= 20


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("deletions", [1, 10, 100])
def test_the_page_states_it_as_measured(tmp_path: Path, schedule: str, deletions: int) -> None:
    """Each row of the page's table is what the program prints; the rows of a thousand take it longer."""
    assert row(schedule, deletions, windows(schedule, deletions, tmp_path)) in PAGE.read_text(encoding="utf-8")
