"""A reload while a run is under way: it finishes what it has in hand, and is begun anew under the new file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cleaner.model.event import CollectionStarted, ManifestDeleted
from cleaner.model.run import Schedule
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    Process,
    account,
    at,
    configuration,
    entry,
    household,
    versions,
)

CLEANING, COLLECTION = Schedule.CLEANING, Schedule.COLLECTION
DUE = at("14:30", 24)
DAILY = '"30 14 * * *"'
SCHEDULED = configuration(entry(schedule=DAILY))
KEEPS_ALL = '[{tags: ["v*"]}]'
MANY = 24


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


@pytest.mark.parametrize("after", [0.0, 0.5, 2.5, 4.99, 5.0, 7.0])
def test_a_policy_that_changes_under_a_run_is_what_counts_from_then_on(tmp_path: Path, after: float) -> None:
    """What is in hand is finished; nothing that the new policy keeps is deleted any more, and the run begins anew."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0

        async def story() -> int:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(after)
                home.configure(configuration(entry(schedule=DAILY, keep='[{tags: ["v*"], last: 9}]')))
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
                home.configure(configuration(entry(schedule=DAILY, keep=KEEPS_ALL)))
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
                home.configure(configuration(entry(schedule=DAILY, jitter="1s")))
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
            home.configure(configuration(entry(schedule=DAILY, keep=f'[{{tags: ["v*"], last: {last}}}]')))
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
