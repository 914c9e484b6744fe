"""Reloads, stops, kills, failures, wishes and due moments in any order: nothing is lost, and nothing is doubled.

A day of two registries whose policies grow and shrink, from a seed. What must hold of it is checked on what the
provider saw, on what the ledger says, and on what was told.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import httpx
import pytest

from cleaner.errors import RunInProgress
from cleaner.ledger.history import PastRun
from cleaner.model.event import RunBegan, RunEnded
from cleaner.model.run import Schedule
from tests.daemon.household import (
    HOUR,
    MINUTE,
    SECOND,
    Household,
    Process,
    account,
    at,
    configuration,
    entry,
    household,
    versions,
)
from tests.daemon.naive_cron import due_in
from tests.house import START
from tests.slow_disk import SlowDiskLoop

pytestmark = pytest.mark.xdist_group("any order")

MANY = 60
JITTER = 91 * SECOND
NAMES = ("acme", "beta")
LINES = ('"*/20 * * * *"', '"7 * * * *"', '"30 */2 * * *"')
CALM, END = at("17:00", 24), at("19:00", 24)
STORY = ("reload", "reload", "reload", "broken", "stop", "kill", "wish", "wish", "trouble", "trouble", "held")


@dataclass(slots=True)
class Day:
    """What happens on a day; `in_force` is how many versions each registry keeps, from when on."""

    home: Household
    random: Random
    keeps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, MANY))
    lines: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, LINES[0]))
    in_force: dict[str, list[tuple[datetime, int]]] = field(default_factory=lambda: {name: [] for name in NAMES})
    lives: list[tuple[datetime, datetime]] = field(default_factory=list)
    happened: set[str] = field(default_factory=set)
    trouble_until: datetime = START

    def configure(self) -> None:
        """Write the file as it is meant now."""
        entries = [
            entry(name, schedule=self.lines[name], jitter="90s", keep=f'[{{tags: ["v*"], last: {self.keeps[name]}}}]')
            for name in NAMES
        ]
        self.home.configure(configuration(*entries))

    def note(self) -> None:
        """From this moment on these policies are in force."""
        for name in NAMES:
            self.in_force[name].append((self.home.house.now(), self.keeps[name]))

    def answer(self, _: httpx.Request) -> httpx.Response | None:
        """The provider is in trouble now and then."""
        if self.home.house.now() < self.trouble_until:
            return httpx.Response(500, json={"id": "trouble", "message": "not now"})
        return None

    async def goes_by(self) -> None:
        """One process after the other, until the evening; the last two hours are calm."""
        while self.home.house.now() < CALM:
            self.configure()
            async with self.home.process() as process:
                self.note()
                began = self.home.house.now()
                await self.live(process)
                self.lives.append((began, self.home.house.now()))
                if not process.keeping.done():
                    assert await process.stop()
            await asyncio.sleep(self.random.choice([1, 60, 1500]))
        self.configure()
        async with self.home.process():
            self.note()
            self.lives.append((self.home.house.now(), END + HOUR))
            await self.home.until(END)

    async def live(self, process: Process) -> None:
        """Things happen every few minutes or seconds, until one of them ends the process."""
        while self.home.house.now() < CALM:
            await asyncio.sleep(self.random.choice([0.0, 0.3, 2.0, 7.5, 60.0, 400.0, 900.0]))
            event = self.random.choice(STORY)
            self.happened.add(event)
            if event == "stop":
                return
            if event == "kill":
                await self.home.kill(process)
                return
            await self.happens(event, process)

    async def happens(self, event: str, process: Process) -> None:
        """One thing that does not end the process."""
        match event:
            case "reload":
                name = self.random.choice(NAMES)
                self.keeps[name] = self.random.randint(5, MANY)
                self.lines[self.random.choice(NAMES)] = self.random.choice(LINES)
                self.configure()
                assert await process.keeper.reload() is None
                self.note()
            case "broken":
                self.home.configure("registries: 7")
                assert await process.keeper.reload() is not None
            case "wish":
                assert process.keeper.start_run(self.random.choice(NAMES))
            case "trouble":
                self.trouble_until = self.home.house.now() + timedelta(minutes=self.random.choice([0.1, 2, 30]))
            case _:
                await self.is_held(self.random.choice(NAMES), self.random.choice([5, 300]))

    async def is_held(self, name: str, seconds: float) -> None:
        """Another process works on a registry, unless ours does."""
        with suppress(RunInProgress), self.home.house.application() as other, other.ledger.hold(name):
            await asyncio.sleep(seconds)


@pytest.fixture(scope="module", params=range(3))
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day that is over; every second one is of a machine with a slow disk."""
    first = configuration(*(entry(name, schedule=LINES[0]) for name in NAMES))
    with household(tmp_path_factory.mktemp("day"), first, account(**{n: versions(MANY) for n in NAMES})) as home:
        if request.param % 2:
            home.house.loop.close()
            home.house.loop = SlowDiskLoop(0.01)
        day = Day(home, Random(request.param))
        home.house.network.before = day.answer
        home.house.network.delay = lambda asked: 3.0 if asked.method == "DELETE" else 0.0
        home.run(day.goes_by())
        return day


