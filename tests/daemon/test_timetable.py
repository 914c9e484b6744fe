"""The timetable by itself: each due moment rings once, whatever is changed, and at whichever moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from cleaner.errors import StateError
from cleaner.model.event import RunScheduled
from cleaner.model.run import RunKind, Schedule
from tests.daemon.hall import Hall, happens, keep, opened
from tests.daemon.household import DAY, HOUR, MINUTE, NIGHTLY, at, entry

CLEANING = Schedule.CLEANING
DUE = at("2:30")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """An empty hall at noon."""
    with opened(tmp_path) as hall:
        yield hall


def test_each_due_moment_rings_once(hall: Hall) -> None:
    """On the moment, and says which it is."""

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY)))
            assert timetable.due("acme", CLEANING) == DUE
            await hall.until(DUE + DAY + HOUR)

    happens(hall, story())
    assert hall.moments() == [DUE, DUE + DAY]
    assert [firing.due for _, firing in hall.rings] == [DUE, DUE + DAY]


@pytest.mark.parametrize("jitter", ["0s", "50m"])
@pytest.mark.parametrize("changes", [0, 1, 40])
def test_a_schedule_that_did_not_change_is_not_disturbed(hall: Hall, jitter: str, changes: int) -> None:
    """It rings at the very moment at which it would have rung, however often the file is read anew meanwhile."""

    async def story() -> None:
        scheduled = entry(schedule=NIGHTLY, jitter=jitter)
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(scheduled))
            for number in range(changes):
                await asyncio.sleep(1000)
                await keep(timetable, hall.registries(scheduled, entry(f"other-{number}", schedule=NIGHTLY)))
            await hall.until(DUE + HOUR)

    happens(hall, story())
    (mine,) = [moment for moment, registry in zip(hall.moments(), hall.rung, strict=True) if registry == "acme"]
    late = Random(0).uniform(0, 3000) if jitter == "50m" else 0
    assert mine == DUE + timedelta(seconds=int(late))


CHANGES = {
    "nothing": (entry(schedule=NIGHTLY), [DUE, DUE + DAY]),
    "its jitter": (entry(schedule=NIGHTLY, jitter="1s"), [DUE, DUE + DAY]),
    "its mode": (entry(schedule=NIGHTLY, mode="plan"), [DUE, DUE + DAY]),
    "its line": (entry(schedule='"0 5 * * *"'), [at("5:00")]),
    "its zone": (entry(schedule=NIGHTLY, timezone="America/New_York"), [at("7:30")]),
    "that it has one": (entry(), []),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_reload_between_the_bell_and_the_hammer_neither_loses_nor_doubles_a_ring(hall: Hall, case: str) -> None:
    """The job was taken off the timetable and has not rung yet: a line that stays rings, a new one is alone in force.

    Another registry's ring, due at the same moment, is when the reload comes.
    """
    change, rings = CHANGES[case]
    first = entry("aaa", schedule=NIGHTLY)

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(first, entry(schedule=NIGHTLY)))
            hall.at_a_ring = await timetable.prepare(hall.registries(first, change))
            await hall.until(DUE + DAY + HOUR)

    happens(hall, story())
    assert hall.rung[0] == "aaa"
    assert [m.replace(second=0) for m, who in zip(hall.moments(), hall.rung, strict=True) if who == "acme"] == rings


@pytest.mark.parametrize("microseconds", range(-30, 30, 5))
@pytest.mark.parametrize("case", ["nothing", "its jitter", "its mode"])
def test_a_reload_around_the_due_moment_changes_nothing_for_a_line_that_stays(
    hall: Hall, case: str, microseconds: int
) -> None:
    """It rings once, and the next one as well."""
    change, rings = CHANGES[case]

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY)))
            await hall.until(DUE + timedelta(microseconds=microseconds))
            await keep(timetable, hall.registries(change))
            await hall.until(DUE + DAY + HOUR)

    happens(hall, story())
    assert [moment.replace(second=0) for moment in hall.moments()] == rings


def test_where_the_state_cannot_be_read_nothing_changes(hall: Hall) -> None:
    """The old schedules stay in force, and the new ones are as soon as it can be read again."""
    state = hall.folder / "state.db"

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY)))
            later = hall.registries(entry(schedule='"0 5 * * *"'), entry("beta", schedule='"0 6 * * *"'))
            rename(state, "schedules", "away")
            with pytest.raises(StateError):
                await timetable.prepare(later)
            rename(state, "away", "schedules")
            assert timetable.due("acme", CLEANING) == DUE
            assert timetable.due("beta", CLEANING) is None
            await hall.until(DUE + MINUTE)
            await keep(timetable, later)
            await hall.until(at("7:00"))

    happens(hall, story())
    assert hall.moments() == [DUE, at("5:00"), at("6:00")]


def rename(state: Path, old: str, new: str) -> None:
    """Somebody spoils the state, or puts it right."""
    with closing(sqlite3.connect(state)) as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_look_at_the_clock_after_the_stop_does_nothing(hall: Hall) -> None:
    """A stop takes its time, and whoever reports the status meanwhile looks at the clock."""

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule='"0 * * * *"')))
            timetable.wake()
            timetable.stop()
            timetable.wake()
            await asyncio.sleep(1)
            timetable.wake()
            assert not timetable.is_running
            await hall.until(at("14:00", 24))

    happens(hall, story())
    assert hall.rings == []


def test_it_tells_what_is_due_next_and_what_no_longer_is(hall: Hall) -> None:
    """With the kind of run and the longest time between two; of a schedule that was dropped, that it has none."""

    async def story() -> None:
        with hall.timetable() as timetable:
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY)))
            await keep(timetable, hall.registries(entry(schedule=NIGHTLY, mode="plan")))
            await keep(timetable, hall.registries(entry()))

    happens(hall, story())
    assert hall.told == [
        RunScheduled("acme", CLEANING, RunKind.CLEAN, DUE, DAY),
        RunScheduled("acme", CLEANING, RunKind.PLAN, DUE, DAY),
        RunScheduled("acme", CLEANING, RunKind.PLAN, None, None),
    ]
