"""`garbage_collection.quiet`: ours begins once nothing was pushed for that long, or not at all in this run."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.cleaning.orders import Mandate
from cleaner.model.event import ManifestDeleted, Warned
from cleaner.model.report import Report
from cleaner.model.run import RunOutcome
from tests.changes import collect, push
from tests.house import House, path_of
from tests.shelves import Shelf, house, policy, registry

MINUTE = 60.0
FOR_EVER = 10**9
SETTINGS = "min_freed: 0B, quiet: 10m, timeout: 1h"


def world_of(state: Path, shelf: Shelf, collection: str = SETTINGS) -> House:
    """A house with four versions, of which two stay."""
    for n in range(4):
        shelf.image(f"v{n}", days=100 - n)
    return house(registry(shelf), policy('[{tags: ["v*", "w*"], last: 2}]', collection=collection), state)


def put(world: House, shelf: Shelf, tag: str) -> None:
    """Somebody pushes at this moment."""
    shelf.image(tag, days=-world.loop.time() / 86400)
    push(world, shelf)


async def pushing(world: House, shelf: Shelf, until: float) -> None:
    """A push every five minutes, from now on."""
    while world.loop.time() <= until:
        put(world, shelf, f"pushed-{len(shelf.manifests)}")
        await asyncio.sleep(5 * MINUTE)


def apply_amid_pushes(world: House, shelf: Shelf, until: float) -> Report:
    """`cleaner apply --yes`, while others push until then."""

    async def story() -> Report:
        others = asyncio.create_task(pushing(world, shelf, until))
        try:
            with world.application() as application:
                return await application.clean(world.registry, Mandate(), world.events.append)
        finally:
            others.cancel()
            await asyncio.gather(others, return_exceptions=True)

    return world.run(story())


def starts(world: House) -> list[float]:
    """The moments at which a collection was asked for."""
    return [world.network.moments[place] for place in world.network.places("POST", "/garbage-collection")]


def looks(world: House) -> int:
    """How often the repositories were listed: for the family, the inventory, and the last look before a collection."""
    return len(world.network.places("GET", "repositoriesV2"))


def warnings(world: House) -> list[str]:
    """What was said about a collection that was not begun."""
    return [e.text for e in world.events if isinstance(e, Warned) and e.text.startswith("nothing was collected")]


def test_a_collection_begins_ten_minutes_after_the_last_push(tmp_path: Path) -> None:
    """Not sooner, and at once then; the repositories are listed again only when it could be quiet."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world:
        report = apply_amid_pushes(world, shelf, until=20 * MINUTE)
        (start,) = starts(world)
        assert 30 * MINUTE <= start < 30 * MINUTE + 5
        assert (report.exit_code, report.collection is not None, warnings(world)) == (0, True, [])
        assert looks(world) <= 3 + 6


def test_where_pushes_never_stop_the_next_run_collects(tmp_path: Path) -> None:
    """The wait ends within `timeout` (law 12): nothing is collected, and nothing forgotten; the run is no failure."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world:
        report = apply_amid_pushes(world, shelf, until=FOR_EVER)
        assert (report.exit_code, len(report.deleted), starts(world)) == (0, 2, [])
        assert [warning in report.warnings for warning in warnings(world)] == [True]
        assert "what was deleted is remembered" in warnings(world)[0]
        assert 50 * MINUTE <= world.loop.time() <= 61 * MINUTE
        world.run(asyncio.sleep(10 * MINUTE))
        assert world.apply().collection is not None


@pytest.mark.parametrize("collection", ["min_freed: 0B", "min_freed: 0B, quiet: 0s"])
def test_without_quiet_nothing_is_waited_for_and_nothing_asked(tmp_path: Path, collection: str) -> None:
    """That is the default: no request more than before."""
    shelf = Shelf()
    with world_of(tmp_path, shelf, collection) as world:
        report = apply_amid_pushes(world, shelf, until=FOR_EVER)
        assert (report.exit_code, len(starts(world)), looks(world)) == (0, 1, 3)
        assert starts(world)[0] < MINUTE


def test_where_nothing_is_to_be_collected_nothing_is_asked(tmp_path: Path) -> None:
    """The wait is for a collection that is worth it."""
    shelf = Shelf()
    with world_of(tmp_path, shelf, "quiet: 10m, min_freed: 1GiB") as world:
        apply_amid_pushes(world, shelf, until=FOR_EVER)
        assert (starts(world), looks(world)) == ([], 2)


def test_a_push_from_the_future_counts_as_one_of_now(tmp_path: Path) -> None:
    """Nobody can tell how long ago it was: the run waits, gives up in time, and names the moment."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world:
        shelf.image("from-a-wrong-clock", days=-36500)
        push(world, shelf)
        assert world.apply().exit_code == 0
        assert starts(world) == []
        assert "the last at 2126-" in warnings(world)[0]
        assert world.loop.time() <= 61 * MINUTE
        assert looks(world) <= 2 + 7


def test_one_that_is_active_is_followed_however_much_is_pushed(tmp_path: Path) -> None:
    """Somebody else's is there already: to wait would help nobody. Nor does the wait hold up the deletions."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world:
        collect(world)
        apply_amid_pushes(world, shelf, until=FOR_EVER)
        deletions = [world.network.moments[place] for place in world.network.places("DELETE")]
        assert len(deletions) == 2
        assert max(deletions) < MINUTE


def test_a_person_who_starts_one_does_not_wait(tmp_path: Path) -> None:
    """`cleaner gc start` means now."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world, world.application() as application:
        put(world, shelf, "pushed")
        world.run(application.start_collection(world.registry, world.events.append))
        assert len(starts(world)) == 1
        assert starts(world)[0] < MINUTE


def test_where_the_last_push_cannot_be_read_nothing_is_started(tmp_path: Path) -> None:
    """The run says so, as of anything else that it could not read; what was deleted is remembered."""
    shelf = Shelf()
    with world_of(tmp_path, shelf) as world:

        def broken(request: httpx.Request) -> httpx.Response | None:
            deleted = any(isinstance(event, ManifestDeleted) for event in world.events)
            return httpx.Response(500) if deleted and "repositoriesV2" in path_of(request) else None

        world.network.before = broken
        report = world.apply()
        assert (report.exit_code, starts(world)) == (1, [])
        assert "the last pushes" in str(report.error)


def test_a_run_that_is_stopped_does_not_wait_on(tmp_path: Path) -> None:
    """It ends at once, and its report says that it was stopped."""
    shelf = Shelf()

    async def stopped_after_five_minutes(world: House) -> Report:
        with world.application() as application:
            run = asyncio.create_task(application.clean(world.registry, Mandate(), world.events.append))
            await asyncio.sleep(5 * MINUTE)
            run.cancel()
            return await run

    with world_of(tmp_path, shelf) as world:
        put(world, shelf, "pushed")
        report = world.run(stopped_after_five_minutes(world))
        assert (report.outcome, len(report.deleted), starts(world)) == (RunOutcome.STOPPED, 2, [])
        assert world.loop.time() < 5 * MINUTE + 1
        assert world.now() - world.start < timedelta(minutes=6)
