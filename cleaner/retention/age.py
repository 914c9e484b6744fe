"""A manifest's time, and what counts as newest (policy page, "Age and order")."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime

from cleaner.model.manifest import Manifest


def time_of(manifest: Manifest, now: datetime) -> datetime | None:
    """Its `updated_at`; None where it has none, or one in the future."""
    updated_at = manifest.updated_at
    return updated_at if updated_at is not None and updated_at <= now else None


def boundary(times: Iterable[datetime], count: int) -> datetime:
    """The time of the last of the `count` newest: whatever is as new as that is among them, so ties keep.

    Raises:
        ValueError: there are no times, or `count` is below 1.
    """
    return min(heapq.nlargest(count, times))
