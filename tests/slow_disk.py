"""A virtual loop on which the disk takes its time: a stop can meet a run while something is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.virtual_time import VirtualTimeLoop


class SlowDiskLoop(VirtualTimeLoop):
    """What runs in a thread is done after `seconds`, also where nobody waits for it any more: so it is with threads."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        del executor
        future: asyncio.Future[Any] = self.create_future()
        self.call_later(self.seconds, self._do, future, func, args)
        return future

    def _do(self, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            result = func(*args)
        except BaseException as error:  # a crash under test as well: whoever waits for it gets it
            if not future.cancelled():
                future.set_exception(error)
        else:
            if not future.cancelled():
                future.set_result(result)
