"""How the simulator writes times."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC, with fractions only where it has any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
