"""The timetable: when each registry's schedules are due, and what was missed.

APScheduler keeps the time, with one job for each schedule's next due moment. When that moment is, `due` says; when a
schedule last fired, the ledger knows: no job outlives the process, and due moments that passed while the process was
down, or the machine asleep, are answered once. So is one whose run was cut short when the process ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import STATE_RUNNING

from cleaner.clock import Now
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.due import longest_pause, next_due
from cleaner.daemon.runs import kind_of, schedules_of
from cleaner.ledger.ledger import Ledger
from cleaner.model.event import Listener, RunScheduled
from cleaner.model.run import Firing, RunKind, Schedule, outcome_of

Ring: TypeAlias = Callable[[str, Schedule, Firing], object]
"""A schedule of the registry of that name is due."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule of one registry."""

    registry: str
    schedule: Schedule
    kind: RunKind
    cron: str
    zone: ZoneInfo
    jitter: timedelta

    @property
    def line(self) -> str:
        """The cron line and its zone, as the ledger knows them: a schedule that was rewritten starts anew."""
        return f"{self.cron} {self.zone.key}"


def entries(registry: RegistrySettings) -> tuple[Entry, ...]:
    """The timetables that a registry has."""
    lines = {Schedule.CLEANING: registry.schedule, Schedule.COLLECTION: registry.garbage_collection.cron}
    return tuple(
        Entry(registry.name, schedule, kind_of(registry, schedule), line, registry.timezone, registry.jitter)
        for schedule in schedules_of(registry)
        if (line := lines[schedule]) is not None
    )


@dataclass(frozen=True, slots=True)
class Time:
    """The clock, and the randomness that puts starts off."""

    now: Now
    randomness: Random


class Timetable:
    """Rings when a schedule is due; tells when it is due next."""

    def __init__(self, ledger: Ledger, time: Time, ring: Ring, tell: Listener) -> None:
        self._ledger = ledger
        self._time = time
        self._ring = ring
        self._tell = tell
        self._entries: dict[str, Entry] = {}
        self._periods: dict[str, timedelta] = {}
        self._dues: dict[str, datetime] = {}
        self._jobs = AsyncIOScheduler(timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True})

    @property
    def is_running(self) -> bool:
        """Whether anything will ever be due."""
        return bool(self._jobs.state == STATE_RUNNING)

    def start(self) -> None:
        """Begin to keep the time."""
        self._jobs.start()

    def stop(self) -> None:
        """Nothing is due any more."""
        self._jobs.shutdown(wait=False)

    def due(self, registry: str, schedule: Schedule) -> datetime | None:
        """When that schedule is due next; None where it never is."""
        return self._dues.get(f"{registry} {schedule.value}")

    async def keep(self, wanted: Iterable[Entry]) -> None:
        """Keep these schedules and no others; one that did not change is not disturbed."""
        later = {_name(entry): entry for entry in wanted}
        for name in sorted(self._entries.keys() - later.keys()):
            self._drop(name)
        for name, entry in later.items():
            before = self._entries.get(name)
            if before != entry:
                self._entries[name] = entry
                self._periods[name] = longest_pause(entry.cron, entry.zone, self._time.now())
                is_missed = self._arm(entry, await asyncio.to_thread(self._since, entry))
                if before is None and not is_missed:
                    await self._go_on(entry)

    def wake(self) -> None:
        """Look at the clock: a machine that slept wakes late, for its timers slept with it."""
        self._jobs.wakeup()

    async def _go_on(self, entry: Entry) -> None:
        """A run of an earlier process that was due, and did not come to its end, is begun anew."""
        last = (await asyncio.to_thread(self._ledger.history.last_runs, entry.registry)).get(entry.kind)
        if last is not None and last.due_at is not None and not outcome_of(last.exit_code).reached_the_end:
            self._ring(entry.registry, entry.schedule, Firing(entry.schedule, entry.line, last.due_at))

    def _since(self, entry: Entry) -> datetime:
        """The moment from which on the schedule's due moments are to be answered."""
        last = self._ledger.firings.last(entry.registry, entry.schedule, entry.line)
        if last is None:
            last = self._time.now()
            self._ledger.firings.begin(entry.registry, entry.schedule, entry.line, last)
        return last

    def _arm(self, entry: Entry, since: datetime) -> bool:
        """Set the next job; whether something was missed: it is answered now, once, however often it was due."""
        due, now = next_due(entry.cron, entry.zone, since), self._time.now()
        if due <= now:
            self._jobs.add_job(self._is_due, args=[entry, now], id=_name(entry), replace_existing=True)
            return True
        put_off = timedelta(seconds=self._time.randomness.uniform(0, entry.jitter.total_seconds()))
        self._jobs.add_job(
            self._is_due, "date", [entry, due], run_date=due + put_off, id=_name(entry), replace_existing=True
        )
        self._dues[_name(entry)] = due
        self._tell(RunScheduled(entry.registry, entry.schedule, entry.kind, due, self._periods[_name(entry)]))
        return False

    async def _is_due(self, entry: Entry, due: datetime) -> None:
        self._ring(entry.registry, entry.schedule, Firing(entry.schedule, entry.line, due))
        self._arm(entry, max(due, self._time.now()))

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        self._dues.pop(name, None)
        self._jobs.remove_job(name)
        self._tell(RunScheduled(entry.registry, entry.schedule, entry.kind, None, None))


def _name(entry: Entry) -> str:
    return f"{entry.registry} {entry.schedule.value}"
