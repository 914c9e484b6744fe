"""Numbers, sizes and times for people, in tables, pages and logs alike."""

from __future__ import annotations

from datetime import datetime, tzinfo

from cleaner.model.plan import Freed

_PREFIXES = ("KiB", "MiB", "GiB", "TiB", "PiB")


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


def some(count: int, noun: str) -> str:
    """`1 manifest`, `2,000 manifests`, `3 repositories`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def clock_time(moment: datetime | None, zone: tzinfo) -> str:
    """A moment in a time zone, to the minute; `-` for none."""
    return "-" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def rfc3339(moment: datetime) -> str:
    """A moment as machines read it: RFC 3339, UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """The same; None for none."""
    return None if moment is None else rfc3339(moment)
