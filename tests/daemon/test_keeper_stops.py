"""A stop: nothing is begun any more, what is in hand is finished, and the process is gone within its grace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.daemon.keeper import GRACE, Keeper
from cleaner.model.event import CollectionStarted, ManifestDeleted, Planned, RepositoryListed, RunBegan, RunEnded
from cleaner.wiring import Application
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Household,
    Process,
    account,
    at,
    configuration,
    entry,
    household,
    versions,
)
from tests.house import START
from tests.slow_disk import SlowDiskLoop

DUE = at("12:30", 24)
LUNCH = '"30 12 * * *"'
MANY = 40
SCHEDULED = configuration(entry(schedule=LUNCH))
UNSENT = "the run was stopped before it was sent"


def slowly(home: Household) -> None:
    """Each deletion is five seconds on its way."""
    home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0


async def stopped(home: Household, process: Process) -> timedelta:
    """How long a stop takes; it sends no deletion, and is in time."""
    sent, began = len(home.deletes()), home.house.now()
    assert await process.stop()
    took = home.house.now() - began
    await asyncio.sleep(3600)
    assert len(home.deletes()) == sent
    assert not process.keeper.is_ready
    return took


@pytest.mark.parametrize("disk", [0.0, 0.05], ids=["a quick disk", "a slow disk"])
@pytest.mark.parametrize(
    ("registries", "after"),
    [(("acme",), 0.0), (("acme",), 1.0), (("acme",), 5.0), (("acme",), 5.2), (("acme", "beta", "gamma"), 7.3)],
)
def test_what_is_in_hand_is_finished_recorded_and_reported(
    tmp_path: Path, registries: tuple[str, ...], after: float, disk: float
) -> None:
    """On every registry; what was sent is what is gone, and each run ends as stopped, by event, ledger and log."""
    text = configuration(*(entry(name, schedule=LUNCH) for name in registries))
    with household(tmp_path, text, account(**{name: versions(MANY) for name in registries})) as home:
        slowly(home)
        if disk:
            home.house.loop.close()
            home.house.loop = SlowDiskLoop(disk)

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(after)
                return await stopped(home, process)

        assert home.run(story()) < timedelta(seconds=6)
        gone = {(past.registry, past.digest) for past in home.past_deletions() if past.outcome == "deleted"}
        assert {(path.split("/")[3], path.rpartition("/")[2]) for path in home.carried_out()} == gone
        assert len(gone) == sum(MANY - len(home.house.digests(name)) for name in registries)
        assert {(p.outcome, p.error) for p in home.past_deletions()} <= {("deleted", None), ("failed", UNSENT)}
        for name in registries:
            assert home.outcomes(name) == ["stopped"]
            assert [line["outcome"] for line in home.lines("run ended", registry=name)] == ["stopped"]
        assert [run.deleted for run in home.past_runs()] == [
            len(told.report.deleted) for _, told in sorted(home.told(RunEnded), key=lambda each: each[1].run)
        ]


def test_deletions_that_wait_for_the_rate_limit_are_not_sent(tmp_path: Path) -> None:
    """They leave no open intent behind, and the stop does not wait for their turn."""
    top = "api: {rate_limit: {per_minute: 12, per_hour: 0, reserve: 0%}}"
    text = configuration(entry(schedule=LUNCH), top=top)
    with household(tmp_path, text, account(acme=versions(MANY))) as home:

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(10)
                return await stopped(home, process)

        assert home.run(story()) < SECOND
        assert UNSENT in {past.error for past in home.past_deletions()}
        assert None not in {past.outcome for past in home.past_deletions()}


@pytest.mark.parametrize("pause", ["5", "240", "4000"])
def test_a_deletion_that_is_refused_for_the_rate_limit_meanwhile_is_not_sent_again(tmp_path: Path, pause: str) -> None:
    """However long the pause is for which the provider asks."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        slowly(home)
        refusal = {"id": "too_many_requests", "message": "slow down"}

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                home.house.network.before = lambda request: (
                    httpx.Response(429, headers={"retry-after": pause}, json=refusal)
                    if request.method == "DELETE"
                    else None
                )
                await asyncio.sleep(6)
                return await stopped(home, process)

        assert home.run(story()) < timedelta(seconds=6)
        assert None not in {past.outcome for past in home.past_deletions()}


