"""A reload: a good file is in force at once, any other changes nothing; what did not change is not disturbed."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.config.settings import LogLevel
from cleaner.model.event import ConfigurationReloaded, ManifestDeleted, Planned, RunEnded
from cleaner.model.run import Schedule
from tests.daemon.household import (
    HOUR,
    MINUTE,
    SECOND,
    account,
    at,
    configuration,
    entry,
    household,
    metric,
    versions,
)
from tests.house import CONTROL, START, path_of

CLEANING, COLLECTION = Schedule.CLEANING, Schedule.COLLECTION
DUE, EARLIER = at("14:30", 24), at("14:00", 24)
DAILY = '"30 14 * * *"'
SCHEDULED = configuration(entry(schedule=DAILY))
OTHER = configuration(entry(schedule='"0 14 * * *"'))
KEEPS_ALL = '[{tags: ["v*"]}]'
MANY = 24


def test_a_good_file_is_in_force_at_once(tmp_path: Path) -> None:
    """Its schedule from now on, its policy from the next run on; event, metric and log say so."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("13:00", 24))
                home.configure(OTHER)
                assert await process.keeper.reload() is None
                assert process.keeper.timetable.due("acme", CLEANING) == EARLIER
                assert metric(process, "next_run_timestamp_seconds acme clean") == EARLIER.timestamp()
                assert metric(process, "configuration_reloads_total success") == 1
                assert metric(process, "configuration_last_reload_successful") == 1
                reloaded = metric(process, "configuration_last_reload_success_timestamp_seconds")
                assert reloaded == pytest.approx(at("13:00", 24).timestamp(), abs=2)
                await home.until(EARLIER + MINUTE)

        home.run(story())
        assert home.began() == [EARLIER]
        assert [told.error for _, told in home.told(ConfigurationReloaded)] == [None]
        assert len(home.lines("configuration reloaded")) == 1


