"""The daemon from its start to its end, without the process around it: no signals, no sockets.

    settings → timetable, crew → runs → events → metrics, board, log, heartbeats

`keep` is the story. A reload puts other settings in force without a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from cleaner.config.settings import RegistrySettings, Settings
from cleaner.daemon.board import Board
from cleaner.daemon.crew import Crew, Duties
from cleaner.daemon.due import next_due
from cleaner.daemon.heartbeat import Heartbeats
from cleaner.daemon.logbook import Logbook
from cleaner.daemon.lookout import AUDIT_EACH, COLLECTION_EACH, FIRST_AUDIT, STORAGE_EACH, USES_EACH, Look, look_out
from cleaner.daemon.metrics import Metrics
from cleaner.daemon.runs import carrying, kinds_of
from cleaner.daemon.sources import sources_of
from cleaner.daemon.timetable import Time, Timetable
from cleaner.errors import CleanerError
from cleaner.ledger.history import PastRun
from cleaner.model.event import ConfigurationReloaded, Event, Warned
from cleaner.model.run import RunKind, Schedule
from cleaner.wiring import Application, Edges

GRACE = timedelta(seconds=75)
"""How long a stop waits for what is in hand: a request takes at most 60 s, and its record 5 s."""

_LAST_BEATS = timedelta(seconds=5)

Reread = Callable[[], Settings]
"""Reads the configuration anew; raises a CleanerError where it cannot be used."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """All who hear what happens."""

    board: Board
    metrics: Metrics
    logbook: Logbook
    heartbeats: Heartbeats

    def hear(self, event: Event) -> None:
        """Tell them all."""
        self.logbook.hear(event)
        self.metrics.hear(event)
        self.board.hear(event)
        self.heartbeats.hear(event)

    def expect(self, registries: Sequence[RegistrySettings]) -> None:
        """From now on these registries are spoken of, and no others."""
        kinds = {registry.name: kinds_of(registry) for registry in registries}
        self.metrics.expect(kinds, {registry.name: sources_of(registry) for registry in registries})
        self.board.expect(registries)
        self.heartbeats.expect(registries)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Heartbeats are sent inside; at the end the last ones are given a few seconds."""
        sending = asyncio.create_task(self.heartbeats.run())
        try:
            yield
            await self.heartbeats.drain(_LAST_BEATS)
        finally:
            sending.cancel()


class Keeper:
    """Keeps the registries of its settings inside their policies, by the timetable, until it is told to stop."""

    def __init__(self, application: Application, edges: Edges, listeners: Listeners, reread: Reread) -> None:
        self.application = application
        self.listeners = listeners
        self.is_ready = False
        self._now = edges.now
        self._reread = reread
        self._reloading = asyncio.Lock()
        self._remembered: frozenset[str] = frozenset()
        self._group = asyncio.TaskGroup()
        self._crew = Crew(
            Duties(carrying(application, listeners.hear), self._forecast, self._look_out), listeners.hear, self._group
        )
        time = Time(edges.now, edges.randomness)
        self.timetable = Timetable(application.ledger, time, self._crew.want, listeners.hear)

    async def keep(self, stop: asyncio.Event, announce: Callable[[], None]) -> bool:
        """Start and announce it, work until `stop`, and finish what is in hand; whether that was done within the grace.

        Raises:
            StateError: the ledger cannot be read or written.
        """
        async with self.listeners.beating(), self._group:
            self.timetable.start()
            async with self._reloading:
                put_in_force = await self._prepare(self.application.settings)
                put_in_force()
            self.is_ready = True
            announce()
            await stop.wait()
            self.is_ready = False
            self.timetable.stop()
            return await self._crew.stop(GRACE)

    async def reload(self) -> str | None:
        """Put the configuration in force as it is now; why the old one stays, None where the new one is."""
        async with self._reloading:
            try:
                settings = await asyncio.to_thread(self._reread)
                put_in_force = await self._prepare(settings)
            except CleanerError as error:
                self.listeners.hear(ConfigurationReloaded(str(error)))
                return str(error)
            if not self.is_ready:
                return "the process is being stopped"
            put_in_force()
            self.listeners.hear(ConfigurationReloaded(None))
            return None

    def start_run(self, registry: str) -> bool:
        """Whether there is such a registry; it is cleaned as soon as no run on it is under way."""
        return self._crew.want(registry, Schedule.CLEANING)

    def status(self) -> str:
        """What it is about, in a line for the service manager."""
        names = [registry.name for registry in self.application.settings.registries]
        dues = [(due, name) for name in names if (due := self.timetable.due(name, Schedule.CLEANING))]
        following = f"next is {min(dues)[1]} at {min(dues)[0]:%Y-%m-%d %H:%M} UTC" if dues else "nothing is scheduled"
        return f"keeps {', '.join(names)}; {following}"

    async def _prepare(self, settings: Settings) -> Callable[[], None]:
        """Look up what these settings need; calling what this gives puts them in force, all at once.

        Raises:
            StateError: the ledger cannot be read or written; what was in force stays so.
        """
        new = [registry.name for registry in settings.registries if registry.name not in self._remembered]
        pasts = [await asyncio.to_thread(self._past, name) for name in new]
        keep_time = await self.timetable.prepare(settings.registries)

        def put_in_force() -> None:
            self.application.adopt(settings)
            self.listeners.expect(settings.registries)
            for name, last, succeeded in pasts:
                self.listeners.metrics.restore(name, last, succeeded)
            self._remembered = frozenset(registry.name for registry in settings.registries)
            self._crew.adopt(settings.registries)
            keep_time()

        return put_in_force

    def _past(self, registry: str) -> tuple[str, Mapping[RunKind, PastRun], Mapping[RunKind, PastRun]]:
        """What earlier processes did on a registry: its last runs and its last successes, for the metrics."""
        history = self.application.ledger.history
        return registry, history.last_runs(registry), history.last_successes(registry)

    async def _forecast(self, registry: RegistrySettings) -> None:
        """What the next run would do, if nothing were pushed until then."""
        due = next_due(registry.schedule, registry.timezone, self._now()) if registry.schedule else None
        try:
            await self.application.plan(registry, due, self.listeners.hear)
        except CleanerError as error:
            self.listeners.hear(Warned(registry.name, f"what the next run would do is not known: {error}"))

    def _look_out(self, registry: RegistrySettings) -> Coroutine[Any, Any, None]:
        application, tell = self.application, self.listeners.hear
        looks = [
            Look(partial(application.watch_collection, registry, tell), COLLECTION_EACH),
            Look(partial(application.watch_storage, registry, tell), STORAGE_EACH),
            Look(partial(self._audit, registry), AUDIT_EACH, after=FIRST_AUDIT),
        ]
        if registry.in_use:
            looks.append(Look(partial(application.watch_uses, registry, tell), USES_EACH))
        return look_out(registry.name, looks, tell)

    async def _audit(self, registry: RegistrySettings) -> None:
        """Audit the registry, and tell where that says nothing of something."""
        unseen = (await self.application.audit(registry, self.listeners.hear)).unseen
        if unseen:
            more = f" (and {len(unseen) - 1} more)" if len(unseen) > 1 else ""
            self.listeners.hear(Warned(registry.name, f"the audit has not seen everything: {unseen[0]}{more}"))
