"""Cron lines: checked at load, with weekdays by name.

APScheduler 3 counts weekdays from 0 for Monday, cron from 0 for Sunday: names mean the same to both.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from apscheduler.triggers.cron import CronTrigger

from cleaner.config.units import NotAsExpected

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERED = re.compile(r"(?:\*|([0-7])(?:-([0-7]))?)(?:/([1-9]))?")
_A_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def parse_cron(value: object) -> str:
    """The cron line with its weekdays by name: minute, hour, day of month, month, day of week.

    Raises:
        NotAsExpected: it is none, or one that never fires.
    """
    expected = "a cron line of five fields such as '30 2 * * *'"
    if not isinstance(value, str):
        raise NotAsExpected(expected)
    *others, weekdays = value.split() or [""]
    line = " ".join([*others, ",".join(_named(part) for part in weekdays.split(","))])
    try:
        fires = CronTrigger.from_crontab(line, timezone=UTC).get_next_fire_time(None, _A_DAY)
    except ValueError as error:
        raise NotAsExpected(expected, str(error)) from error
    if fires is None:
        raise NotAsExpected("a cron line that fires at some time", "no such day is in any year")
    return line


def _named(part: str) -> str:
    match = _NUMBERED.fullmatch(part)
    if match is None or part == "*":
        return part
    first, last, step = match.groups()
    begin = int(first or 0)
    end = int(last) if last else 6 if step else begin
    return ",".join(_WEEKDAYS[begin : end + 1 : int(step or 1)]) or part
