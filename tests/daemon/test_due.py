"""When a cron line is due: each time once, through every change of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.config.cron import parse_cron
from cleaner.daemon.due import longest_pause, next_due
from tests.daemon.naive_cron import due_in

BERLIN, LORD_HOWE, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")


def dues(line: str, zone: ZoneInfo, after: str, count: int) -> list[str]:
    """The next `count` due moments, as a clock in `zone` shows them, with its offset."""
    moments, moment = [], datetime.fromisoformat(after).replace(tzinfo=zone)
    for _ in range(count):
        moment = next_due(parse_cron(line), zone, moment)
        moments.append(f"{moment.astimezone(zone):%d %H:%M%z}")
    return moments


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-27T12:00", ["28 02:30+0100", "29 03:30+0200", "30 02:30+0200"]),
        ("0 2 * * *", "2026-03-28T12:00", ["29 03:00+0200", "30 02:00+0200"]),
        ("30 2,3 * * *", "2026-03-28T12:00", ["29 03:30+0200", "30 02:30+0200", "30 03:30+0200"]),
        ("*/30 * * * *", "2026-03-29T01:10", ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]),
        ("0 */2 * * *", "2026-03-29T00:10", ["29 03:00+0200", "29 04:00+0200"]),
    ],
)
def test_a_time_that_the_clocks_leave_out_is_not_skipped(line: str, after: str, expected: list[str]) -> None:
    """Berlin's clocks jump from 2:00 to 3:00 on 29 March 2026."""
    assert dues(line, BERLIN, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("30 2 * * *", "2026-10-23T12:00", ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]),
        ("0 2-3 * * *", "2026-10-24T12:00", ["25 02:00+0200", "25 03:00+0100", "26 02:00+0100"]),
        ("0 */2 * * *", "2026-10-25T00:10", ["25 02:00+0200", "25 04:00+0100"]),
    ],
)
def test_a_time_that_the_clocks_show_twice_is_not_doubled(line: str, after: str, expected: list[str]) -> None:
    """Berlin's clocks go back from 3:00 to 2:00 on 25 October 2026."""
    assert dues(line, BERLIN, after, len(expected)) == expected


def test_a_line_for_every_hour_follows_the_hours_as_they_pass() -> None:
    """Between two of its runs lies one hour, on the day with 25 hours as on any other."""
    moments = dues("15 * * * *", BERLIN, "2026-10-25T00:30", 5)
    assert moments == ["25 01:15+0200", "25 02:15+0200", "25 02:15+0100", "25 03:15+0100", "25 04:15+0100"]


def test_half_an_hour_is_a_change_of_the_clocks_as_well() -> None:
    """Lord Howe Island's clocks go back from 2:00 to 1:30 on 5 April 2026, and from 2:00 to 2:30 on 4 October."""
    assert dues("45 1 * * *", LORD_HOWE, "2026-04-04T12:00", 2) == ["05 01:45+1100", "06 01:45+1030"]
    assert dues("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", 2) == ["04 02:45+1100", "05 02:15+1100"]


@pytest.mark.parametrize(
    ("line", "hours"),
    [
        ("30 2 * * *", 24),
        ("30 2 * * 1-5", 72),
        ("0 */6 * * *", 6),
        ("0 3 * * sun", 168),
        ("*/15 * * * *", 0.25),
        ("0 9-17 * * 1-5", 64),
        ("*/10 2-4 * * *", 21 + 1 / 6),
        ("0 */2 * * 1-5", 50),
        ("* * * * *", 1 / 60),
        ("0 3 1 * *", 31 * 24),
    ],
)
def test_the_longest_pause_between_two_due_moments(line: str, hours: float) -> None:
    """A line for weekdays pauses over the weekend, one for some hours over the night."""
    now = datetime(2026, 1, 7, tzinfo=UTC)
    assert longest_pause(parse_cron(line), UTC_ZONE, now) == timedelta(hours=hours)


LINES = st.builds(
    "{} {} * * {}".format,
    st.sampled_from(["0", "30", "15,45", "*/20", "7"]),
    st.sampled_from(["*", "2", "1-3", "*/2", "0,2,23"]),
    st.sampled_from(["*", "mon-fri", "sun"]),
)
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
]


@given(LINES, st.sampled_from(CHANGES), st.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("America/New_York")]))
def test_a_line_is_due_when_somebody_who_watches_the_clock_says_so(line: str, around: datetime, zone: ZoneInfo) -> None:
    """A second way to the same moments: a look at the clock on the wall each minute."""
    begin, end = around - timedelta(days=2), around + timedelta(days=2)
    found, moment = [], begin
    while (moment := next_due(line, zone, moment)) <= end:
        found.append(moment)
    assert found == due_in(line, zone, begin, end)
    assert all(earlier < later for earlier, later in pairwise(found))
