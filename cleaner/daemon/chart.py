"""The history of a registry's runs as the shapes of a small chart; the page's template draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cleaner.figures import size, some
from cleaner.ledger.history import PastRun
from cleaner.model.run import RunOutcome, outcome_of

RUNS = 30
"""The most runs that a chart shows; each has its place whether there are so many or not."""

HEIGHT = 40
_STEP, _WIDTH = 10, 7
_TRACE = 1.0  # of a run that did nothing a trace is drawn all the same

WIDTH = RUNS * _STEP

_TALL = {RunOutcome.SUCCESS: 3.0, RunOutcome.HELD_BACK: 6.0, RunOutcome.STOPPED: 6.0, RunOutcome.FAILED: 10.0}
_OUTCOME_HEIGHT = max(_TALL.values())


@dataclass(frozen=True, slots=True)
class Bar:
    """One run's bar, in units of the drawing, from the top left; `says` tells it in words."""

    x: int
    y: float
    width: int
    height: float
    outcome: RunOutcome
    says: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of bars, the latest run at the right; `says` tells all of it in words, `most` its highest value.

    `name` is for the style.
    """

    name: str
    title: str
    most: str
    says: str
    width: int
    height: float
    bars: tuple[Bar, ...]


def history_chart(runs: Sequence[PastRun]) -> tuple[Row, ...]:
    """Deleted manifests, freed bytes and outcomes of at most the latest `RUNS` of `runs`, which come newest first."""
    shown = tuple(reversed(runs[:RUNS]))
    deleted = _row("Deleted a run", shown, lambda run: run.deleted or 0, lambda count: some(count, "manifest"))
    return (deleted, _row("Freed a run", shown, lambda run: run.freed_bytes or 0, size), _outcomes(shown))


def _row(title: str, runs: Sequence[PastRun], value: Callable[[PastRun], int], in_words: Callable[[int], str]) -> Row:
    values = [value(run) for run in runs]
    most, total = max(values, default=0), sum(values)
    bars = tuple(
        _bar(place, run, (HEIGHT, max(_TRACE, HEIGHT * each / most) if most else _TRACE), in_words(each))
        for place, (run, each) in enumerate(zip(runs, values, strict=True), RUNS - len(runs))
    )
    says = f"{title}, the last {some(len(runs), 'run')}: {in_words(total)} in all, at most {in_words(most)}"
    return Row("values", title, f"at most {in_words(most)}", says, WIDTH, HEIGHT, bars)


def _outcomes(runs: Sequence[PastRun]) -> Row:
    outcomes = [outcome_of(run.exit_code) for run in runs]
    bars = tuple(
        _bar(place, run, (_OUTCOME_HEIGHT, _TALL[outcome]), outcome.value.replace("_", " "))
        for place, (run, outcome) in enumerate(zip(runs, outcomes, strict=True), RUNS - len(runs))
    )
    counts = {outcome: outcomes.count(outcome) for outcome in RunOutcome}
    told = ", ".join(f"{count} {outcome.value.replace('_', ' ')}" for outcome, count in counts.items() if count)
    return Row(
        "outcomes",
        "Outcome",
        told,
        f"Outcomes of the last {some(len(runs), 'run')}: {told}",
        WIDTH,
        _OUTCOME_HEIGHT,
        bars,
    )


def _bar(place: int, run: PastRun, heights: tuple[float, float], says: str) -> Bar:
    """The bar at a place; `heights` are the row's and its own."""
    whole, own = heights
    title = f"{run.started_at:%Y-%m-%d %H:%M} UTC: {says}"
    return Bar(place * _STEP, round(whole - own, 2), _WIDTH, round(own, 2), outcome_of(run.exit_code), title)