def test_an_answer_that_never_comes_is_waited_for_as_long_as_for_any(tmp_path: Path) -> None:
    """A minute: the grace is longer. The intent stays open, and the next run looks what became of it."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        home.house.network.delay = lambda request: 10_000.0 if request.method == "DELETE" else 0.0

        async def story() -> timedelta:
            async with home.process() as process:
                await home.until(DUE + 10 * SECOND)
                return await stopped(home, process)

        assert 45 * SECOND < home.run(story()) < GRACE
        assert {past.outcome for past in home.past_deletions()} == {None}
        assert home.outcomes() == ["stopped"]


def test_a_collection_that_is_followed_is_left(tmp_path: Path) -> None:
    """The provider ends it without us."""
    with household(tmp_path, SCHEDULED, collection=HOUR) as home:

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(CollectionStarted)
                await asyncio.sleep(100)
                return await stopped(home, process)

        assert home.run(story()) < SECOND
        assert home.house.network.sent("PUT") == []
        assert home.outcomes() == ["stopped"]


async def while_forecasting(home: Household, _: Process) -> None:
    """Its listing of repositories is under way."""
    await home.hears(RepositoryListed)


async def while_waiting_to_try_again(home: Household, _: Process) -> None:
    """The second try has failed, and the third is two minutes off."""
    home.house.network.before = lambda _: httpx.Response(500)
    await home.until(DUE + 2 * MINUTE)
    assert home.outcomes() == ["failed", "failed"]


async def while_idle(home: Household, _: Process) -> None:
    """Nothing is under way."""
    await home.until(START + 20 * MINUTE)


async def before_anything_began(_: Household, __: Process) -> None:
    """It has just announced itself."""


async def when_a_run_is_due(home: Household, _: Process) -> None:
    """At that very moment."""
    await home.until(DUE)


async def when_a_run_was_asked_for(_: Household, process: Process) -> None:
    """In the moment before."""
    assert process.keeper.start_run("acme")


MOMENTS: list[Callable[[Household, Process], Awaitable[None]]] = [
    while_forecasting,
    while_waiting_to_try_again,
    while_idle,
    before_anything_began,
    when_a_run_is_due,
    when_a_run_was_asked_for,
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_a_stop_while_nothing_is_in_hand_is_done_at_once(
    tmp_path: Path, moment: Callable[[Household, Process], Awaitable[None]]
) -> None:
    """And not a request is sent afterwards, neither a look nor another try."""
    with household(tmp_path, SCHEDULED) as home:

        async def story() -> timedelta:
            async with home.process() as process:
                await moment(home, process)
                took = await stopped(home, process)
                asked = len(home.house.network.seen)
                await home.until(DUE + DAY)
                assert len(home.house.network.seen) == asked
                return took

        assert home.run(story()) < SECOND
        assert home.deletes() == []


def test_a_stop_before_the_start_is_over_ends_it(tmp_path: Path) -> None:
    """The process starts, announces itself and ends: nothing is cleaned, though a run was missed."""
    with household(tmp_path, configuration(entry(schedule='"0 * * * *"'))) as home:

        async def story() -> bool:
            async with home.process():
                pass
            await home.until(START + 3 * HOUR)
            application = Application.for_applying(home.house.settings, home.house.edges)
            keeper = Keeper(application, home.house.edges, home.audience(), lambda: home.house.settings)
            stop = asyncio.Event()
            stop.set()
            try:
                return await keeper.keep(stop, lambda: None)
            finally:
                application.close()

        assert home.run(story())
        assert home.told(RunBegan) == []


def test_the_next_process_does_what_was_left(tmp_path: Path) -> None:
    """It deletes the rest, each once, and collects all that both have deleted."""
    with household(tmp_path, SCHEDULED, account(acme=versions(MANY))) as home:
        slowly(home)

        async def story() -> None:
            async with home.process() as process:
                await home.hears(ManifestDeleted)
                await stopped(home, process)
            async with home.process():
                await home.hears(RunEnded)

        home.run(story())
        assert home.outcomes() == ["stopped", "success"]
        assert len(home.carried_out()) == len(set(home.carried_out())) == MANY - 2
        (_, last) = home.told(RunEnded)[-1]
        assert last.report.collection is not None
        assert last.report.collection.blobs_deleted == MANY - 2


def test_a_stop_during_a_rehearsal_ends_it_at_once(tmp_path: Path) -> None:
    """What only reads has nothing in hand that must be finished."""
    with household(tmp_path, configuration(entry(schedule=LUNCH, mode="plan")), account(acme=versions(MANY))) as home:

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(RunBegan)
                return await stopped(home, process)

        assert home.run(story()) < SECOND
        assert home.outcomes() == ["stopped"]
        assert len(home.told(Planned)) == 1  # the forecast after the start
