"""When a cron line is due in a time zone, daylight saving included. Pure.

A line that names its hours is due once a day at each of them: a time that the clocks leave out is due as long after
the change as it lies after the gap's beginning, a time that they show twice is due the first time. A line whose hour
is `*` follows the hours as they pass, those that the clocks show twice included.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_LONGEST_CHANGE = timedelta(hours=3)
_SAMPLE = 14  # two weeks of a daily line, and so every weekday


def next_due(line: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment after `after` at which the cron line is due; UTC."""
    wall = after.astimezone(zone).replace(tzinfo=None)
    walls = _walls(line, wall - _LONGEST_CHANGE)
    first = next(wall for wall in walls if _moments(line, zone, wall)[-1] > after)
    around = [first, *takewhile(lambda wall: wall <= first + _LONGEST_CHANGE, walls)]
    return min(moment for wall in around for moment in _moments(line, zone, wall) if moment > after)


def longest_pause(line: str, zone: ZoneInfo, after: datetime) -> timedelta:
    """The longest time between two of the next due moments."""
    dues = [next_due(line, zone, after)]
    while len(dues) <= _SAMPLE:
        dues.append(next_due(line, zone, dues[-1]))
    return max(later - earlier for earlier, later in pairwise(dues))


def _walls(line: str, after: datetime) -> Iterator[datetime]:
    """The line's times on a clock that no change ever touches, later than `after`."""
    while True:
        found = _trigger(line).get_next_fire_time(None, after.replace(tzinfo=UTC) + timedelta(microseconds=1))
        after = found.replace(tzinfo=None)
        yield after


def _moments(line: str, zone: ZoneInfo, wall: datetime) -> tuple[datetime, ...]:
    """The moments at which a clock in `zone` shows `wall`, as far as the line is due at them."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first, second) if first < second and _follows_the_hours(line) else (first,)


def _follows_the_hours(line: str) -> bool:
    return line.split()[1] == "*"


@lru_cache(maxsize=64)
def _trigger(line: str) -> CronTrigger:
    return CronTrigger.from_crontab(line, timezone=UTC)
