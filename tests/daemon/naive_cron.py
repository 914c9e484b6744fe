"""A second cron, to try the first against: it looks at the clock on the wall each minute, and knows no library."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def due_in(line: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """The moments after `after` and up to `until` at which the line is due; hours and minutes and weekdays alone."""
    minutes, hours, _, _, weekdays = line.split()
    times = {(hour, minute) for hour in numbers(hours, 24) for minute in numbers(minutes, 60)}
    on = days(weekdays)

    def matches(wall: datetime) -> bool:
        """Whether a clock that shows `wall` makes the line due."""
        return (wall.hour, wall.minute) in times and WEEKDAYS[wall.weekday()] in on

    due: list[datetime] = []
    moment = after.replace(second=0, microsecond=0) - timedelta(hours=4)
    shown: set[datetime] = set()
    previous = moment.astimezone(zone).replace(tzinfo=None) - MINUTE
    while moment <= until:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        expected = previous + MINUTE
        if wall > expected:  # Due as long after the change as it lies after the gap's beginning.
            left_out = [expected + n * MINUTE for n in range((wall - expected) // MINUTE)]
            due += [moment + (missing - expected) for missing in left_out if matches(missing)]
        if matches(wall):
            if wall not in shown or hours == "*":
                due.append(moment)
            shown.add(wall)
        previous, moment = wall, moment + MINUTE
    return sorted({each for each in due if after < each <= until})


def numbers(field: str, end: int) -> set[int]:
    """The numbers of a field."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low, high = (0, end - 1) if span == "*" else (int(first), int(last or first))
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def days(field: str) -> set[str]:
    """The weekdays of a field."""
    found: set[str] = set()
    for part in field.split(","):
        first, _, last = part.partition("-")
        low = 0 if part == "*" else WEEKDAYS.index(first)
        high = 6 if part == "*" else WEEKDAYS.index(last or first)
        found |= set(WEEKDAYS[low : high + 1])
    return found
