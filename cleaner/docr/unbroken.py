"""What is in hand is finished, even when the run is stopped (cancelled) meanwhile; nothing more is begun.

A stop reaches a task once, where it waits. What must not be left half done keeps it back until it is done; it comes
back at the next wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from cleaner.docr.call import Answer, Call, Send

T = TypeVar("T")


async def to_the_end(doing: Awaitable[T]) -> T:
    """What `doing` comes to; a first stop waits for it and is kept back until then, a second one breaks it off."""
    task = asyncio.ensure_future(doing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            return await task
        finally:
            _stop_at_the_next_wait()


async def last_of_all(doing: Awaitable[T]) -> T:
    """The same for the last thing that a task does: a first stop that comes meanwhile has nothing left to stop."""
    task = asyncio.ensure_future(doing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task


def is_broken_off() -> bool:
    """Whether the current task was asked to stop more than once: what it had in hand may have been left half done."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 1


def stop_if_asked() -> None:
    """Stop here, where nothing is in hand, if the current task was asked to.

    Raises:
        asyncio.CancelledError: it was.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def unbroken(send: Send) -> Send:
    """The layer that finishes a request once it is sent, and sends none after a stop."""

    async def layer(call: Call) -> Answer:
        stop_if_asked()
        return await to_the_end(send(call))

    return layer


def _stop_at_the_next_wait() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        task.uncancel()  # it is the same stop, not a second one
        task.cancel()
