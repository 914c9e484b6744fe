"""`calendar`: the newest of each of the last N periods that have one (policy page, "Rules")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cleaner.model.reason import Calendar, KeptByRule, NoRuleKeeps
from tests.retention.builders import NOW, Outcome, judged, manifest, policy, protections, repo, rule


def keeps(calendar: dict[str, int], *times: str, zone: str = "UTC") -> list[str]:
    """Which of these times (UTC, `2026-11-24T12:00`) a calendar keeps, a version for each, in their order."""
    ages = {f"{time}#{n}": NOW - datetime.fromisoformat(time).replace(tzinfo=UTC) for n, time in enumerate(times)}
    versions = repo(*(manifest(tag, age=age) for tag, age in ages.items()))
    kept = judged(versions, policy(rule("*", calendar=calendar)), protections(zone=zone)).kept
    return [tag.partition("#")[0] for tag in ages if tag in kept]


@pytest.mark.parametrize(
    ("calendar", "times", "kept"),
    [
        pytest.param(
            {"daily": 2},
            ["2026-11-24T11:00", "2026-11-24T10:00", "2026-11-23T10:00", "2026-11-22T10:00"],
            ["2026-11-24T11:00", "2026-11-23T10:00"],
            id="the newest of each day",
        ),
        pytest.param(
            {"daily": 2},
            ["2026-11-24T11:00", "2026-08-01T10:00", "2026-07-01T10:00"],
            ["2026-11-24T11:00", "2026-08-01T10:00"],
            id="empty periods are not counted",
        ),
        pytest.param(
            {"daily": 1},
            ["2026-11-24T11:00", "2026-11-24T11:00", "2026-11-24T10:59"],
            ["2026-11-24T11:00", "2026-11-24T11:00"],
            id="ties within a period are kept",
        ),
        pytest.param(
            {"hourly": 2},
            ["2026-11-24T11:59", "2026-11-24T11:00", "2026-11-24T10:30", "2026-11-24T09:30"],
            ["2026-11-24T11:59", "2026-11-24T10:30"],
            id="hours",
        ),
        pytest.param(
            {"weekly": 2},
            ["2026-11-23T00:00", "2026-11-22T23:59", "2026-11-16T00:00", "2026-11-15T23:59"],
            ["2026-11-23T00:00", "2026-11-22T23:59"],
            id="weeks begin on Monday",
        ),
        pytest.param(
            {"weekly": 2},
            ["2021-01-04T10:00", "2021-01-03T10:00", "2020-12-28T10:00", "2020-12-27T10:00"],
            ["2021-01-04T10:00", "2021-01-03T10:00"],
            id="the ISO week 53 reaches into January",
        ),
        pytest.param(
            {"weekly": 2},
            ["2026-11-23T10:00", "2025-11-24T10:00"],
            ["2026-11-23T10:00", "2025-11-24T10:00"],
            id="the week 48 of another year is another week",
        ),
        pytest.param(
            {"monthly": 2},
            ["2026-11-01T00:00", "2026-10-31T23:59", "2026-10-01T00:00", "2025-10-31T00:00"],
            ["2026-11-01T00:00", "2026-10-31T23:59"],
            id="months",
        ),
        pytest.param(
            {"monthly": 3},
            ["2026-11-01T00:00", "2025-11-30T23:59", "2024-11-01T00:00"],
            ["2026-11-01T00:00", "2025-11-30T23:59", "2024-11-01T00:00"],
            id="the same month of another year is another month",
        ),
        pytest.param(
            {"yearly": 1},
            ["2026-01-01T00:00", "2025-12-31T23:59"],
            ["2026-01-01T00:00"],
            id="years",
        ),
        pytest.param(
            {"yearly": 2},
            ["2026-06-01T00:00", "2026-01-01T00:00", "2025-12-31T23:59", "2024-12-31T23:59"],
            ["2026-06-01T00:00", "2025-12-31T23:59"],
            id="the newest of each year",
        ),
        pytest.param(
            {"daily": 1, "monthly": 2},
            ["2026-11-24T11:00", "2026-11-23T11:00", "2026-10-31T11:00", "2026-10-30T11:00"],
            ["2026-11-24T11:00", "2026-10-31T11:00"],
            id="the periods of one calendar are joined by OR",
        ),
    ],
)
def test_a_calendar_keeps_the_newest_of_its_last_periods(
    calendar: dict[str, int], times: list[str], kept: list[str]
) -> None:
    """One version for each time, judged by one calendar in UTC."""
    assert keeps(calendar, *times) == kept


def test_a_calendar_tells_which_of_its_periods_it_kept() -> None:
    """Met, it names those that keep the version; missed, all that were asked: from hours to years."""
    by = policy(rule("*", calendar={"yearly": 1, "daily": 2, "hourly": 1}))
    versions = repo(manifest("a", age="0s"), manifest("b", age="1d"), manifest("c", age="2d"))
    outcome = judged(versions, by)
    assert [said(outcome, tag) for tag in "abc"] == [
        ("hourly 1", "daily 2", "yearly 1"),
        ("daily 2",),
        ("hourly 1", "daily 2", "yearly 1"),
    ]


def said(outcome: Outcome, tag: str) -> tuple[str, ...]:
    """The periods that the one reason for this version names."""
    match outcome.reasons(tag):
        case (KeptByRule(met=(Calendar(periods),)),):
            return periods
        case (NoRuleKeeps(missed=((1, (Calendar(periods),)),)),):
            return periods
        case other:
            raise AssertionError(other)


def test_periods_begin_in_the_zone_of_the_registry() -> None:
    """23:30 UTC is the next day in Berlin."""
    times = ["2026-11-23T23:30", "2026-11-23T22:30"]
    assert keeps({"daily": 2}, *times) == times[:1]
    assert keeps({"daily": 2}, *times, zone="Europe/Berlin") == times


def test_an_hour_that_happens_twice_is_two_hours() -> None:
    """Where clocks go back (Berlin, 25 October 2026, 01:00 UTC), each of the two hours keeps its newest."""
    times = ["2026-10-25T01:30", "2026-10-25T01:10", "2026-10-25T00:30", "2026-10-25T00:10"]
    assert keeps({"hourly": 2}, *times, zone="Europe/Berlin") == [times[0], times[2]]


def test_the_day_that_has_25_hours_is_one_day() -> None:
    """The first and the last moment of the day on which clocks go back are of one day."""
    times = ["2026-10-25T22:59", "2026-10-24T22:00", "2026-10-24T21:59"]
    assert keeps({"daily": 2}, *times, zone="Europe/Berlin") == [times[0], times[2]]


def test_a_calendar_and_another_condition_must_both_hold() -> None:
    """`calendar` is one condition among those of a rule, joined by AND."""
    versions = repo(*(manifest(f"n{days}", age=timedelta(days=days)) for days in range(5)))
    assert judged(versions, policy(rule("*", calendar={"daily": 4}, within="2d"))).kept == {"n0", "n1"}
