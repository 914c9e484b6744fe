"""Law 7: no delete while a garbage collection is active; ours begins after our last delete.

An active one is followed to its end, never doubled, never lost by a restart. What was deleted and not yet collected is
remembered until a collection succeeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cleaner.cleaning.few import FEW
from cleaner.cleaning.orders import Mandate
from cleaner.model.event import CollectionEnded, CollectionStarted, Planned
from cleaner.model.report import Report
from cleaner.model.run import STOPPED
from cleaner.simulator.collection import CANCELLED, SUCCEEDED, UNTAGGED
from tests.changes import collect, once_planned
from tests.crashes import crashes, points_of
from tests.house import House
from tests.shelves import LAYER_BYTES, Shelf, house, left, policy, registry

KEEP = '[{tags: ["v*"], last: 2}]'
COLLECTION = "/garbage-collection"


def shelf(count: int = 6) -> Shelf:
    """Versions v0, v1 and so on, of which two stay; each has a layer of its own."""
    shelf = Shelf()
    for n in range(count):
        shelf.image(f"v{n}", days=40 - n)
    return shelf


def world_of(state: Path, count: int = 6, **more: str) -> House:
    """A house with these versions."""
    return house(registry(shelf(count)), policy(KEEP, **more), state)


def deletions_meanwhile(world: House) -> list[str]:
    """The deletions that were sent while any collection was active, and all that were refused for that."""
    collections = world.registry_of_the_world().collections
    spans = [(collection.created_at, collection.updated_at) for collection in collections]
    return [
        entry["path"]
        for entry in world.log.as_json()["requests"]  # type: ignore[attr-defined]
        if entry["method"] == "DELETE"
        and any(began <= datetime.fromisoformat(entry["at"]) < ended for began, ended in spans)
    ]


def uncollected(world: House) -> int:
    """How many manifests are remembered as deleted and not collected."""
    with world.application() as application:
        return len(application.ledger.uncollected("acme"))


def statuses(world: House) -> list[str]:
    """How the collections of the registry ended, oldest first."""
    world.world.advance()
    return [collection.status for collection in world.registry_of_the_world().collections]


def test_ours_begins_after_the_last_delete_and_is_followed_to_its_end(tmp_path: Path) -> None:
    """One POST, after every DELETE; the report has its end and what it freed, and nothing is left to be remembered."""
    with world_of(tmp_path) as world:
        report = world.apply()
        (start,) = world.network.places("POST", COLLECTION)
        assert start > max(world.network.places("DELETE"))
        assert report.collection is not None
        assert report.predicted is not None
        assert report.collection.status == SUCCEEDED
        assert report.collection.freed_bytes == report.predicted.bytes == 4 * LAYER_BYTES
        assert uncollected(world) == 0
        assert deletions_meanwhile(world) == []


def test_one_that_is_active_at_the_start_is_followed_first(tmp_path: Path) -> None:
    """Not even a listing is taken before its end; it is not doubled, and ours comes after our deletions."""
    with world_of(tmp_path) as world:
        collect(world)
        report = world.apply()
        assert (len(left(world)), report.exit_code) == (2, 0)
        assert world.network.moments[world.network.places("GET", "/digests?")[0]] >= 9
        assert deletions_meanwhile(world) == []
        assert statuses(world) == [SUCCEEDED, SUCCEEDED]


@pytest.mark.parametrize("deleted", range(5))
def test_one_that_somebody_starts_in_the_middle_is_followed_and_then_work_goes_on(tmp_path: Path, deleted: int) -> None:
    """After so many deletions the registry is read-only: a 409 is no failure, and each deletion is carried out once."""
    with world_of(tmp_path) as world:

        def start_after_some(_request: httpx.Request, _answer: httpx.Response) -> None:
            planned = any(isinstance(event, Planned) for event in world.events)
            fresh = not world.registry_of_the_world().collections
            if planned and fresh and len(world.network.places("DELETE")) >= deleted:
                collect(world)

        world.network.after = start_after_some
        report = world.apply()
        assert (len(left(world)), report.failed, report.exit_code) == (2, (), 0)
        assert len(report.deleted) == 4
        assert len(deletions_meanwhile(world)) <= FEW
        assert uncollected(world) == 0
        assert set(statuses(world)) == {SUCCEEDED}
        assert world.registry_of_the_world().storage.stored_bytes() == 2 * LAYER_BYTES


def test_a_registry_whose_collections_are_automated_is_cleaned_all_the_same(tmp_path: Path) -> None:
    """A 412 on the start is said once and is no failure; the next run tries again, and nothing is forgotten."""

    def automated(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        message = "manual garbage collection is not available while automated garbage collection is enabled"
        return httpx.Response(412, json={"id": "precondition_failed", "message": message})

    with world_of(tmp_path) as world:
        world.network.before = automated
        report = world.apply()
        assert (len(left(world)), report.exit_code, report.error, report.collection) == (2, 0, None, None)
        assert any("automated" in warning for warning in report.warnings)
        assert len(world.network.places("POST")) == 1
        assert world.apply().exit_code == 0
        assert len(world.network.places("POST")) == 2
        assert uncollected(world) == 4


@pytest.mark.parametrize("error", [httpx.ReadError("cut"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("?")])
def test_a_start_whose_answer_is_lost_is_found_and_not_doubled(tmp_path: Path, error: Exception) -> None:
    """What began since we asked is followed; whose it is nobody can tell, so it is never cancelled as ours."""

    def lose(request: httpx.Request, _answer: httpx.Response) -> None:
        if request.method == "POST":
            raise error

    with world_of(tmp_path, collection="min_freed: 0B, timeout: 5s") as world:
        world.network.after = lose
        report = world.apply()
        assert len(world.registry_of_the_world().collections) == 1
        assert report.exit_code == 1
        assert world.network.places("PUT") == []
        world.network.after = lambda *_: None
        assert world.apply().exit_code == 0
        assert statuses(world) == [SUCCEEDED]
        assert uncollected(world) == 0


def test_a_start_that_never_arrived_is_an_error_and_what_was_deleted_is_collected_next_time(tmp_path: Path) -> None:
    """The request is lost on its way out: there is no collection to find; the next run makes good for it."""

    def lose(request: httpx.Request) -> None:
        if request.method == "POST":
            raise httpx.ReadError("cut")

    with world_of(tmp_path) as world:
        world.network.before = lose
        assert world.apply().exit_code == 1
        assert uncollected(world) == 4
        world.network.before = lambda _: None
        assert world.apply().exit_code == 0
        assert statuses(world) == [SUCCEEDED]
        assert uncollected(world) == 0


@pytest.mark.parametrize("status", [400, 409, 412, 422, 429])
def test_a_start_that_is_refused_since_one_is_active_adopts_that_one(tmp_path: Path, status: int) -> None:
    """Whatever code says so (it is stated nowhere): the active one is followed, then ours covers what we deleted."""
    refused: list[bool] = []

    def somebody_was_faster(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST" or refused:
            return None
        refused.append(True)
        collect(world)
        return httpx.Response(status, json={"id": "busy", "message": "one is active"})

    with world_of(tmp_path) as world:
        world.network.before = somebody_was_faster
        report = world.apply()
        assert (report.exit_code, report.error) == (0, None)
        assert set(statuses(world)) == {SUCCEEDED}
        assert uncollected(world) == 0


@pytest.mark.parametrize("last_points", [1, 2, 3, 5, 8, 11])
def test_a_restart_while_ours_is_active_follows_it(tmp_path: Path, last_points: int) -> None:
    """The process dies while its collection runs; the next one follows the same, and starts no second."""
    elsewhere = tmp_path / "undisturbed"
    elsewhere.mkdir()
    with world_of(elsewhere) as undisturbed:
        points = points_of(undisturbed, undisturbed.apply)
    with world_of(tmp_path) as world:
        assert crashes(world, points - last_points, world.apply)
        report = world.apply()
        assert (report.exit_code, uncollected(world)) == (0, 0)
        assert statuses(world) == [SUCCEEDED]


def test_a_stop_while_ours_is_active_leaves_it_to_the_next_run(tmp_path: Path) -> None:
    """A person stops the run while it follows a collection: it is not cancelled, and the next run follows it."""

    async def stopped_after(seconds: float, doing: Coroutine[Any, Any, Report]) -> Report:
        task = asyncio.ensure_future(doing)
        asyncio.get_running_loop().call_later(seconds, task.cancel)
        return await task

    with world_of(tmp_path) as world:
        with world.application() as application:
            cleaning = application.clean(world.registry, Mandate(), world.events.append)
            assert world.run(stopped_after(4, cleaning)).exit_code == STOPPED
        assert world.apply().exit_code == 0
        assert statuses(world) == [SUCCEEDED]
        assert uncollected(world) == 0


def test_deletions_of_several_runs_are_collected_together(tmp_path: Path) -> None:
    """What is below `min_freed` waits, over runs and restarts, until together it is enough."""
    with world_of(tmp_path, count=12, collection="min_freed: 9kB", limits="deletions: 4, share: 100%") as world:
        assert world.apply().collection is None
        assert world.apply().collection is None
        assert uncollected(world) == 8
        report = world.apply()
        assert report.collection is not None
        assert report.collection.freed_bytes == 10 * LAYER_BYTES
        assert uncollected(world) == 0
        assert world.apply().collection is None


def test_a_collection_that_failed_leaves_everything_uncollected(tmp_path: Path) -> None:
    """It is an error (exit code 1), and the next run collects anew."""

    def cancelled_by_somebody(request: httpx.Request) -> None:
        active = world.registry_of_the_world().active_collection
        if active is not None and request.method == "GET" and world.loop.time() < 20:
            world.world.cancel_collection(world.registry_of_the_world(), active)

    with world_of(tmp_path) as world:
        world.network.before = cancelled_by_somebody
        assert world.apply().exit_code == 1
        assert uncollected(world) == 4
        world.network.before = lambda _: None
        assert world.apply().exit_code == 0
        assert statuses(world) == [CANCELLED, SUCCEEDED]
        assert uncollected(world) == 0


def test_a_collection_of_somebody_else_that_began_after_our_deletions_counts(tmp_path: Path) -> None:
    """With `never` nothing is started by us; what another's collection covers is not remembered any longer."""
    with world_of(tmp_path, collection="schedule: never, min_freed: 0B") as world:
        assert world.apply().exit_code == 0
        assert world.network.places("POST") == []
        assert uncollected(world) == 4
        collect(world)
        world.apply()
        assert uncollected(world) == 0
        assert world.network.places("POST") == []


