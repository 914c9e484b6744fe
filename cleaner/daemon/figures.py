"""Moments, prices and names for the status page: what the registry wrote is made safe and short here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cleaner.figures import rfc3339
from cleaner.retention.words import safe, say_age

NAME, SENTENCE = 80, 300
"""The most characters of a name and of a sentence that are shown."""

_NO_TIME = timedelta(seconds=2)
_LONG_DIGEST = re.compile(r"(sha(?:256|512)[:-][0-9a-f]{12})[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment for people: on the registry's clock, for machines (`iso`), and how far from now."""

    text: str
    iso: str
    distance: str


def moment(at: datetime, now: datetime, zone: tzinfo) -> Moment:
    """`at` on a clock in `zone`, and how far it is from `now`."""
    return Moment(f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}", rfc3339(at), _distance(at, now))


def _distance(at: datetime, now: datetime) -> str:
    if abs(now - at) < _NO_TIME:
        return "just now"
    return f"in {say_age(at - now)}" if at > now else f"{say_age(now - at)} ago"


def dollars(cents: float) -> str:
    """US dollars and cents."""
    return f"${cents / 100:,.2f}"


def shown(text: str, most: int = SENTENCE) -> str:
    """Text from outside: controls and bidi marks escaped, long digests short, all of it at most `most` characters."""
    plain = _LONG_DIGEST.sub(r"\1…", safe(text[: 4 * most]))
    return plain if len(plain) <= most and len(text) <= 4 * most else f"{plain[: most - 1]}…"
