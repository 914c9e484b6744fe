"""How strict and how slow the simulator is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`token` None takes any bearer; the limits are requests a token, 0 for no limit; `latency` delays each answer."""

    token: str | None = field(default=None, repr=False)
    per_minute: int = 0
    per_hour: int = 0
    latency: timedelta = timedelta(0)