def test_a_collection_that_began_before_our_last_deletion_does_not_count(tmp_path: Path) -> None:
    """What was deleted after it began may not have been seen by it."""
    with world_of(tmp_path, collection="schedule: never, min_freed: 0B") as world:
        once_planned(world, lambda: collect(world))
        world.apply()
        assert uncollected(world) == 4


def test_a_collection_that_is_known_to_have_ended_covers_no_later_deletion(tmp_path: Path) -> None:
    """Our clock is behind the provider's, by which it began after them: it was followed to its end before they went."""
    with world_of(tmp_path, collection="schedule: never, min_freed: 0B") as world:
        world.edges = replace(world.edges, now=lambda: world.now() - timedelta(minutes=1))
        collect(world)
        world.apply()
        assert uncollected(world) == 4
        world.apply()
        assert uncollected(world) == 4


def test_before_clean_collects_what_the_run_before_deleted(tmp_path: Path) -> None:
    """The first run deletes, the second collects before it looks for more to delete."""
    collection = "schedule: before-clean, min_freed: 0B"
    with world_of(tmp_path, count=8, collection=collection, limits="deletions: 3, share: 100%") as world:
        assert world.apply().collection is None
        before = len(world.network.seen)
        assert world.apply().collection is not None
        (start,) = world.network.places("POST")
        assert all(not before < place < start for place in world.network.places("DELETE"))
        assert uncollected(world) == 3


