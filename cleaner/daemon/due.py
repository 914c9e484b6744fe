"""When a cron line is due in a time zone, daylight saving included. Pure.

A line that names its hours is due once a day at each of them: a time that the clocks leave out is due as long after
the change as it lies after the gap's beginning, a time that they show twice is due the first time. A line whose hour
is `*` follows the hours as they pass, those that the clocks show twice included.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_LONGEST_CHANGE, _TICK = timedelta(hours=3), timedelta(microseconds=1)
_DAY, _SAMPLE = timedelta(days=1), 15  # so many days on which it is due hold every weekday


def next_due(line: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment after `after` at which the cron line is due; UTC."""
    wall = after.astimezone(zone).replace(tzinfo=None)
    walls = _walls(line, wall - _LONGEST_CHANGE)
    first = next(wall for wall in walls if _moments(line, zone, wall)[-1] > after)
    around = [first, *takewhile(lambda wall: wall <= first + _LONGEST_CHANGE, walls)]
    return min(moment for wall in around for moment in _moments(line, zone, wall) if moment > after)


def longest_pause(line: str, zone: ZoneInfo, after: datetime) -> timedelta:
    """The longest time between two due moments, by a clock that no change ever touches."""
    days = list(islice(_days(line, after.astimezone(zone).replace(tzinfo=None)), _SAMPLE))
    times = list(takewhile(lambda wall: wall < days[0] + _DAY, _walls(line, days[0] - _TICK)))
    overnight = max(later - earlier for earlier, later in pairwise(days)) - (times[-1] - times[0])
    return max([overnight, *(later - earlier for earlier, later in pairwise(times))])


def _days(line: str, after: datetime) -> Iterator[datetime]:
    """The days on which the line is due, at midnight."""
    while True:
        first = next(_walls(line, after))
        day = first.replace(hour=0, minute=0)
        yield day
        after = day + _DAY - _TICK


def _walls(line: str, after: datetime) -> Iterator[datetime]:
    """The line's times on a clock that no change ever touches, later than `after`."""
    while True:
        found = _trigger(line).get_next_fire_time(None, after.replace(tzinfo=UTC) + _TICK)
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
