"""One registry's runs, one at a time: those that are due, those that a person asks for, and tries after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from cleaner.config.settings import RegistrySettings
from cleaner.daemon.runs import Carry, kind_of
from cleaner.errors import CleanerError
from cleaner.model.event import Listener, RunNotBegun
from cleaner.model.run import Firing, RunKind, RunOutcome, Schedule

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""How long after a failed run the next try comes: twice as long each time, at most the longest."""

Result = TypeVar("Result")

Forecast: TypeAlias = Callable[[RegistrySettings], Coroutine[Any, Any, None]]
"""Works out what the next run would do; raises nothing."""


class Worker:
    """Works on one registry. What is wanted twice before it begins is done once."""

    def __init__(self, registry: RegistrySettings, carry: Carry, forecast: Forecast, tell: Listener) -> None:
        self.registry = registry
        self._carry = carry
        self._forecast = forecast
        self._tell = tell
        self._wanted: dict[Schedule, Firing | None] = {}
        self._pauses: dict[Schedule, timedelta] = {}
        self._tries: dict[Schedule, asyncio.TimerHandle] = {}
        self._bell = asyncio.Event()
        self._under_way: asyncio.Future[Any] | None = None
        self._is_running = False
        self._forecast_is_old = True
        self._stopping = False

    def want(self, schedule: Schedule, firing: Firing | None = None) -> None:
        """A run is due or asked for: it begins at once, or as soon as the one under way has ended."""
        self._pauses.pop(schedule, None)
        self._want(schedule, firing)

    def adopt(self, registry: RegistrySettings) -> None:
        """Go on under other settings: a run under way under the old ones is stopped, and begun anew."""
        self.registry = registry
        self._forecast_is_old = True
        self._interrupt()
        self._bell.set()

    async def work(self) -> None:
        """Work until `stop`: what is wanted comes first, a fresh forecast after it."""
        while not self._stopping:
            if self._wanted:
                schedule = next(iter(self._wanted))
                await self._run(schedule, self._wanted.pop(schedule))
            elif self._forecast_is_old:
                self._forecast_is_old = False
                await self._alone(self._forecast(self.registry))
            else:
                await self._bell.wait()
                self._bell.clear()

    def stop(self) -> None:
        """Begin nothing more, and stop the run under way: the requests in hand are finished and written down."""
        self._stopping = True
        for again in self._tries.values():
            again.cancel()
        self._interrupt()
        self._bell.set()

    def _want(self, schedule: Schedule, firing: Firing | None) -> None:
        if again := self._tries.pop(schedule, None):
            again.cancel()
        self._wanted[schedule] = firing or self._wanted.get(schedule)
        if not self._is_running:
            self._interrupt()  # a forecast must not keep anybody waiting
        self._bell.set()

    def _interrupt(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()

    async def _run(self, schedule: Schedule, firing: Firing | None) -> None:
        self._is_running = True
        outcome = await self._outcome(kind_of(self.registry, schedule), firing)
        self._is_running = False
        self._forecast_is_old = True
        if schedule in self._wanted:
            pass  # it became due again meanwhile: that is the next try
        elif outcome is RunOutcome.STOPPED:
            self._want(schedule, firing)  # not the whole process stops, but other settings are in force: begun anew
        elif not outcome.reached_the_end:
            self._try_again(schedule, firing)
        else:
            self._pauses.pop(schedule, None)

    async def _outcome(self, kind: RunKind, firing: Firing | None) -> RunOutcome:
        try:
            report = await self._alone(self._carry(self.registry, kind, firing))
        except CleanerError as error:
            self._tell(RunNotBegun(self.registry.name, kind, str(error)))
            return RunOutcome.FAILED
        return RunOutcome.STOPPED if report is None else report.outcome

    def _try_again(self, schedule: Schedule, firing: Firing | None) -> None:
        pause = self._pauses.get(schedule, FIRST_PAUSE)
        self._pauses[schedule] = min(2 * pause, LONGEST_PAUSE)
        loop = asyncio.get_running_loop()
        self._tries[schedule] = loop.call_later(pause.total_seconds(), self._want, schedule, firing)

    async def _alone(self, doing: Coroutine[Any, Any, Result]) -> Result | None:
        """Do it in a way that can be interrupted; None where it was, before it had a result."""
        self._under_way = task = asyncio.ensure_future(doing)
        try:
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            task.cancel()
            self._under_way = None
