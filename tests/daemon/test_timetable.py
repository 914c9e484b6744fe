"""The timetable by itself: each due moment rings once, whatever is changed, and at whichever moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.timetable import Time, Timetable
from cleaner.errors import StateError
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.event import Event, RunScheduled
from cleaner.model.run import Firing, RunKind, Schedule
from tests.daemon.events import report
from tests.daemon.household import DAY, HOUR, MINUTE, NIGHTLY, at, configuration, entry
from tests.house import START, unhurried_sqlite
from tests.virtual_time import VirtualTimeLoop, scheduler_on

CLEANING = Schedule.CLEANING
DUE = at("2:30")


@dataclass(slots=True)
class Hall:
    """Where the bell rings: `rings` is each ring's moment and what it answers, `rung` its registry.

    `at_a_ring` is done at the next ring.
    """

    folder: Path
    loop: VirtualTimeLoop = field(default_factory=VirtualTimeLoop)
    ids: Iterator[int] = field(default_factory=count)
    rings: list[tuple[datetime, Firing]] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    at_a_ring: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """The virtual moment; each look takes a microsecond."""
        return START + timedelta(seconds=self.loop.time(), microseconds=next(self.ids))

    def ring(self, registry: str, _: Schedule, firing: Firing) -> None:
        """Hear it."""
        self.rung.append(registry)
        self.at_a_ring()
        self.at_a_ring = lambda: None
        self.rings.append((self.now(), firing))

    def registries(self, *entries: str) -> tuple[RegistrySettings, ...]:
        """The registries of a configuration with these entries."""
        path = self.folder / "config.yaml"
        path.write_text(configuration(*entries), encoding="utf-8")
        return load(path, {}).registries

    def moments(self) -> list[datetime]:
        """When it rang, to the second."""
        return [moment.replace(microsecond=0) for moment, _ in self.rings]

    async def until(self, moment: datetime) -> None:
        """Wait in pieces until so many microseconds of looks are over as well."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 3600.0))

    @contextmanager
    def timetable(self, seed: int = 0) -> Iterator[Timetable]:
        """A timetable that keeps the time, of a process of its own."""
        with closing(self.ledger()) as ledger:
            timetable = Timetable(ledger, Time(self.now, Random(seed)), self.ring, self.told.append)
            timetable.start()
            yield timetable
            if timetable.is_running:
                timetable.stop()

    def ledger(self) -> Ledger:
        """The state, opened anew."""
        state = f"sqlite:///{self.folder}/state.db"
        return open_ledger(state, now=self.now, new_id=lambda: f"id-{next(self.ids)}")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """An empty hall at noon."""
    hall = Hall(tmp_path)
    with unhurried_sqlite(), scheduler_on(hall.now), closing(hall.loop):
        yield hall


def happens(hall: Hall, story: Coroutine[Any, Any, None]) -> None:
    """Let it happen, and what was left on the loop after it."""

    async def life() -> None:
        await story
        await asyncio.sleep(1)

    hall.loop.run_until_complete(life())


async def keep(timetable: Timetable, registries: tuple[RegistrySettings, ...]) -> None:
    """Keep the schedules of these registries."""
    (await timetable.prepare(registries))()


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
