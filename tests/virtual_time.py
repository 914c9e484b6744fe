"""A loop whose time is virtual, and whose threads run inline: months pass at once, and always in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import async_solipsism


class VirtualTimeLoop(async_solipsism.EventLoop):  # type: ignore[misc]  # the library has no types
    """`asyncio.to_thread` runs at once, in the loop's own thread: no real thread could see virtual time."""

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        del executor
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # as a thread does: whoever awaits it gets it
            future.set_exception(error)
        return future
