"""A reload: a good file is in force at once, any other changes nothing; what did not change is not disturbed."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.config.settings import LogLevel
from cleaner.model.event import CollectionStarted, ConfigurationReloaded, ManifestDeleted, Planned, RunEnded
from cleaner.model.run import Schedule
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    NIGHTLY,
    SECOND,
    Process,
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
DUE = at("2:30")
SCHEDULED = configuration(entry(schedule=NIGHTLY))
LATER = configuration(entry(schedule='"30 20 * * *"'))
KEEPS_ALL = '[{tags: ["v*"]}]'
MANY = 24


def test_a_good_file_is_in_force_at_once(tmp_path: Path) -> None:
    """Its schedule from now on, its policy from the next run on; event, metric and log say so."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("18:00", 24))
                home.configure(LATER)
                assert await process.keeper.reload() is None
                assert process.keeper.timetable.due("acme", CLEANING) == at("20:30", 24)
                assert metric(process, "next_run_timestamp_seconds acme clean") == at("20:30", 24).timestamp()
                assert metric(process, "configuration_reloads_total success") == 1
                assert metric(process, "configuration_last_reload_successful") == 1
                reloaded = metric(process, "configuration_last_reload_success_timestamp_seconds")
                assert reloaded == pytest.approx(at("18:00", 24).timestamp(), abs=2)
                await home.until(at("21:00", 24))

        home.run(story())
        assert home.began() == [at("20:30", 24)]
        assert [told.error for _, told in home.told(ConfigurationReloaded)] == [None]
        assert len(home.lines("configuration reloaded")) == 1


BROKEN = {
    "an unknown key": (LATER.replace("schedule", "shedule"), "shedule"),
    "no YAML": ("registries: [", "config.yaml:"),
    "no registry": ("registries: []", "at least one entry"),
    "a missing token": (f"api: {{token: {{env: NOT_THERE}}}}\n{LATER}", "NOT_THERE"),
    "a missing heartbeat": (LATER.replace("schedule:", "heartbeat: {url: {file: nowhere}}, schedule:"), "nowhere"),
    "another place for the state": (f"state: sqlite:////elsewhere/state.db\n{LATER}", "`state` cannot change"),
    "another address": (f"listen: 127.0.0.1:1\n{LATER}", "`listen` cannot change"),
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
                home.configure(LATER)
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
                home.configure(configuration(entry(schedule='"0 5 * * *"', keep=KEEPS_ALL), entry("beta")))
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
                assert process.keeper.timetable.due("acme", CLEANING) == at("5:00")

        home.run(story())


def test_what_did_not_change_is_not_disturbed(tmp_path: Path) -> None:
    """A run under way goes on, the moment of the next one stays, and nothing is forecast anew."""
    text = configuration(entry(schedule=NIGHTLY, jitter="30m"))
    with household(tmp_path, text, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("23:00", 24))
                plans = len(home.told(Planned))
                assert await process.keeper.reload() is None
                await home.until(at("23:30", 24))
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
    beta = entry("beta", schedule='"0 15 * * *"')
    with household(tmp_path, SCHEDULED, account(acme=versions(), beta=versions())) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("14:00", 24))
                home.configure(configuration(beta))
                assert await process.keeper.reload() is None
                assert not process.keeper.start_run("acme")
                assert process.keeper.timetable.due("acme", CLEANING) is None
                assert metric(process, "runs_total acme clean success") is None
                assert metric(process, "runs_total beta clean success") == 0
                assert process.keeper.status() == "keeps beta; next is beta at 2026-11-24 15:00 UTC"
                await home.until(DUE + HOUR)
                assert metric(process, "runs_total beta clean success") == 1

        home.run(story())
        assert home.began("acme") == []
        assert home.began("beta") == [at("15:00", 24)]
        late = [
            path_of(request)
            for request, moment in zip(home.house.network.seen, home.house.network.moments, strict=True)
            if moment > 2.001 * 3600
        ]
        assert late
        assert not [path for path in late if "acme" in path]


def test_a_registry_that_is_removed_during_its_run_finishes_what_it_has_in_hand(tmp_path: Path) -> None:
    """And is left at that; when it comes back it begins anew."""
    beta = configuration(entry("beta"))
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY), beta=versions())) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> None:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(1)
                home.configure(beta)
                assert await process.keeper.reload() is None
                await asyncio.sleep(3600)
                home.configure(SCHEDULED)
                assert await process.keeper.reload() is None
                await home.until(DUE + DAY + HOUR)

        home.run(story())
        assert home.outcomes() == ["stopped", "success"]
        assert home.began() == [DUE, DUE + DAY]
        assert {past.outcome for past in home.past_deletions() if past.error is None} == {"deleted"}
        assert len(home.carried_out()) == len(set(home.carried_out())) == MANY - 2


