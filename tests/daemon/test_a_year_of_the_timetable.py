"""A year of the timetable in virtual time, with restarts: every due run once, none twice.

The timetable, the crew and the ledger are the daemon's own; what a run does is to take its time, and now and then to
fail. Processes are stopped and killed, stay down for up to days, and others are begun. What should have happened is
worked out from the due moments of a second cron, and from when the process was up.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from cleaner.cleaning.report import Reporter
from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.crew import Crew, Duties
from cleaner.daemon.runs import Carry
from cleaner.daemon.timetable import Time, Timetable
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.event import Event
from cleaner.model.report import Report
from cleaner.model.run import STOPPED, Firing, RunKind, Schedule
from tests.daemon.naive_cron import due_in
from tests.house import unhurried_sqlite
from tests.virtual_time import VirtualTimeLoop, scheduler_on

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
MINUTE, SOON = timedelta(minutes=1), timedelta(seconds=1)

CONFIG = """
mode: enforce
protect: {in_use: none}
registries:
  - {name: nightly, schedule: "30 2 * * *", timezone: Europe/Berlin, POLICIES}
  - {name: twice, schedule: "15 2,14 * * mon-fri", timezone: America/New_York, POLICIES}
  - {name: often, schedule: "5 */3 * * *", timezone: Australia/Lord_Howe, POLICIES}
  - name: collected
    schedule: "0 */6 * * *"
    garbage_collection: {schedule: "30 3 * * sun"}
    policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]
""".replace("POLICIES", 'policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]')


pytestmark = pytest.mark.xdist_group("a year")

LINES = {
    ("nightly", Schedule.CLEANING): ("30 2 * * *", "Europe/Berlin"),
    ("twice", Schedule.CLEANING): ("15 2,14 * * mon-fri", "America/New_York"),
    ("often", Schedule.CLEANING): ("5 */3 * * *", "Australia/Lord_Howe"),
    ("collected", Schedule.CLEANING): ("0 */6 * * *", "UTC"),
    ("collected", Schedule.COLLECTION): ("30 3 * * sun", "UTC"),
}

Key = tuple[str, Schedule]
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Try:
    """A run that answers the due moment `due`; `code` is None where its process was killed meanwhile."""

    key: Key
    due: datetime
    began: datetime
    ended: datetime
    code: int | None = None


class KilledError(Exception):
    """The process is gone, without a word."""


@dataclass(slots=True)
class Machine:
    """A clock, a disk, and all that happened on it in a year."""

    folder: Path
    random: Random
    loop: VirtualTimeLoop = field(default_factory=VirtualTimeLoop)
    tries: list[Try] = field(default_factory=list)
    lives: list[Span] = field(default_factory=list)
    killed: bool = False

    def now(self) -> datetime:
        """The moment, to the microsecond."""
        return BEGIN + timedelta(seconds=self.loop.time())

    def runs(self, key: Key) -> list[Try]:
        """The tries of one schedule."""
        return [each for each in self.tries if each.key == key]

    async def a_year(self, registries: tuple[RegistrySettings, ...]) -> None:
        """One process after the other, with pauses of minutes to days between them."""
        while self.now() < BEGIN + YEAR:
            began = self.now()
            await self.live(registries, timedelta(hours=self.random.uniform(1, 24 * 14)))
            self.lives.append((began, self.now()))
            for _ in range(self.random.choice([1, 15, 120, 700, 4300])):
                await asyncio.sleep(60)

    async def live(self, registries: tuple[RegistrySettings, ...], span: timedelta) -> None:
        """One process: stopped in the end, or killed."""
        state = f"sqlite:///{self.folder}/state.db"
        self.killed = False
        ids = (f"{self.now()} {number}" for number in count())
        with closing(open_ledger(state, now=self.now, new_id=lambda: next(ids))) as ledger:
            try:
                async with asyncio.TaskGroup() as group:
                    crew = Crew(Duties(self.carrying(ledger), nothing, nothing), heard, group)
                    timetable = Timetable(ledger, Time(self.now, self.random), crew.want, heard)
                    timetable.start()
                    crew.adopt(registries)
                    (await timetable.prepare(registries))()
                    await asyncio.sleep(span.total_seconds())
                    timetable.stop()
                    await self.end(crew)
            except* KilledError:
                await asyncio.sleep(0)  # what the dead process had under way is gone with it

    async def end(self, crew: Crew) -> None:
        """Stopped by a service manager, or killed by who knows whom."""
        if self.random.random() < 0.5:
            self.killed = True
            raise KilledError
        assert await crew.stop(MINUTE)

    def carrying(self, ledger: Ledger) -> Carry:
        """A run that takes its time, and now and then fails."""

        async def carry(registry: RegistrySettings, kind: RunKind, firing: Firing | None) -> Report:
            assert firing is not None
            run = ledger.begin_run(registry.name, kind, firing)
            mine = Try((registry.name, firing.schedule), firing.due, self.now(), self.now())
            self.tries.append(mine)
            code = 1 if self.random.random() < 0.1 else 0
            minutes = self.random.choice([0.1, 1, 5, 20, 400])
            try:
                await asyncio.sleep(60 * minutes)
            except asyncio.CancelledError:
                code = STOPPED
                if self.killed:
                    raise
            finally:
                mine.ended = self.now()
            mine.code = code
            report = replace(Reporter(registry.name).report(None, None), exit_code=code)
            ledger.end_run(run, report)
            return report

        return carry


async def nothing(_: RegistrySettings) -> None:
    """No forecast and no looks: they are not what is asked here."""


def heard(_: Event) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module", params=[1])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine after its year."""
    machine = Machine(tmp_path_factory.mktemp("year"), Random(request.param))
    config = machine.folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    settings = load(config, {})
    with unhurried_sqlite(), scheduler_on(machine.now), closing(machine.loop):
        asyncio.set_event_loop(machine.loop)
        machine.loop.run_until_complete(machine.a_year(settings.registries))
        asyncio.set_event_loop(None)
    return machine


