"""What is due is done when it is due: once, one run a registry at a time, and by nobody where nothing is scheduled."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cleaner.model.event import RunBegan, RunEnded, RunScheduled
from cleaner.model.run import RunKind
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    Household,
    account,
    at,
    configuration,
    entry,
    household,
    versions,
)
from tests.house import CONTROL, START

HOURLY = '"0 * * * *"'


def lives(home: Household, until: datetime) -> None:
    """One process, until then."""

    async def story() -> None:
        async with home.process() as process:
            assert process.keeper.timetable.is_running
            await home.until(until)

    home.run(story())


def kinds(home: Household) -> list[RunKind]:
    """What the runs were for."""
    return [told.kind for _, told in home.told(RunBegan)]


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("UTC", at("13:30", 24)),
        ("Europe/Berlin", at("12:30", 24)),
        ("America/New_York", at("18:30", 24)),
        ("Asia/Kolkata", at("8:00")),
    ],
)
def test_a_registry_is_cleaned_when_it_is_due_in_its_zone(tmp_path: Path, zone: str, due: datetime) -> None:
    """At half past one by the clocks there."""
    with household(tmp_path, configuration(entry(schedule='"30 13 * * *"', timezone=zone))) as home:
        lives(home, due + MINUTE)
        assert home.began() == [due]
        assert kinds(home) == [RunKind.CLEAN]
        assert len(home.house.digests()) == 2


def test_a_collection_has_a_timetable_of_its_own(tmp_path: Path) -> None:
    """Cleaned each hour, collected at three, one after the other where both are due: then what was deleted goes."""
    collected = '{schedule: "0 15 * * *", min_freed: 0B}'
    with household(tmp_path, configuration(entry(schedule=HOURLY, garbage_collection=collected))) as home:
        lives(home, at("15:30", 24))
        assert [told.kind for moment, told in home.told(RunBegan) if moment < at("15:00", 24)] == [RunKind.CLEAN] * 2
        assert sorted(kinds(home)[2:]) == [RunKind.CLEAN, RunKind.COLLECT]
        starts = home.house.network.places("POST", "/garbage-collection")
        assert [int(home.house.network.moments[place] // 60) for place in starts] == [3 * 60]


def test_where_nothing_is_enforced_runs_only_plan(tmp_path: Path) -> None:
    """They are on record as any other run, and not one request changes anything (law 9)."""
    collected = '{schedule: "30 13 * * *", min_freed: 0B}'
    text = configuration(entry(schedule=HOURLY, mode="plan", garbage_collection=collected))
    with household(tmp_path, text) as home:
        lives(home, at("13:50", 24))
        due = at("13:00", 24)
        assert list(zip(home.began(), kinds(home), strict=True)) == [(due, RunKind.PLAN)]
        assert [(run.kind, run.due_at, run.exit_code) for run in home.past_runs()] == [(RunKind.PLAN, due, 0)]
        assert {request.method for request in home.house.network.seen} <= {"GET", "HEAD"}


def test_a_registry_without_a_schedule_is_cleaned_when_somebody_asks(tmp_path: Path) -> None:
    """And never by itself."""
    with household(tmp_path, configuration(entry())) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + DAY / 2)
                assert home.began() == []
                assert process.keeper.start_run("acme")
                assert not process.keeper.start_run("nobody's")
                await home.until(START + DAY / 2 + 2 * HOUR)

        home.run(story())
        assert home.began() == [START + DAY / 2]
        assert home.outcomes() == ["success"]
        assert home.told(RunScheduled) == []


def test_what_is_due_while_a_run_is_under_way_is_done_once_after_it(tmp_path: Path) -> None:
    """However often it was due, or asked for, meanwhile; and no two runs of one registry overlap."""
    text = configuration(entry(schedule=HOURLY, garbage_collection="{min_freed: 0B, timeout: 6h}"))
    with household(tmp_path, text, collection=3 * HOUR + 20 * MINUTE) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("15:10", 24))
                for _ in range(3):
                    process.keeper.start_run("acme")
                await home.until(at("18:30", 24))

        home.run(story())
        runs = [isinstance(told, RunBegan) for _, told in home.heard if isinstance(told, RunBegan | RunEnded)]
        assert runs == [True, False] * 4
        first, caught_up, *later = home.began()
        assert first == at("13:00", 24)
        assert at("16:20", 24) < caught_up < at("16:25", 24)
        assert later == [at("17:00", 24), at("18:00", 24)]


def test_two_registries_are_cleaned_side_by_side_inside_the_budget_of_their_token(tmp_path: Path) -> None:
    """Neither waits for the other's end, and together they send no more requests a minute than the token has."""
    top = "api: {rate_limit: {per_minute: 60, per_hour: 0, reserve: 0%}}"
    text = configuration(entry("acme", schedule=HOURLY), entry("beta", schedule=HOURLY), top=top)
    with household(tmp_path, text, account(acme=versions(40), beta=versions(40))) as home:
        lives(home, at("13:50", 24))
        network = home.house.network
        asked = [m for r, m in zip(network.seen, network.moments, strict=True) if r.url.host == CONTROL]
        assert home.began("acme") == home.began("beta") == [at("13:00", 24)]
        assert home.outcomes("acme") == home.outcomes("beta") == ["success"]
        assert len(home.house.digests("acme")) == len(home.house.digests("beta")) == 2
        spans = [home.told(kind, name)[0][0] for name in ("acme", "beta") for kind in (RunBegan, RunEnded)]
        assert max(spans[0], spans[2]) < min(spans[1], spans[3])
        assert len(asked) > 150
        assert all(later - sooner >= 60 for sooner, later in zip(asked, asked[60:], strict=False))


def test_jitter_puts_each_start_off_by_at_most_that_much_and_loses_none(tmp_path: Path) -> None:
    """The starts lie within it, and not all at the same distance; the next due moment is that of the line."""
    with household(tmp_path, configuration(entry(schedule=HOURLY, jitter="20m"))) as home:
        lives(home, at("1:00"))
        hours = [START + n * HOUR for n in range(1, 13)]
        late = [began - due for due, began in zip(hours, home.began(), strict=True)]
        assert all(timedelta() <= each <= 20 * MINUTE for each in late)
        assert len(set(late)) > 10
        assert [told.due for _, told in home.told(RunScheduled)][:12] == hours
        assert [run.due_at for run in home.past_runs()] == hours