BROKEN = {
    "an unknown key": (OTHER.replace("schedule", "shedule"), "shedule"),
    "no YAML": ("registries: [", "config.yaml:"),
    "no registry": ("registries: []", "at least one entry"),
    "a missing token": (f"api: {{token: {{env: NOT_THERE}}}}\n{OTHER}", "NOT_THERE"),
    "a missing heartbeat": (OTHER.replace("schedule:", "heartbeat: {url: {file: nowhere}}, schedule:"), "nowhere"),
    "another place for the state": (f"state: sqlite:////elsewhere/state.db\n{OTHER}", "`state` cannot change"),
    "another address": (f"listen: 127.0.0.1:1\n{OTHER}", "`listen` cannot change"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_any_other_file_leaves_the_old_one_in_force(tmp_path: Path, case: str) -> None:
    """Whoever asked is told why, so is the log, and so are the metrics; and the next good file is taken."""
    text, why = BROKEN[case]
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                if text.startswith("state:"):
                    home.write(text)
                else:
                    home.configure(text)
                answer = await process.keeper.reload()
                assert answer is not None
                assert why in answer
                assert process.keeper.timetable.due("acme", CLEANING) == DUE
                assert metric(process, "configuration_reloads_total failure") == 1
                assert metric(process, "configuration_last_reload_successful") == 0
                assert process.keeper.is_ready
                await home.until(DUE + MINUTE)
                home.configure(OTHER)
                assert await process.keeper.reload() is None
                assert metric(process, "configuration_last_reload_successful") == 1

        home.run(story())
        assert home.began() == [DUE]
        first, second = [told.error for _, told in home.told(ConfigurationReloaded)]
        assert first is not None
        assert why in first
        assert second is None
        assert why in home.lines("configuration not reloaded: the old one stays in force")[0]["error"]


def test_a_file_that_is_gone_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    """It is a mistake like any other."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                (tmp_path / "config.yaml").unlink()
                assert "config.yaml" in (await process.keeper.reload() or "")
                assert process.keeper.timetable.due("acme", CLEANING) == DUE

        home.run(story())


def test_where_the_state_cannot_be_read_the_old_file_stays_in_force_in_every_part(tmp_path: Path) -> None:
    """Nothing of the new one is in force, and all of it once the state can be read again."""
    with household(tmp_path, SCHEDULED, account(acme=versions(), beta=versions())) as home:

        async def story() -> None:
            async with home.process() as process:
                home.configure(configuration(entry(schedule='"0 15 * * *"', keep=KEEPS_ALL), entry("beta")))
                home.alter("schedules", "away")
                assert "state.db" in (await process.keeper.reload() or "")
                home.alter("away", "schedules")
                assert not process.keeper.start_run("beta")
                assert [each.name for each in process.keeper.application.settings.registries] == ["acme"]
                assert [facts.name for facts in process.keeper.listeners.board.registries()] == ["acme"]
                await home.until(DUE + MINUTE)
                assert len(home.house.digests()) == 2
                assert await process.keeper.reload() is None
                assert process.keeper.start_run("beta")
                assert process.keeper.timetable.due("acme", CLEANING) == at("15:00", 24)

        home.run(story())


def test_what_did_not_change_is_not_disturbed(tmp_path: Path) -> None:
    """A run under way goes on, the moment of the next one stays, and nothing is forecast anew."""
    text = configuration(entry(schedule=DAILY, jitter="30m"))
    with household(tmp_path, text, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("13:00", 24))
                plans = len(home.told(Planned))
                assert await process.keeper.reload() is None
                await home.until(at("13:30", 24))
                assert len(home.told(Planned)) == plans
                await home.hears(ManifestDeleted)
                for _ in range(3):
                    assert await process.keeper.reload() is None
                await home.hears(RunEnded)

        home.run(story())
        assert home.outcomes() == ["success"]
        assert timedelta() < home.began()[0] - DUE < 30 * MINUTE


def test_registries_come_and_go(tmp_path: Path) -> None:
    """One that is added is worked on from now on; of one that is removed nothing is asked and nothing shown."""
    beta = entry("beta", schedule='"0 14 * * *"')
    with household(tmp_path, SCHEDULED, account(acme=versions(), beta=versions())) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("13:00", 24))
                home.configure(configuration(beta))
                assert await process.keeper.reload() is None
                assert not process.keeper.start_run("acme")
                assert process.keeper.timetable.due("acme", CLEANING) is None
                assert metric(process, "runs_total acme clean success") is None
                assert metric(process, "runs_total beta clean success") == 0
                assert process.keeper.status() == "keeps beta; next is beta at 2026-11-24 14:00 UTC"
                await home.until(DUE + HOUR)
                assert metric(process, "runs_total beta clean success") == 1

        home.run(story())
        assert home.began("acme") == []
        assert home.began("beta") == [EARLIER]
        late = [
            path_of(request)
            for request, moment in zip(home.house.network.seen, home.house.network.moments, strict=True)
            if moment > 1.001 * 3600
        ]
        assert late
        assert not [path for path in late if "acme" in path]


def test_a_schedule_that_is_dropped_is_due_no_more(tmp_path: Path) -> None:
    """Neither the registry's own nor that of its collections; metrics and status page no longer name a moment."""
    collected = entry(schedule=DAILY, garbage_collection='{schedule: "0 15 * * *"}')
    with household(tmp_path, configuration(collected)) as home:

        async def story() -> None:
            async with home.process() as process:
                assert metric(process, "next_run_timestamp_seconds acme collect") == at("15:00", 24).timestamp()
                home.configure(configuration(entry()))
                assert await process.keeper.reload() is None
                assert metric(process, "next_run_timestamp_seconds acme clean") is None
                assert metric(process, "next_run_timestamp_seconds acme collect") is None
                (facts,) = process.keeper.listeners.board.registries()
                assert facts.due == ()
                assert process.keeper.status() == "keeps acme; nothing is scheduled"
                await home.until(at("15:30", 24))

        home.run(story())
        assert home.began() == []


def test_a_mode_that_changes_changes_what_the_next_run_is_for(tmp_path: Path) -> None:
    """At the same moment as before; the metrics of the other kind of run are no longer there."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                home.configure(configuration(entry(schedule=DAILY, mode="plan")))
                assert await process.keeper.reload() is None
                assert metric(process, "next_run_timestamp_seconds acme clean") is None
                assert metric(process, "next_run_timestamp_seconds acme plan") == DUE.timestamp()
                await home.until(DUE + MINUTE)

        home.run(story())
        assert home.began() == [DUE]
        assert {request.method for request in home.house.network.seen} <= {"GET", "HEAD"}


def test_a_reload_that_comes_with_the_stop_changes_nothing(tmp_path: Path) -> None:
    """A registry that it would add is not begun: the process ends within its grace."""
    with household(tmp_path, SCHEDULED, account(acme=versions(), beta=versions())) as home:

        async def story() -> tuple[str | None, bool, timedelta]:
            async with home.process() as process:
                await home.until(START + HOUR)
                home.configure(configuration(entry(schedule=DAILY), entry("beta", schedule=DAILY)))
                process.stopping.set()
                reloading = asyncio.create_task(process.keeper.reload())
                began = home.house.now()
                in_time = await process.keeping
                return await reloading, in_time, home.house.now() - began

        answer, in_time, took = home.run(story())
        assert answer == "the process is being stopped"
        assert in_time
        assert took < SECOND


def test_the_logs_level_follows_the_file(tmp_path: Path) -> None:
    """At debug each request is told, from the reload on."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                await asyncio.sleep(60)
                assert home.lines("request ended") == []
                home.configure(f"log: {{level: {LogLevel.DEBUG}}}\n{SCHEDULED}")
                assert await process.keeper.reload() is None
                process.keeper.start_run("acme")
                await asyncio.sleep(60)
                assert home.lines("request ended", registry="acme")

        home.run(story())


def test_a_token_that_is_named_elsewhere_is_taken_from_there(tmp_path: Path) -> None:
    """The next request bears it, however often the file is read anew."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                await asyncio.sleep(60)
                os.environ["ANOTHER"] = os.environ["DIGITALOCEAN_ACCESS_TOKEN"]
                os.environ["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_of_yesterday"
                home.configure(f"api: {{token: {{env: ANOTHER}}}}\n{SCHEDULED}")
                for _ in range(3):
                    assert await process.keeper.reload() is None
                process.keeper.start_run("acme")
                await asyncio.sleep(60)

        home.run(story())
        assert home.outcomes() == ["success"]
        tokens = {request.headers["authorization"] for request in home.house.network.to(CONTROL)}
        assert "Bearer dop_v1_of_yesterday" not in tokens
