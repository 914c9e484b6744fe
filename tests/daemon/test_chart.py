"""The chart of a registry's history: the latest runs, the last at the right, drawn to the highest of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.daemon.chart import HEIGHT, RUNS, WIDTH, Row, history_chart
from cleaner.ledger.history import PastRun
from cleaner.model.run import RunKind, RunOutcome
from tests.house import START

HOUR = timedelta(hours=1)


def run(number: int, *, deleted: int | None = 0, freed: int | None = None, code: int | None = 0) -> PastRun:
    """A run so many hours before the latest."""
    return PastRun(
        id=f"run-{number}",
        registry="acme",
        kind=RunKind.CLEAN,
        due_at=None,
        started_at=START - number * HOUR,
        ended_at=START - number * HOUR if code is not None else None,
        exit_code=code,
        error=None,
        deleted=deleted,
        failed=0,
        skipped=0,
        held_back=0,
        predicted_bytes=None,
        freed_bytes=freed,
    )


def heights(row: Row) -> list[float]:
    return [bar.height for bar in row.bars]


def test_the_highest_bar_fills_the_drawing() -> None:
    """The others are in proportion, from the oldest to the latest; a run that did nothing leaves a trace."""
    deleted, freed, _ = history_chart([run(0, deleted=10, freed=100), run(1, deleted=5), run(2, deleted=None)])
    assert heights(deleted) == [1, HEIGHT / 2, HEIGHT]
    assert heights(freed) == [1, 1, HEIGHT]


def test_where_nothing_was_done_only_traces_are_drawn() -> None:
    """No division by nothing."""
    deleted, freed, _ = history_chart([run(0), run(1)])
    assert heights(deleted) == heights(freed) == [1, 1]


@pytest.mark.parametrize(
    ("code", "outcome", "words"),
    [
        (0, RunOutcome.SUCCESS, "success"),
        (3, RunOutcome.HELD_BACK, "held back"),
        (1, RunOutcome.FAILED, "failed"),
        (None, RunOutcome.STOPPED, "stopped"),
    ],
)
def test_outcomes_differ_in_more_than_colour(code: int | None, outcome: RunOutcome, words: str) -> None:
    """Each bar says its outcome, and one that failed is higher than one that did not."""
    outcomes = history_chart([run(0, code=code)])[2]
    [bar] = outcomes.bars
    assert (bar.outcome, bar.says) == (outcome, f"2026-11-24 12:00 UTC: {words}")
    assert outcomes.most == f"1 {words}"
    assert (bar.height == outcomes.height) is (outcome is RunOutcome.FAILED)


def test_a_row_is_told_in_words() -> None:
    """Those who do not see it hear the sum and the highest."""
    deleted, freed, outcomes = history_chart([run(0, deleted=3, freed=4096), run(1, deleted=1)])
    assert deleted.says == "Deleted a run, the last 2 runs: 4 manifests in all, at most 3 manifests"
    assert freed.says == "Freed a run, the last 2 runs: 4 KiB in all, at most 4 KiB"
    assert outcomes.says == "Outcomes of the last 2 runs: 2 success"


def test_no_runs_make_no_bars() -> None:
    """An empty history is an empty chart."""
    assert [row.bars for row in history_chart([])] == [(), (), ()]


@given(st.lists(st.integers(0, 10**15) | st.none(), max_size=2 * RUNS))
def test_every_bar_lies_inside_the_drawing(values: list[int | None]) -> None:
    """However many runs there are, and whatever they did: the latest at the right, none over another, on the ground."""
    runs = [run(number, deleted=value, freed=value) for number, value in enumerate(values)]
    for row in history_chart(runs):
        assert len(row.bars) == min(len(runs), RUNS)
        places = [bar.x for bar in row.bars]
        assert places == sorted(set(places))
        for bar in row.bars:
            assert bar.x >= 0
            assert bar.x + bar.width <= WIDTH
            assert bar.y >= 0
            assert bar.y + bar.height == pytest.approx(row.height)
