"""A loop whose time is virtual, and whose threads run inline: months pass at once, and always in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from typing import Any
from unittest.mock import patch

import async_solipsism

from cleaner.clock import Now


class VirtualTimeLoop(async_solipsism.EventLoop):  # type: ignore[misc]  # the library has no types
    """`asyncio.to_thread` runs at once, in the loop's own thread: no real thread could see virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self._clock_resolution = 1e-6  # past half a year, `time() + 1e-9` is no later than `time()`

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        del executor
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # as a thread does: whoever awaits it gets it
            future.set_exception(error)
        return future


class _OfTheModule(type):
    """Any datetime is one of the stand-in's: the module that it stands in also asks for the type."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


@contextmanager
def scheduler_on(now: Now) -> Iterator[None]:
    """APScheduler reads the clock by itself: inside, it reads this one."""

    class VirtualDatetime(datetime, metaclass=_OfTheModule):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # an ordinary datetime will do
            return now().astimezone(tz)

    with ExitStack() as stack:
        for module in ("schedulers.base", "executors.base", "triggers.date"):
            stack.enter_context(patch(f"apscheduler.{module}.datetime", VirtualDatetime))
        yield
