"""The two sliding windows of the rate limit (API page, "Rate limit"), per token."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

_STATED_WHERE_UNLIMITED = 5000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a token stands after a request: the numbers of the answer's headers, and whether the request is refused.

    `retry_after` is None where the request is let through, and where only the hour's window refuses it.
    """

    limit: int
    remaining: int
    reset: int
    refused: bool = False
    retry_after: timedelta | None = None

    def headers(self) -> dict[str, str]:
        """The rate limit's headers; the pause in whole seconds, rounded up."""
        named = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset),
        }
        if self.retry_after is not None:
            named["retry-after"] = str(-(-self.retry_after // timedelta(seconds=1)))
        return named


@dataclass(slots=True)
class _Window:
    """The requests of one token within `span`; a limit of 0 lets everything through."""

    limit: int
    span: timedelta
    requests: deque[datetime] = field(default_factory=deque)

    def slide(self, now: datetime) -> None:
        while self.requests and self.requests[0] + self.span <= now:
            self.requests.popleft()

    @property
    def full(self) -> bool:
        return self.limit > 0 and len(self.requests) >= self.limit

    def oldest_expires(self, now: datetime) -> datetime:
        return self.requests[0] + self.span if self.requests else now


class RateLimit:
    """`per_minute` and `per_hour` requests for each token, 0 for no such window; refused requests are not counted."""

    def __init__(self, per_minute: int, per_hour: int) -> None:
        self._limits = (per_minute, per_hour)
        self._windows: dict[str, tuple[_Window, _Window]] = {}

    def ask(self, token: str, now: datetime) -> Standing:
        """Count a request of `token`, or refuse it."""
        minute, hour = self._slid(token, now)
        if minute.full:
            pause = minute.oldest_expires(now) - now
            return replace(_standing(minute, hour, now), remaining=0, refused=True, retry_after=pause)
        if hour.full:
            return replace(_standing(minute, hour, now), remaining=0, refused=True)
        for window in (minute, hour):
            if window.limit:
                window.requests.append(now)
        return _standing(minute, hour, now)

    def look(self, token: str, now: datetime) -> Standing:
        """How `token` stands, without counting a request."""
        return _standing(*self._slid(token, now), now)

    def _slid(self, token: str, now: datetime) -> tuple[_Window, _Window]:
        if token not in self._windows:
            per_minute, per_hour = self._limits
            self._windows[token] = _Window(per_minute, timedelta(minutes=1)), _Window(per_hour, timedelta(hours=1))
        for window in self._windows[token]:
            window.slide(now)
        return self._windows[token]


def _standing(minute: _Window, hour: _Window, now: datetime) -> Standing:
    stated = hour if hour.limit else minute
    limit = stated.limit or _STATED_WHERE_UNLIMITED
    reset = math.ceil(stated.oldest_expires(now).timestamp())
    return Standing(limit, limit - len(stated.requests), reset)