def dues(machine: Machine, key: Key) -> list[datetime]:
    """The due moments of a schedule, while there was anybody whom they concerned."""
    return due_between(key, machine.lives[0][0], machine.lives[-1][1] - timedelta(days=1))


@cache
def due_between(key: Key, first: datetime, last: datetime) -> list[datetime]:
    """The same, worked out once for all tests."""
    line, zone = LINES[key]
    return due_in(line, ZoneInfo(zone), first, last)


def idle(machine: Machine, key: Key, begin: datetime, end: datetime) -> timedelta:
    """How long between two moments a process was up and no run on the registry under way."""
    if end - begin < SOON:
        return timedelta()
    busy = [(each.began, each.ended) for each in machine.tries if each.key[0] == key[0] and begin < each.ended]
    up = sum((overlap(life, (begin, end)) for life in machine.lives), timedelta())
    return up - sum((overlap(span, (begin, end)) for span in busy if span[0] < end), timedelta())


def overlap(one: Span, other: Span) -> timedelta:
    """How long both last."""
    return max(timedelta(), min(one[1], other[1]) - max(one[0], other[0]))


def test_a_year_went_by(machine: Machine) -> None:
    """Were no job ever due, the tests below would pass on nothing."""
    assert len(machine.lives) > 20
    assert len(machine.tries) > 2000
    assert {each.code for each in machine.tries} == {0, 1, STOPPED, None}


@pytest.mark.parametrize("key", LINES, ids=str)
def test_every_due_moment_is_answered_as_soon_as_it_can_be(machine: Machine, key: Key) -> None:
    """Between it and a run no time passes in which the process was up and had nothing else to do."""
    begins = [each.began for each in machine.runs(key)]
    for due in dues(machine, key):
        answer = begins[bisect_left(begins, due)]
        assert idle(machine, key, due, answer) < SOON, (due, answer)


@pytest.mark.parametrize("key", LINES, ids=str)
def test_no_due_moment_is_answered_twice(machine: Machine, key: Key) -> None:
    """Between two runs that answer different moments something was due; those that answer the same one are tries."""
    due = dues(machine, key)
    for before, after in pairwise(machine.runs(key)):
        if before.due == after.due:
            assert before.code != 0
        elif after.began < due[-1]:
            assert bisect_left(due, before.began) < bisect_right(due, after.began), (before, after)


@pytest.mark.parametrize("registry", sorted({name for name, _ in LINES}))
def test_a_registry_has_one_run_at_a_time(machine: Machine, registry: str) -> None:
    """Whatever is due meanwhile."""
    mine = [each for each in machine.tries if each.key[0] == registry]
    assert all(before.ended <= after.began for before, after in pairwise(mine))
