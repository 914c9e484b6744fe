"""The timetable: when each registry's schedules are due, and what was missed.

APScheduler keeps the time, with one job for each schedule's next due moment. When that moment is, `due` says; when a
schedule last fired, the ledger knows: no job outlives the process, and due moments that passed while the process was
down, or the machine asleep, are answered once. So is one whose run was cut short when the process ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
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


@dataclass(frozen=True, slots=True)
class _Past:
    """What the ledger knows of an entry: from when on its due moments are to be answered, and which was cut short."""

    entry: Entry
    since: datetime
    cut_short: datetime | None


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
        # What is due now may be set while the same job's last function is still on its way out: two instances.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 2}
        self._jobs = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)

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

    def wake(self) -> None:
        """Look at the clock: a machine that slept wakes late, for its timers slept with it; one set back waits anew."""
        if not self.is_running:
            return
        self._jobs.wakeup()
        now = self._time.now()
        for name, entry in self._entries.items():
            due = next_due(entry.cron, entry.zone, now)
            if self._dues[name] > due:
                self._arm(entry, due)

    async def prepare(self, registries: Iterable[RegistrySettings]) -> Callable[[], None]:
        """Look up what the registries' schedules need; calling what this gives keeps them, and no others.

        A schedule that did not change is not disturbed.

        Raises:
            StateError: the ledger cannot be read or written; what was kept is kept on.
        """
        wanted = {_name(entry): entry for registry in registries for entry in entries(registry)}
        new = [entry for name, entry in wanted.items() if not self._has_line_of(entry)]
        pasts = [await asyncio.to_thread(self._past, entry) for entry in new]
        for entry in self._entries.values():
            if _name(entry) not in wanted:
                await asyncio.to_thread(self._ledger.firings.forget, entry.registry, entry.schedule)
        return partial(self._keep, wanted, pasts)

    def _has_line_of(self, entry: Entry) -> bool:
        known = self._entries.get(_name(entry))
        return known is not None and known.line == entry.line

    def _past(self, entry: Entry) -> _Past:
        since = self._ledger.firings.last(entry.registry, entry.schedule, entry.line)
        if since is not None:
            now = self._time.now()  # what the ledger has from a clock that was ahead holds nothing up
            return _Past(entry, min(since, now), self._cut_short(entry))
        begin = self._time.now()
        self._ledger.firings.begin(entry.registry, entry.schedule, entry.line, begin)
        return _Past(entry, begin, None)

    def _cut_short(self, entry: Entry) -> datetime | None:
        """The due moment whose run did not come to its end with the process that began it."""
        last = self._ledger.history.last_runs(entry.registry).get(entry.kind)
        return None if last is None or outcome_of(last.exit_code).reached_the_end else last.due_at

    def _keep(self, wanted: Mapping[str, Entry], pasts: Iterable[_Past]) -> None:
        for name in sorted(self._entries.keys() - wanted.keys()):
            self._drop(name)
        for past in pasts:
            self._begin(past)
        for name, entry in wanted.items():
            if self._entries[name] != entry:  # but its line is the same, and so is the moment that it waits for
                self._entries[name] = entry
                self._arm(entry, self._dues[name])

    def _begin(self, past: _Past) -> None:
        entry = past.entry
        self._entries[_name(entry)] = entry
        self._periods[_name(entry)] = longest_pause(entry.cron, entry.zone, self._time.now())
        due = next_due(entry.cron, entry.zone, past.since)
        if due > self._time.now() and past.cut_short is not None:
            self._ring(entry.registry, entry.schedule, Firing(entry.schedule, entry.line, past.cut_short))
        self._arm(entry, due)

    def _arm(self, entry: Entry, due: datetime) -> None:
        """Set the next job. What was missed is answered now, once, however often it was due."""
        now = self._time.now()
        self._dues[_name(entry)] = due
        if due <= now:
            self._jobs.add_job(self._is_due, args=[entry, now], id=_name(entry), replace_existing=True)
            return
        room = next_due(entry.cron, entry.zone, due) - due  # no further than the next due moment, or that would be lost
        put_off = timedelta(seconds=self._time.randomness.uniform(0, min(entry.jitter, room).total_seconds()))
        self._jobs.add_job(
            self._is_due, "date", [entry, due], run_date=due + put_off, id=_name(entry), replace_existing=True
        )
        self._tell(RunScheduled(entry.registry, entry.schedule, entry.kind, due, self._periods[_name(entry)]))

    async def _is_due(self, entry: Entry, due: datetime) -> None:
        if self._entries.get(_name(entry)) != entry:
            return  # a reload came between the job's moment and this: it has seen to what was due
        self._ring(entry.registry, entry.schedule, Firing(entry.schedule, entry.line, due))
        self._arm(entry, next_due(entry.cron, entry.zone, max(due, self._time.now())))

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        self._dues.pop(name)
        if self._jobs.get_job(name):
            self._jobs.remove_job(name)
        self._tell(RunScheduled(entry.registry, entry.schedule, entry.kind, None, None))


def _name(entry: Entry) -> str:
    return f"{entry.registry} {entry.schedule.value}"
