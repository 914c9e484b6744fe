"""What the timetable makes of the past when it begins: what was missed, what was cut short, and what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cleaner.model.run import Firing, RunKind, Schedule
from tests.daemon.events import report
from tests.daemon.hall import Hall, happens, keep, opened
from tests.daemon.household import DAY, MINUTE, NIGHTLY, at, entry

CLEANING = Schedule.CLEANING
DUE = at("2:30")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """An empty hall at noon."""
    with opened(tmp_path) as hall:
        yield hall


def test_what_was_missed_rings_once_at_the_start(hall: Hall) -> None:
    """However often it was due while nobody kept the time."""

    async def story() -> None:
        registries = hall.registries(entry(schedule='"0 * * * *"'))
        with hall.timetable() as timetable:
            await keep(timetable, registries)
        await hall.until(at("20:10", 24))
        with hall.timetable() as timetable:
            await keep(timetable, registries)
            await hall.until(at("21:10", 24))

    happens(hall, story())
    assert hall.moments() == [at("20:10", 24), at("21:00", 24)]


ANEW = {
    "another line": (entry(schedule=NIGHTLY), entry(schedule='"0 * * * *"'), at("21:00", 24)),
    "another zone": (entry(schedule=NIGHTLY), entry(schedule=NIGHTLY, timezone="Asia/Kolkata"), at("21:00", 24)),
    "one where there was none": (entry(), entry(schedule='"0 * * * *"'), at("21:00", 24)),
}


@pytest.mark.parametrize("restart", [False, True], ids=["by a reload", "by a restart"])
@pytest.mark.parametrize("case", ANEW)
def test_a_schedule_that_is_new_catches_nothing_up(hall: Hall, case: str, *, restart: bool) -> None:
    """It begins now, whether the process goes on or another one begins."""
    before, after, first = ANEW[case]

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(before))
            await hall.until(at("20:10", 24))
            if not restart:
                await keep(timetable, hall.registries(after))
                await hall.until(at("21:30", 24))
        if restart:
            with hall.timetable() as timetable:
                await keep(timetable, hall.registries(after))
                await hall.until(at("21:30", 24))

    happens(hall, story())
    assert hall.moments() == [first]


@pytest.mark.parametrize("without", [entry(), entry("other")], ids=["the schedule", "the registry"])
def test_a_schedule_that_was_dropped_and_comes_back_begins_anew(hall: Hall, without: str) -> None:
    """What would have been due meanwhile is not: there was no schedule."""

    async def story() -> None:
        scheduled = hall.registries(entry(schedule='"0 * * * *"'))
        with hall.timetable() as timetable:
            await keep(timetable, scheduled)
            await keep(timetable, hall.registries(without))
            await hall.until(at("20:10", 24))
            await keep(timetable, scheduled)
            await hall.until(at("21:10", 24))

    happens(hall, story())
    assert hall.moments() == [at("21:00", 24)]


CUT_SHORT = {
    "it died": (None, True),
    "it was stopped": ("stopped", True),
    "it failed": ("failed", True),
    "it succeeded": ("success", False),
    "it was held back": ("held_back", False),
}


@pytest.mark.parametrize("by_hand", [False, True], ids=["due", "by hand"])
@pytest.mark.parametrize("case", CUT_SHORT)
def test_a_run_that_was_cut_short_is_begun_anew_where_it_was_due(hall: Hall, case: str, *, by_hand: bool) -> None:
    """For the due moment that it answered; what a person began is for that person to begin again."""
    outcome, again = CUT_SHORT[case]
    firing = Firing(CLEANING, "30 2 * * * UTC", DUE - DAY)

    async def story() -> None:
        with closing(hall.ledger()) as ledger:
            ledger.firings.begin("acme", CLEANING, firing.line, firing.due)
            run = ledger.begin_run("acme", RunKind.CLEAN, None if by_hand else firing)
            if outcome:
                ledger.end_run(run, report(outcome))
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY)))
            assert [firing for _, firing in hall.rings] == ([firing] if again and not by_hand else [])
            hall.rings.clear()
            await hall.until(DUE + MINUTE)

    happens(hall, story())
    assert [firing.due for _, firing in hall.rings] == [DUE]


@pytest.mark.parametrize("microseconds", [1, 5, 10, 15, 20, 30, 50, 100])
def test_what_is_due_right_after_what_was_missed_rings_as_well(hall: Hall, microseconds: int) -> None:
    """A process that starts a moment before a due moment, and has another to catch up, loses neither of the rest."""

    async def story() -> None:
        with closing(hall.ledger()) as ledger:
            ledger.firings.begin("acme", CLEANING, "0 * * * * UTC", at("12:30", 24))
        await asyncio.sleep((at("15:00", 24) - hall.now()).total_seconds() - microseconds / 1e6)
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule='"0 * * * *"')))
            await hall.until(at("17:30", 24))

    happens(hall, story())
    assert hall.moments()[-2:] == [at("16:00", 24), at("17:00", 24)]
    assert len(hall.rings) in {3, 4}
