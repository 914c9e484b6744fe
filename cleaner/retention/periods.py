"""The periods of a `calendar` condition, in the registry's time zone (policy page, `calendar`)."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from cleaner.retention.policy import Period


def newest_of_periods(times: Iterable[datetime], period: Period, count: int, zone: ZoneInfo) -> frozenset[datetime]:
    """The newest time of each of the last `count` periods that have one; empty periods are not counted."""
    newest: dict[Hashable, datetime] = {}
    for time in sorted(times):
        newest[_period_of(time.astimezone(zone), period)] = time
    return frozenset(heapq.nlargest(count, newest.values()))


def _period_of(local: datetime, period: Period) -> Hashable:
    match period:
        case Period.HOURLY:
            # Where clocks go back, an hour happens twice: its offset tells the two apart.
            return local.date(), local.hour, local.utcoffset()
        case Period.DAILY:
            return local.date()
        case Period.WEEKLY:
            return local.isocalendar()[:2]
        case Period.MONTHLY:
            return local.year, local.month
        case Period.YEARLY:
            return local.year
