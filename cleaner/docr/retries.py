"""Trying again: how often, when, and what must not be sent twice (laws 12 and 13)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import TypeVar

import stamina

from cleaner.docr.answers import decoded
from cleaner.docr.call import Answer, Call, Send
from cleaner.errors import AnswerLost, MalformedAnswer, RateLimited, ServerError, Unreachable

T = TypeVar("T")
W = TypeVar("W")

TROUBLES, LIMITED = 4, 8
"""So often is a request tried that meets trouble, and one that meets the rate limit."""

_FIRST_WAIT = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)


class Channel:
    """Asks until it gets a readable answer, within bounds; `send` is the onion of one plane."""

    def __init__(self, send: Send, randomness: Random) -> None:
        self._send = send
        self._randomness = randomness

    async def send(self, call: Call) -> Answer:
        """The answer, whatever its body holds.

        Raises:
            RemoteError: of the kind that the last attempt met.
        """
        return await retried(lambda: self._send(call), call, self._randomness)

    async def ask(self, call: Call, shape: type[W], value: Callable[[W], T]) -> T:
        """What `value` makes of the answer's body; a body of another shape counts as trouble on the way.

        Raises:
            RemoteError: of the kind that the last attempt met.
        """

        async def once() -> T:
            return value(decoded(await self._send(call), call.what, shape))

        return await retried(once, call, self._randomness)


async def retried(once: Callable[[], Awaitable[T]], call: Call, randomness: Random) -> T:
    """The result of `once`, tried again as `_Again` says for `call`; or the error of the last attempt."""
    again = _Again(call, randomness)
    caller = stamina.AsyncRetryingCaller(attempts=TROUBLES + LIMITED, timeout=None)
    return await caller(again, once)


class _Again:
    """Whether to try again after an error, and after how many seconds: stamina's backoff hook for one request.

    A request that is repeatable, as every read is, is repeated on any trouble; any other only where it was certainly
    not carried out: when no connection was made, and after a 429.
    """

    def __init__(self, call: Call, randomness: Random) -> None:
        self._repeatable = (
            (Unreachable, AnswerLost, MalformedAnswer, ServerError) if call.is_repeatable else Unreachable
        )
        self._not_after = call.not_after
        self._randomness = randomness
        self._troubles = 0
        self._limited = 0

    def __call__(self, error: Exception) -> bool | float:
        wait = self._wait(error)
        if wait is None or self._is_late(wait):
            return False
        return wait

    def _wait(self, error: Exception) -> float | None:
        if isinstance(error, RateLimited):
            self._limited += 1
            # The budget makes everybody wait; where the answer names no pause, this request waits ever longer.
            pause = error.retry_after or min(_FIRST_PAUSE * 2 ** (self._limited - 1), _LONGEST_PAUSE)
            return pause.total_seconds() if self._limited < LIMITED else None
        if not isinstance(error, self._repeatable):
            return None
        self._troubles += 1
        backoff = _FIRST_WAIT * 2 ** (self._troubles - 1)
        return backoff * self._randomness.uniform(1, 1.5) if self._troubles < TROUBLES else None

    def _is_late(self, wait: float) -> bool:
        return self._not_after is not None and asyncio.get_running_loop().time() + wait > self._not_after