def test_nothing_deleted_means_nothing_collected(tmp_path: Path) -> None:
    """A collection makes the registry read-only: none is started where it frees nothing."""
    with world_of(tmp_path, count=2) as world:
        assert world.apply().collection is None
        assert world.network.places("POST") == []


def test_an_adopted_collection_is_told_as_such(tmp_path: Path) -> None:
    """Listeners can tell whose it is, and it is not the run's own in the report."""
    with world_of(tmp_path, count=2) as world:
        collect(world)
        report = world.apply()
        told = [event for event in world.events if isinstance(event, CollectionStarted | CollectionEnded)]
        assert [event.adopted for event in told] == [True, True]
        assert report.collection is None


def test_a_provider_that_takes_deletions_meanwhile_gets_none_after_the_next_look(tmp_path: Path) -> None:
    """Whether deletions are taken during a collection is unverified: every 100, or every 10 s, the run looks."""
    many = Shelf()
    for n in range(302):
        many.image(f"v{n}", days=400 - n)
    theirs = {"uuid": "theirs", "status": "scanning manifests", "type": "unreferenced blobs only"}
    with house(registry(many), policy(KEEP, limits="share: 100%, deletions: 1000"), tmp_path) as world:
        looks: list[int] = []

        def before(request: httpx.Request) -> httpx.Response | None:
            sent = len(world.network.sent("DELETE"))
            if request.method == "GET" and request.url.path.endswith(COLLECTION) and 20 < sent < 120 and len(looks) < 3:
                looks.append(sent)
                return httpx.Response(200, json={"garbage_collection": theirs})
            if request.url.path.endswith(COLLECTION + "s") and 20 < sent < 120:
                return httpx.Response(
                    200, json={"garbage_collections": [{**theirs, "status": "failed"}], "meta": {"total": 1}}
                )
            return None

        world.network.before = before
        report = world.apply()
        assert (report.exit_code, len(report.deleted)) == (0, 300)
        assert looks == [100, 100, 100]  # followed to its end before one more was sent


