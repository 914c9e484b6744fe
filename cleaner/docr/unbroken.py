"""What is in hand is finished, even when the run is stopped (cancelled) meanwhile; nothing more is begun.

A stop reaches the task once. Whoever finishes something swallows it; from then on `is_stopping` tells of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from cleaner.docr.call import Answer, Call, Send

T = TypeVar("T")


async def to_the_end(doing: Awaitable[T]) -> T:
    """What `doing` comes to; a first stop waits for it, a second one does not."""
    task = asyncio.ensure_future(doing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.done():
            raise
        return await task


def is_stopping() -> bool:
    """Whether the current task was asked to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def stop_if_asked() -> None:
    """Stop here, where nothing is in hand, if the current task was asked to.

    Raises:
        asyncio.CancelledError: it was.
    """
    if is_stopping():
        raise asyncio.CancelledError


def unbroken(send: Send) -> Send:
    """The layer that finishes a request once it is sent, and sends none after a stop."""

    async def layer(call: Call) -> Answer:
        stop_if_asked()
        return await to_the_end(send(call))

    return layer