def test_much_happened(day: Day) -> None:
    """Were it not so, the tests below would pass on nothing."""
    assert len(day.happened) >= 5
    assert len(day.lives) > 2
    assert len(day.home.past_runs()) > 20
    assert len(day.home.carried_out()) > 20


def test_a_registry_has_one_run_at_a_time(day: Day) -> None:
    """A run begins when the one before has ended, or its process was killed."""
    for name in NAMES:
        runs = [told for _, told in day.home.heard if isinstance(told, RunBegan | RunEnded) and told.registry == name]
        for before, after in pairwise(runs):
            assert isinstance(after, RunBegan) or (isinstance(before, RunBegan) and before.run == after.run)
        mine = [run for run in day.home.past_runs() if run.registry == name]
        assert all(a.ended_at is not None and a.ended_at <= b.started_at for a, b in pairwise(mine))


def test_no_deletion_is_sent_that_the_policy_in_force_keeps(day: Day) -> None:
    """From the moment on at which a reload is over."""
    digests = {str(manifest["digest"]): n for n, manifest in enumerate(versions(MANY).manifests)}
    for moment, path in day.home.deletes():
        name, digest = path.split("/")[3], path.rpartition("/")[2]
        history = day.in_force[name]
        _, keeps = history[bisect_right(history, moment, key=lambda each: each[0]) - 1]
        assert digests[digest] < MANY - keeps, (moment, name, keeps)


def test_nothing_is_sent_while_no_process_lives(day: Day) -> None:
    """After a stop or a kill not one deletion leaves."""
    for moment, _ in day.home.deletes():
        assert any(began <= moment <= ended + SECOND / 100 for began, ended in day.lives), moment


def test_what_was_deleted_is_on_record_and_nothing_else(day: Day) -> None:
    """Each manifest that is gone, once; and nothing stays open once a run has come to its end."""
    for name in NAMES:
        mine = [past for past in day.home.past_deletions() if past.registry == name]
        gone = [past.digest for past in mine if past.outcome == "deleted"]
        assert len(gone) == len(set(gone)) == MANY - len(day.home.house.digests(name))
        assert None not in {past.outcome for past in mine}
        _, keeps = min(day.in_force[name], key=lambda each: each[1])
        assert len(gone) <= MANY - keeps


def test_every_due_moment_is_answered_once_it_can_be(day: Day) -> None:
    """In the calm of the evening each is answered on time by one run; what was due before has been answered by then."""
    for name in NAMES:
        runs = [run for run in day.home.past_runs() if run.registry == name]
        evening = [run for run in runs if run.due_at and run.due_at > CALM + HOUR]
        line, zone = day.lines[name].strip('"'), ZoneInfo("UTC")
        assert [run.due_at for run in evening] == due_in(line, zone, CALM + HOUR, END - 2 * MINUTE)
        assert all(timedelta() <= run.started_at - run.due_at <= JITTER for run in evening if run.due_at)
        assert all(run.exit_code == 0 for run in evening)
        with day.home.house.application() as application:
            fired = application.ledger.firings.last(name, Schedule.CLEANING, f"{line} UTC")
        assert fired == runs[-1].due_at
        assert {run.due_at for run in runs if run.exit_code != 0 and run.due_at} <= answered(runs)


def answered(runs: list[PastRun]) -> set[datetime]:
    """The due moments that are answered: by a run of their own, or by one for a later moment."""
    ends = [run.due_at for run in runs if run.exit_code == 0 and run.due_at]
    return {run.due_at for run in runs if run.due_at and run.due_at <= max(ends)}
