"""The budget of one token: what the provider's rate limit leaves us, shared by all who use that token (law 13).

The provider's windows slide, and so do these: a request takes up a place from the moment it is sent until a whole
window after its answer arrived. Whenever between those two the provider counted it, it never counts more than we do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from math import floor

from cleaner.clock import Now
from cleaner.config.settings import RateLimit
from cleaner.errors import BudgetTooLate

LONGEST_PAUSE = timedelta(hours=1, minutes=5)
"""No answer makes us wait longer than this before we ask again."""

_MINUTE, _HOUR = 60.0, 3600.0
_MARGIN = 1.0  # the provider's timers may count whole seconds
_TICK = 0.001  # a loop may wake a little early; the margin covers it


def asked_pause(headers: Mapping[str, str]) -> timedelta | None:
    """The pause that `retry-after` asks for, at most `LONGEST_PAUSE`; None where it names no number of seconds."""
    seconds = _number(headers, "retry-after")
    return None if seconds is None else min(timedelta(seconds=seconds), LONGEST_PAUSE)


def stated_limit(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The requests a window that an answer says the token has, and those that remain; None where it lacks either."""
    limit, remaining = _number(headers, "ratelimit-limit"), _number(headers, "ratelimit-remaining")
    return None if limit is None or remaining is None else (limit, remaining)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


class _Window:
    """The places of one sliding window, `limit` in `length` seconds."""

    def __init__(self, limit: int, length: float) -> None:
        self._limit = limit
        self._length = length + _MARGIN
        self._freed_at: deque[float] = deque()

    def opens_at(self, ahead: int, in_flight: int, now: float) -> float:
        """The earliest moment at which one that has `ahead` others before it gets a place."""
        while self._freed_at and self._freed_at[0] <= now:
            self._freed_at.popleft()
        rounds, place = divmod(ahead, self._limit)
        free = self._limit - in_flight - len(self._freed_at)
        return self._nth_freed(place - free, now) + rounds * self._length

    def _nth_freed(self, n: int, now: float) -> float:
        if n < 0:
            return now
        return self._freed_at[n] if n < len(self._freed_at) else now + self._length

    def answered(self, now: float) -> None:
        """A request that took a place has ended; its place is freed when the window has passed over it."""
        self._freed_at.append(now + self._length)


class Budget:
    """Grants requests, first come, first served, so that their number stays inside the rate limit less its reserve.

    Besides its own count it obeys what answers say: a 429 makes everybody wait, and while `ratelimit-remaining` has
    come down to the reserve, one request goes at each `ratelimit-reset`. All times are the event loop's.
    """

    def __init__(self, limit: RateLimit, now: Now) -> None:
        self._now = now
        self._reserve = limit.reserve
        limits = ((limit.per_minute, _MINUTE), (limit.per_hour, _HOUR))
        self._windows = [_Window(max(1, floor(n * (1 - limit.reserve))), length) for n, length in limits if n]
        self._queue = asyncio.Lock()
        self._waiting = 0
        self._in_flight = 0
        self._paused_until = 0.0
        self._scarce = False
        self._answered = asyncio.Event()

    @asynccontextmanager
    async def turn(self, not_after: float | None = None) -> AsyncIterator[None]:
        """Waits for a request's turn; the request is sent, answered and heeded inside.

        Raises:
            BudgetTooLate: its turn would come, or has come, after `not_after`; nothing was sent.
        """
        await self._acquire(not_after)
        try:
            yield
        finally:
            self._release()

    def heed(self, status: int, headers: Mapping[str, str]) -> None:
        """Obeys what an answer says about the rate limit."""
        if status == 429:
            self._pause(asked_pause(headers) or self._until_reset(headers) or timedelta(seconds=_MARGIN))
        elif status == 503:
            self._pause(asked_pause(headers) or timedelta(0))
        elif self._windows:
            self._heed_remaining(headers)

    async def _acquire(self, not_after: float | None) -> None:
        if not_after is not None and self._opens_at(self._waiting) > not_after:
            raise _too_late()
        self._waiting += 1
        try:
            async with asyncio.timeout_at(not_after), self._queue:
                await self._wait_for_place()
                self._in_flight += 1
        except TimeoutError:
            raise _too_late() from None
        finally:
            self._waiting -= 1

    async def _wait_for_place(self) -> None:
        """Ends: places and pauses run out, and every request in flight has a time limit of its own."""
        loop = asyncio.get_running_loop()
        while (probing := self._scarce and self._in_flight > 0) or self._opens_at(0) > loop.time() + _TICK:
            self._answered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if probing else self._opens_at(0)):
                    await self._answered.wait()

    def _opens_at(self, ahead: int) -> float:
        now = asyncio.get_running_loop().time()
        places = (window.opens_at(ahead, self._in_flight, now) for window in self._windows)
        return max(now, self._paused_until, *places)

    def _release(self) -> None:
        self._in_flight -= 1
        for window in self._windows:
            window.answered(asyncio.get_running_loop().time())
        self._answered.set()

    def _heed_remaining(self, headers: Mapping[str, str]) -> None:
        stated = stated_limit(headers)
        self._scarce = stated is not None and stated[1] <= stated[0] * self._reserve
        if self._scarce:
            self._pause(self._until_reset(headers) or timedelta(seconds=_MARGIN))

    def _until_reset(self, headers: Mapping[str, str]) -> timedelta | None:
        reset = _number(headers, "ratelimit-reset")
        if reset is None:
            return None
        seconds = reset - self._now().timestamp()
        return timedelta(seconds=min(max(seconds, 0), _HOUR) + _MARGIN)

    def _pause(self, pause: timedelta) -> None:
        until = asyncio.get_running_loop().time() + pause.total_seconds()
        self._paused_until = max(self._paused_until, until)


def _too_late() -> BudgetTooLate:
    return BudgetTooLate(
        "the rate limit's budget grants this request only after its deadline",
        "Run again later, or raise `api.rate_limit` if the token's limit allows it",
    )