def test_a_schedule_that_is_dropped_is_due_no_more(tmp_path: Path) -> None:
    """Neither the registry's own nor that of its collections; metrics and status page no longer name a moment."""
    collected = entry(schedule=NIGHTLY, garbage_collection='{schedule: "0 20 * * *"}')
    with household(tmp_path, configuration(collected)) as home:

        async def story() -> None:
            async with home.process() as process:
                assert metric(process, "next_run_timestamp_seconds acme collect") == at("20:00", 24).timestamp()
                home.configure(configuration(entry()))
                assert await process.keeper.reload() is None
                assert metric(process, "next_run_timestamp_seconds acme clean") is None
                assert metric(process, "next_run_timestamp_seconds acme collect") is None
                (facts,) = process.keeper.listeners.board.registries()
                assert facts.due == ()
                assert process.keeper.status() == "keeps acme; nothing is scheduled"
                await home.until(DUE + DAY)

        home.run(story())
        assert home.began() == []


def test_a_mode_that_changes_changes_what_the_next_run_is_for(tmp_path: Path) -> None:
    """At the same moment as before; the metrics of the other kind of run are no longer there."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> None:
            async with home.process() as process:
                home.configure(configuration(entry(schedule=NIGHTLY, mode="plan")))
                assert await process.keeper.reload() is None
                assert metric(process, "next_run_timestamp_seconds acme clean") is None
                assert metric(process, "next_run_timestamp_seconds acme plan") == DUE.timestamp()
                await home.until(DUE + MINUTE)

        home.run(story())
        assert home.began() == [DUE]
        assert {request.method for request in home.house.network.seen} == {"GET"}


@pytest.mark.parametrize("after", [0.0, 0.5, 2.5, 4.99, 5.0, 7.0])
def test_a_policy_that_changes_under_a_run_is_what_counts_from_then_on(tmp_path: Path, after: float) -> None:
    """What is in hand is finished; nothing that the new policy keeps is deleted any more, and the run begins anew."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> int:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(after)
                home.configure(configuration(entry(schedule=NIGHTLY, keep='[{tags: ["v*"], last: 9}]')))
                assert await process.keeper.reload() is None
                sent = len(home.deletes())
                await home.until(DUE + HOUR)
                return sent

        sent = home.run(story())
        before, later = home.deletes()[:sent], home.deletes()[sent:]
        assert home.outcomes() == ["stopped", "success"]
        assert [run.due_at for run in home.past_runs()] == [DUE, DUE]
        assert len(before) + len(later) == MANY - 9
        assert len(home.house.digests()) == 9
        assert {past.outcome for past in home.past_deletions() if past.error is None} == {"deleted"}


def test_a_policy_that_keeps_all_stops_all_deletions(tmp_path: Path) -> None:
    """The last rope of somebody who sees what the run is doing."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> int:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                home.configure(configuration(entry(schedule=NIGHTLY, keep=KEEPS_ALL)))
                assert await process.keeper.reload() is None
                sent = len(home.deletes())
                await home.until(DUE + HOUR)
                return sent

        sent = home.run(story())
        assert len(home.deletes()) == sent < MANY - 2
        assert home.outcomes() == ["stopped", "success"]


def test_a_collection_that_is_followed_when_the_settings_change_is_followed_on(tmp_path: Path) -> None:
    """The run that is begun anew adopts it, and starts no second one."""
    with household(tmp_path, SCHEDULED, collection=20 * MINUTE) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.hears(CollectionStarted)
                await asyncio.sleep(30)
                home.configure(configuration(entry(schedule=NIGHTLY, jitter="1s")))
                assert await process.keeper.reload() is None
                await home.until(DUE + HOUR)

        home.run(story())
        assert home.outcomes() == ["stopped", "success"]
        assert len(home.house.network.places("POST", "/garbage-collection")) == 1


@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_two_reloads_at_once_come_one_after_the_other(tmp_path: Path, apart: float) -> None:
    """Also during a run: it is begun anew under the last of them, and what it had in hand is finished."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def reload(process: Process, last: int) -> None:
            home.configure(configuration(entry(schedule=NIGHTLY, keep=f'[{{tags: ["v*"], last: {last}}}]')))
            assert await process.keeper.reload() is None

        async def story() -> None:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                first = asyncio.create_task(reload(process, 5))
                await asyncio.sleep(apart)
                second = asyncio.create_task(reload(process, 8))
                await asyncio.gather(first, second)
                await home.until(DUE + HOUR)

        home.run(story())
        assert len(home.house.digests()) == 8
        assert home.outcomes()[-1] == "success"
        assert set(home.outcomes()[:-1]) == {"stopped"}
        assert len(home.carried_out()) == len(set(home.carried_out())) == MANY - 8
        assert None not in {past.outcome for past in home.past_deletions()}


def test_a_reload_that_comes_with_the_stop_changes_nothing(tmp_path: Path) -> None:
    """A registry that it would add is not begun: the process ends within its grace."""
    with household(tmp_path, SCHEDULED, account(acme=versions(), beta=versions())) as home:

        async def story() -> tuple[str | None, bool, timedelta]:
            async with home.process() as process:
                await home.until(START + HOUR)
                home.configure(configuration(entry(schedule=NIGHTLY), entry("beta", schedule=NIGHTLY)))
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
