"""A moment as a person writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cleaner.errors import UsageError
from cleaner.retention.words import safe


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """The moment that RFC 3339, a date, or a date and a time says; one without an offset is in `zone`.

    Raises:
        UsageError: it says none, or one outside the calendar.
    """
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--at {safe(text)} is no time", "Write 2026-12-01, 2026-12-01T10:00, or 2026-12-01T10:00:00Z"
        ) from None
