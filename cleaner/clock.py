"""The only reader of time, randomness and uuids: everyone else is handed them.

Durations inside a run (windows of the rate limit, the age of a listing) are measured by the event
loop's monotonic `time()`, which tests replace together with `Now`.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]
"""Gives the current moment as an aware UTC datetime."""

NewId = Callable[[], str]
"""Gives a fresh identifier (a random uuid in production, a counter in tests)."""


def utc_now() -> datetime:
    """The current moment, aware, UTC."""
    return datetime.now(UTC)


def monotonic_microseconds() -> int:
    """The machine's monotonic clock in microseconds, for a service manager that compares it with its own."""
    return time.monotonic_ns() // 1000


def new_id() -> str:
    """A fresh random uuid, as text."""
    return str(uuid.uuid4())


def randomness() -> random.Random:
    """A source of randomness for jitter, seeded by the operating system."""
    return random.Random()  # noqa: S311 (jitter is no secret)
