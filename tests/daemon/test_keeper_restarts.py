"""What a process leaves behind when it ends, and what the next one makes of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.model.event import CollectionStarted, RunBegan, RunEnded
from cleaner.model.run import STOPPED
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Household,
    account,
    at,
    configuration,
    entry,
    household,
    metric,
    versions,
)
from tests.house import START

HOURLY = '"0 * * * *"'
FIRST = at("13:00", 24)
MANY = 24


def slowly(home: Household) -> None:
    """Each deletion is five seconds on its way."""
    home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0


def deleted_once(home: Household, count: int) -> None:
    """Every manifest that had to go went, once, and is on record."""
    paths = home.carried_out()
    assert len(paths) == len(set(paths)) == count
    assert len([past for past in home.past_deletions() if past.outcome == "deleted"]) == count


@pytest.mark.parametrize("hours", [2, 9, 50])
def test_a_run_missed_while_the_process_was_down_is_caught_up_once(tmp_path: Path, hours: int) -> None:
    """At once, however often it was due; the next one is the next due moment's."""
    with household(tmp_path, configuration(entry(schedule=HOURLY))) as home:
        up = START + hours * HOUR + 10 * MINUTE

        async def story() -> None:
            async with home.process():
                await home.until(START + 5 * MINUTE)
            await home.until(up)
            async with home.process():
                await home.until(up + HOUR)

        home.run(story())
        assert home.began() == [up, up + 50 * MINUTE]


def test_a_process_killed_between_the_due_moment_and_the_runs_beginning_loses_nothing(tmp_path: Path) -> None:
    """The moment is not answered before a run that answers it is on record."""
    with household(tmp_path, configuration(entry(schedule=HOURLY))) as home:

        async def story() -> None:
            async with home.process() as process:
                with home.house.application() as other, other.ledger.hold("acme"):
                    await home.until(FIRST + SECOND)
                    await home.kill(process)
            async with home.process():
                await home.until(FIRST + MINUTE)

        home.run(story())
        assert home.outcomes() == ["not begun", "success"]
        assert home.began() == [FIRST + SECOND]


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0, 8.0, 14.0])
def test_a_run_that_was_cut_short_is_begun_anew_after_the_restart(
    tmp_path: Path, seconds: float, *, killed: bool
) -> None:
    """Nothing is lost, and no manifest is deleted twice."""
    with household(tmp_path, configuration(entry(schedule='"0 13 * * *"')), account(acme=versions(MANY))) as home:
        slowly(home)

        async def story() -> None:
            async with home.process() as process:
                await home.until(FIRST + timedelta(seconds=seconds))
                if killed:
                    await home.kill(process)
            await home.until(FIRST + HOUR)
            async with home.process():
                await home.until(FIRST + 2 * HOUR)

        home.run(story())
        assert home.began() == [FIRST, FIRST + HOUR]
        runs = home.past_runs()
        assert [run.due_at for run in runs] == [FIRST, FIRST]
        assert [run.exit_code for run in runs] == [None if killed else STOPPED, 0]
        deleted_once(home, MANY - 2)


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_run_that_a_person_began_is_not_begun_anew(tmp_path: Path, *, killed: bool) -> None:
    """That person sees that it was cut short, and may begin it again."""
    with household(tmp_path, configuration(entry(schedule='"0 9 * * *"')), account(acme=versions(MANY))) as home:
        slowly(home)

        async def story() -> None:
            async with home.process() as process:
                process.keeper.start_run("acme")
                await asyncio.sleep(8)
                if killed:
                    await home.kill(process)
            async with home.process():
                await home.until(START + 5 * HOUR)

        home.run(story())
        assert len(home.began()) == 1


def test_a_collection_that_was_cut_short_is_adopted_by_the_next_process(tmp_path: Path) -> None:
    """It is not waited for at the stop, not started again, and followed to its end by the run that is begun anew."""
    with household(tmp_path, configuration(entry(schedule=HOURLY)), collection=10 * MINUTE) as home:

        async def story() -> tuple[timedelta, bool]:
            async with home.process() as process:
                await home.hears(CollectionStarted, within=2 * HOUR)
                await asyncio.sleep(60)
                stopped_at = home.house.now()
                in_time = await process.stop()
            took = home.house.now() - stopped_at
            async with home.process():
                await home.until(FIRST + 30 * MINUTE)
            return took, in_time

        took, in_time = home.run(story())
        assert in_time
        assert took < SECOND
        assert len(home.house.network.places("POST", "/garbage-collection")) == 1
        assert [told.adopted for _, told in home.told(CollectionStarted)] == [False, True]
        assert home.outcomes() == ["stopped", "success"]
        with home.house.application() as application:
            (past,) = application.ledger.history.collections(10)
            assert (past.ours, past.status, past.ended_at is not None) == (True, "succeeded", True)
            assert application.ledger.uncollected("acme") == ()


def test_what_earlier_processes_did_is_shown_after_the_restart(tmp_path: Path) -> None:
    """The last run and the last success of each kind are in the metrics before anything new has happened."""
    with household(tmp_path, configuration(entry(schedule='"0 13,15 * * *"'))) as home:

        async def story() -> None:
            async with home.process():
                await home.until(FIRST + MINUTE)
                home.house.network.before = lambda _: httpx.Response(500)
                await home.until(at("15:00", 24) + 30 * SECOND)
            home.house.network.before = lambda _: None
            async with home.process() as process:
                ended = home.told(RunEnded)
                assert seconds(metric(process, "last_success_timestamp_seconds acme clean")) == begin(ended[0][0])
                assert seconds(metric(process, "last_run_timestamp_seconds acme clean")) == begin(ended[1][0])
                assert metric(process, "last_run_outcome acme clean failed") == 1

        home.run(story())


def seconds(value: float | None) -> int:
    """A metric's moment, to the second."""
    assert value is not None
    return int(value)


def begin(moment: datetime) -> int:
    """That moment's second."""
    return int(moment.timestamp())


def test_a_failed_run_that_waits_for_its_next_try_is_tried_after_the_restart(tmp_path: Path) -> None:
    """The process ended between the two tries: the next one does not wait for the next due moment."""
    with household(tmp_path, configuration(entry(schedule='"0 13 * * *"'))) as home:

        async def story() -> None:
            home.house.network.before = lambda _: httpx.Response(500)
            async with home.process():
                await home.until(FIRST + 5 * MINUTE)
            home.house.network.before = lambda _: None
            async with home.process():
                await home.until(FIRST + DAY - HOUR)

        home.run(story())
        assert home.outcomes()[-1] == "success"
        assert set(home.outcomes()[:-1]) == {"failed"}
        assert home.began()[-1] < FIRST + 6 * MINUTE
        assert {run.due_at for run in home.past_runs()} == {FIRST}
        assert len(home.told(RunBegan)) == len(home.past_runs())
