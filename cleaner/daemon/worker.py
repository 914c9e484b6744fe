"""One registry's runs, one at a time: those that are due, those that a person asks for, and tries after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from cleaner.config.settings import RegistrySettings
from cleaner.daemon.runs import Carry, kind_of, not_begun
from cleaner.daemon.timetable import entries
from cleaner.errors import CleanerError
from cleaner.model.event import Listener
from cleaner.model.run import Firing, RunKind, RunOutcome, Schedule

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""How long after a failed run the next try comes: twice as long each time, at most the longest."""

Result = TypeVar("Result")

Forecast: TypeAlias = Callable[[RegistrySettings], Coroutine[Any, Any, None]]
"""Works out what the next run would do; raises nothing."""


class Worker:
    """Works on one registry. What is wanted twice before it begins is done once.

    `_due` holds the due moments that no run has answered by coming to its end: whichever run comes next does.
    """

    def __init__(self, registry: RegistrySettings, carry: Carry, forecast: Forecast, tell: Listener) -> None:
        self.registry = registry
        self._carry = carry
        self._forecast = forecast
        self._tell = tell
        self._wanted: dict[Schedule, None] = {}
        self._due: dict[Schedule, Firing] = {}
        self._pauses: dict[Schedule, timedelta] = {}
        self._tries: dict[Schedule, asyncio.TimerHandle] = {}
        self._bell = asyncio.Event()
        self._under_way: asyncio.Task[Any] | None = None
        self._is_running = False
        self._forecast_is_old = True
        self._stopping = False

    def want(self, schedule: Schedule, firing: Firing | None = None) -> None:
        """A run is due or asked for: it begins at once, or as soon as the one under way has ended."""
        if firing is not None:
            self._due[schedule] = firing
        self._pauses.pop(schedule, None)
        self._want(schedule)

    def adopt(self, registry: RegistrySettings) -> None:
        """Go on under other settings: a run under way under the old ones is stopped, and begun anew.

        What was due by a schedule that the registry no longer has is due no more.
        """
        self.registry = registry
        scheduled = {entry.schedule for entry in entries(registry)}
        for schedule in [schedule for schedule in self._due if schedule not in scheduled]:
            self._due.pop(schedule)
            self._wanted.pop(schedule, None)
            self._try_no_more(schedule)
        self._forecast_is_old = True
        self._interrupt()
        self._bell.set()

    async def work(self) -> None:
        """Work until `stop`: what is wanted comes first, a fresh forecast after it."""
        while not self._stopping:
            if self._wanted:
                schedule = next(iter(self._wanted))
                self._wanted.pop(schedule)
                await self._run(schedule)
            elif self._forecast_is_old:
                self._forecast_is_old = False
                await self._alone(self._forecast(self.registry))
            else:
                await self._bell.wait()
                self._bell.clear()

    def stop(self) -> None:
        """Begin nothing more, and stop the run under way: the requests in hand are finished and written down."""
        self._stopping = True
        for schedule in list(self._tries):
            self._try_no_more(schedule)
        self._interrupt()
        self._bell.set()

    def _want(self, schedule: Schedule) -> None:
        self._try_no_more(schedule)
        self._wanted[schedule] = None
        if not self._is_running:
            self._interrupt()  # a forecast must not keep anybody waiting
        self._bell.set()

    def _interrupt(self) -> None:
        """Stop what is under way; a second time would break off what it has in hand."""
        if self._under_way is not None and not self._under_way.cancelling():
            self._under_way.cancel()

    async def _run(self, schedule: Schedule) -> None:
        firing = self._due.get(schedule)
        self._is_running = True
        outcome = await self._outcome(kind_of(self.registry, schedule), firing)
        self._is_running = False
        self._forecast_is_old = True
        is_current = self._due.get(schedule) == firing
        if outcome.reached_the_end:
            self._pauses.pop(schedule, None)
            if is_current:
                self._due.pop(schedule, None)
        elif is_current and schedule not in self._wanted and not self._stopping:
            self._again(schedule, outcome)

    async def _outcome(self, kind: RunKind, firing: Firing | None) -> RunOutcome:
        try:
            report = await self._alone(self._carry(self.registry, kind, firing))
        except CleanerError as error:
            self._tell(not_begun(self.registry, kind, error))
            return RunOutcome.FAILED
        return RunOutcome.STOPPED if report is None else report.outcome

    def _again(self, schedule: Schedule, outcome: RunOutcome) -> None:
        """Begin anew at once a run that other settings have stopped, and after a pause one that failed."""
        if outcome is RunOutcome.STOPPED:
            self._want(schedule)
            return
        if schedule not in self._due:
            return  # a person asked for it, and sees that it failed; another try would have the limits anew
        pause = self._pauses.get(schedule, FIRST_PAUSE)
        self._pauses[schedule] = min(2 * pause, LONGEST_PAUSE)
        self._tries[schedule] = asyncio.get_running_loop().call_later(pause.total_seconds(), self._want, schedule)

    def _try_no_more(self, schedule: Schedule) -> None:
        if again := self._tries.pop(schedule, None):
            again.cancel()

    async def _alone(self, doing: Coroutine[Any, Any, Result]) -> Result | None:
        """Do it in a way that can be interrupted; None where it was, before it had a result."""
        self._under_way = task = asyncio.create_task(doing)
        try:
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            task.cancel()
            self._under_way = None