def test_a_collection_that_removes_no_blobs_collects_nothing(tmp_path: Path) -> None:
    """One of the three types removes manifests alone: what we deleted is still to be collected after it."""
    with world_of(tmp_path, collection="schedule: never") as world:
        world.apply()
        collect(world, UNTAGGED)
        world.loop.run_until_complete(asyncio.sleep(60))
        assert statuses(world) == [SUCCEEDED]
        world.apply()
        assert uncollected(world) == 4


def test_a_lost_start_is_found_where_the_provider_tells_whole_seconds_only(tmp_path: Path) -> None:
    """It began in the second in which we asked: it is ours to follow, and not to be doubled."""
    with world_of(tmp_path) as world:

        def after(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
            if request.method == "POST":
                raise httpx.ReadError("reset")
            body = answer.json() if request.url.path.endswith((COLLECTION, COLLECTION + "s")) else {}
            for told in [body.get("garbage_collection"), *body.get("garbage_collections", ())]:
                if told:
                    told["created_at"] = told["created_at"][:19] + "Z"
            return httpx.Response(answer.status_code, json=body) if body else None

        world.network.after = after
        report = world.apply()
        assert (report.exit_code, len(world.network.sent("POST"))) == (0, 1)
        assert report.collection is not None
        assert report.collection.freed_bytes == 4 * LAYER_BYTES
