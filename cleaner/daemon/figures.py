"""Numbers, sizes, moments and names for the status page: what the registry wrote is made safe and short here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cleaner.model.plan import Freed
from cleaner.retention.words import safe, say_age

NAME, SENTENCE = 80, 300
"""The most characters of a name and of a sentence that are shown."""

_NO_TIME = timedelta(seconds=2)
_PREFIXES = ("KiB", "MiB", "GiB", "TiB", "PiB")
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


def rfc3339(at: datetime) -> str:
    """A moment as machines read it: RFC 3339, UTC."""
    return at.isoformat().replace("+00:00", "Z")


def size(count: int | None) -> str:
    """Bytes with three digits or so; `unknown` where nobody knows."""
    if count is None:
        return "unknown"
    number, unit = float(count), "B"
    for prefix in _PREFIXES:
        if number < 1000:
            break
        number, unit = number / 1024, prefix
    return f"{count} B" if unit == "B" else f"{number:.3g} {unit}" if number < 1000 else f"{number:,.0f} {unit}"


def freed(predicted: Freed | None) -> str:
    """What a collection will free; a lower bound where some blob's size is not known."""
    if predicted is None:
        return "unknown"
    return f"at least {size(predicted.bytes)}" if predicted.unsized else size(predicted.bytes)


def dollars(cents: float) -> str:
    """US dollars and cents."""
    return f"${cents / 100:,.2f}"


def some(count: int, noun: str) -> str:
    """`1 manifest`, `2,000 manifests`, `3 repositories`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def shown(text: str, most: int = SENTENCE) -> str:
    """Text from outside: controls and bidi marks escaped, long digests short, all of it at most `most` characters."""
    plain = _LONG_DIGEST.sub(r"\1…", safe(text[: 4 * most]))
    return plain if len(plain) <= most and len(text) <= 4 * most else f"{plain[: most - 1]}…"
