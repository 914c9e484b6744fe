"""When each schedule last fired: what is written down with a run is what the next start of the process finds."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.model.run import Firing, RunKind, Schedule
from tests.ledger.samples import START, failing_at, numbered, opened, ticking, url_of

LINE = "30 2 * * * Europe/Berlin"
DUE = START + timedelta(microseconds=1)


def fire(ledger: Ledger, due: datetime, line: str = LINE, schedule: Schedule = Schedule.CLEANING) -> str:
    """A run that answers a due moment; gives its id."""
    return ledger.begin_run("acme", RunKind.CLEAN, Firing(schedule, line, due))


def last(ledger: Ledger, line: str = LINE, schedule: Schedule = Schedule.CLEANING) -> datetime | None:
    """When it last fired."""
    return ledger.firings.last("acme", schedule, line)


def test_a_firing_outlives_the_process(path: Path) -> None:
    """It is on disk, to the microsecond, when its run has begun."""
    with closing(opened(path)) as ledger:
        fire(ledger, DUE)
    with closing(opened(path)) as ledger:
        assert last(ledger) == DUE


def test_each_schedule_of_each_registry_fires_by_itself(ledger: Ledger) -> None:
    """Neither another registry nor the registry's other schedule is taken for it."""
    fire(ledger, DUE)
    fire(ledger, DUE + timedelta(hours=1), schedule=Schedule.COLLECTION)
    assert last(ledger) == DUE
    assert last(ledger, schedule=Schedule.COLLECTION) == DUE + timedelta(hours=1)
    assert ledger.firings.last("other", Schedule.CLEANING, LINE) is None


def test_a_run_that_a_person_asked_for_is_no_firing(ledger: Ledger) -> None:
    """The next due moment is none the less due."""
    fire(ledger, DUE)
    ledger.begin_run("acme", RunKind.CLEAN)
    assert last(ledger) == DUE


@pytest.mark.parametrize("line", ["31 2 * * * Europe/Berlin", "30 2 * * * UTC", ""])
def test_a_line_or_zone_that_changed_starts_anew(ledger: Ledger, line: str) -> None:
    """When the old line fired says nothing of the new one; once that counts, the old one is forgotten."""
    fire(ledger, DUE)
    assert last(ledger, line) is None
    ledger.firings.begin("acme", Schedule.CLEANING, line, START)
    assert (last(ledger, line), last(ledger)) == (START, None)


def test_a_line_counts_from_when_it_was_first_seen(ledger: Ledger) -> None:
    """Before it has ever fired, its due moments are counted from there."""
    ledger.firings.begin("acme", Schedule.CLEANING, LINE, START)
    assert last(ledger) == START
    fire(ledger, DUE)
    assert last(ledger) == DUE


def test_an_older_moment_does_not_take_the_newest_back(ledger: Ledger) -> None:
    """A run that is begun anew answers the moment of the first try: what was answered since is not due again."""
    fire(ledger, DUE)
    fire(ledger, DUE - timedelta(days=1))
    assert last(ledger) == DUE


def test_a_moment_of_the_line_before_does_not_bring_that_line_back(ledger: Ledger) -> None:
    """A run that failed under one line is tried again when the schedule has another: that one's moments stand."""
    fire(ledger, DUE)
    ledger.firings.begin("acme", Schedule.CLEANING, "another", DUE + timedelta(hours=1))
    fire(ledger, DUE + timedelta(hours=2))
    assert last(ledger) is None
    assert last(ledger, "another") == DUE + timedelta(hours=1)


def test_a_schedule_that_is_gone_is_forgotten(ledger: Ledger) -> None:
    """One that comes later is a new one, also where its line is the same; the registry's other one is not touched."""
    fire(ledger, DUE)
    fire(ledger, DUE, schedule=Schedule.COLLECTION)
    ledger.firings.forget("acme", Schedule.CLEANING)
    assert last(ledger) is None
    assert last(ledger, schedule=Schedule.COLLECTION) == DUE


@pytest.mark.parametrize("words", ["INSERT INTO runs", "INSERT INTO schedules"])
def test_a_run_and_its_firing_are_written_down_together(path: Path, words: str) -> None:
    """Where one cannot be, neither is, and the run before is not said to be dead: nothing is lost, nothing doubled."""
    engine = engine_at(url_of(path))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        fire(ledger, START)
        with failing_at(engine, words), pytest.raises(StateError):
            fire(ledger, DUE)
        assert last(ledger) == START
        assert [(run.id, run.ended_at) for run in ledger.history.runs(9)] == [("run-1", None)]
