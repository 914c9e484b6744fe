"""Law 12: every wait has an end. A hung collection is seen, and cancelled if it is ours and so configured.

A run stops after a few failures in a row instead of asking on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.model.event import Breaker, BreakerTripped, CollectionPolled
from cleaner.model.plan import HoldReason
from cleaner.simulator.collection import CANCELLED
from tests.changes import collect
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, house, left, policy, registry

KEEP = '[{tags: ["v*"], last: 2}]'
HANGING = "waiting for delete requests"
TIMEOUT, CANCELLING = timedelta(minutes=30), timedelta(minutes=15)
FOR_EVER = timedelta(days=365)


def world_of(state: Path, count: int = 6, collection: str = "min_freed: 0B, timeout: 30m", **more: str) -> House:
    """A house with versions v0, v1 and so on, of which two stay, and collections that take a year."""
    shelf = Shelf()
    for n in range(count):
        shelf.image(f"v{n}", days=100 - n)
    configuration = policy(KEEP, collection=collection, **more)
    return house(registry(shelf), configuration, state, collection_duration=FOR_EVER)


def stubborn(world: House) -> None:
    """Have the collection hang in a status that is in no document, whatever is asked of it."""

    def before(request: httpx.Request) -> httpx.Response | None:
        if "garbage-collection" not in path_of(request) or request.method == "POST":
            return None
        found = [{"uuid": c.uuid, "status": HANGING} for c in world.registry_of_the_world().collections]
        if "garbage-collections?" in path_of(request):
            return httpx.Response(200, json={"garbage_collections": found, "meta": {"total": len(found)}})
        return httpx.Response(200, json={"garbage_collection": found[0]}) if found else httpx.Response(404, json={})

    world.network.before = before


def breakers(world: House) -> list[Breaker]:
    """What stopped deletions, as it was told."""
    return [event.breaker for event in world.events if isinstance(event, BreakerTripped)]


def minutes(world: House) -> float:
    """How long it has taken until now."""
    return (world.now() - world.start) / timedelta(minutes=1)


def test_a_hung_collection_of_ours_is_cancelled(tmp_path: Path) -> None:
    """After `timeout` it is asked to end, once, and followed until it has; the run fails with exit code 1."""
    with world_of(tmp_path) as world:
        report = world.apply()
        assert len(world.network.places("PUT")) == 1
        assert (report.exit_code, len(report.deleted)) == (1, 4)
        assert report.collection is not None
        assert report.collection.status == CANCELLED
        assert "cancelled" in str(report.error)
        assert any("it is ours, and is cancelled" in text for text in report.warnings)
        assert 30 <= minutes(world) < 32


def test_one_that_does_not_even_end_when_it_is_cancelled_is_left(tmp_path: Path) -> None:
    """It is given a quarter of an hour more, and then the run says how it hangs, and ends."""
    with world_of(tmp_path) as world:
        stubborn(world)
        report = world.apply()
        assert len(world.network.places("PUT")) == 1
        assert report.exit_code == 1
        assert HANGING in str(report.error)
        assert 45 <= minutes(world) < 47


def test_with_on_timeout_leave_ours_is_left(tmp_path: Path) -> None:
    """Nothing is cancelled; the run ends after `timeout` and says that the registry stays read-only."""
    with world_of(tmp_path, collection="min_freed: 0B, timeout: 30m, on_timeout: leave") as world:
        report = world.apply()
        assert world.network.places("PUT") == []
        assert "read-only" in str(report.error)
        assert (report.exit_code, round(minutes(world))) == (1, 30)


def test_somebody_elses_is_never_cancelled(tmp_path: Path) -> None:
    """One that was active at the start is waited for until `timeout`; then the run ends, with nothing deleted."""
    with world_of(tmp_path) as world:
        collect(world)
        report = world.apply()
        assert world.network.places("PUT") + world.network.places("DELETE") == []
        assert (report.exit_code, len(left(world)), round(minutes(world))) == (1, 6, 30)


def test_ours_is_still_ours_after_a_restart(tmp_path: Path) -> None:
    """A run that finds the collection of an earlier one hanging cancels it, and then does its work."""
    with world_of(tmp_path, collection="min_freed: 0B, timeout: 30m, on_timeout: leave") as world:
        assert world.apply().exit_code == 1
        world.settings = world.configured(policy(KEEP, collection="schedule: never, timeout: 30m"))
        assert world.apply().exit_code == 0
        assert len(world.network.places("PUT")) == 1
        assert [collection.status for collection in world.registry_of_the_world().collections] == [CANCELLED]


def test_a_hanging_collection_is_seen_while_it_hangs(tmp_path: Path) -> None:
    """Each look is told with the status in the provider's words, at most half a minute after the one before."""
    with world_of(tmp_path) as world:
        stubborn(world)
        world.apply()
        polled = [event.collection.status for event in world.events if isinstance(event, CollectionPolled)]
        assert set(polled) == {HANGING}
        assert 45 * 2 <= len(polled) < 45 * 2 + 20


def test_a_collection_that_nobody_knows_any_more_ends_the_wait(tmp_path: Path) -> None:
    """Neither active nor past: after a few looks the run says so."""

    def forgotten(request: httpx.Request) -> httpx.Response | None:
        if request.method != "GET" or "garbage-collection" not in path_of(request):
            return None
        past = {"garbage_collections": [], "meta": {"total": 0}}
        return httpx.Response(200, json=past) if "collections?" in path_of(request) else httpx.Response(404, json={})

    with world_of(tmp_path) as world:
        world.network.before = forgotten
        report = world.apply()
        assert report.exit_code == 1
        assert "neither active nor among the past" in str(report.error)
        assert minutes(world) < 1


@pytest.mark.parametrize("status", [500, 403, 418, 400])
def test_a_run_stops_after_five_failed_deletions_in_a_row(tmp_path: Path, status: int) -> None:
    """What is in hand is finished, nothing more is asked for, and the rest is reported as skipped."""

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status) if request.method == "DELETE" else None

    with world_of(tmp_path, count=60) as world:
        world.network.before = refuse
        report = world.apply()
        assert 5 <= len(world.network.places("DELETE")) <= 8
        assert len(report.failed) + len(report.skipped) == 58
        assert 5 <= len(report.failed) <= 8
        assert (report.exit_code, len(left(world))) == (1, 60)


@pytest.mark.parametrize("status", [500, 403])
def test_it_does_not_ask_on_in_other_repositories_either(tmp_path: Path, status: int) -> None:
    """Once it has stopped, no other repository is looked at for deletions that will not be sent."""
    shelves = [Shelf(f"app-{number}") for number in range(5)]
    for shelf in shelves:
        for n in range(10):
            shelf.image(f"v{n}", days=100 - n)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status) if request.method == "DELETE" else None

    with house(registry(*shelves), policy(KEEP), tmp_path) as world:
        world.network.before = refuse
        report = world.apply()
        assert len(report.failed) + len(report.skipped) == 40
        assert breakers(world) == [Breaker.FAILURES]
        assert len(world.network.places("GET", "/app-0/digests?")) >= 2
        assert [len(world.network.places("GET", f"/app-{number}/digests?")) for number in range(1, 5)] == [1] * 4


def test_failures_here_and_there_do_not_stop_a_run(tmp_path: Path) -> None:
    """Only those in a row count: every fourth deletion is refused, and all others are carried out."""

    def refuse_some(request: httpx.Request) -> httpx.Response | None:
        fourth = request.method == "DELETE" and len(world.network.places("DELETE")) % 4 == 0
        return httpx.Response(403) if fourth else None

    with world_of(tmp_path, count=42, collection="schedule: never") as world:
        world.network.before = refuse_some
        report = world.apply()
        assert (len(report.deleted), len(report.failed)) == (30, 10)
        assert breakers(world) == []


def test_a_token_that_is_revoked_in_the_middle_ends_the_run_at_once(tmp_path: Path) -> None:
    """401: whatever is asked next would be refused as well."""

    def revoked(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(401, json={}) if len(world.network.places("DELETE")) > 4 else None

    with world_of(tmp_path, count=60) as world:
        world.network.before = revoked
        report = world.apply()
        assert len(world.network.places("DELETE")) <= 8
        assert (report.exit_code, len(report.deleted)) == (1, 4)
        assert "token" in str(report.error)


def hang(request: httpx.Request) -> float:
    """The data plane takes a day for each answer."""
    return 86400.0 if request.url.host == REGISTRY else 0.0


def test_a_hanging_data_plane_is_given_up(tmp_path: Path) -> None:
    """A bounded number of reads, each with a bounded wait; then it is not asked any more, and nothing is deleted."""
    with world_of(tmp_path, count=60) as world:
        world.network.delay = hang
        report = world.apply()
        assert [(held.reason, held.manifests) for held in report.held_back] == [(HoldReason.MANIFEST, 60)]
        assert report.exit_code == 3
        assert len(world.network.to(REGISTRY)) <= 30
        assert minutes(world) < 15


@pytest.mark.parametrize("part", ["/digests?", "repositoriesV2", "/garbage-collection"])
def test_a_hanging_control_plane_is_given_up(tmp_path: Path, part: str) -> None:
    """Each request has its time limit, and its repetitions are counted."""
    with world_of(tmp_path) as world:
        world.network.delay = lambda request: 86400.0 if part in path_of(request) else 0.0
        report = world.apply()
        assert report.exit_code in (1, 3)
        assert len(left(world)) == 6
        assert minutes(world) < 30


MONSTERS: list[tuple[int, Callable[[House], dict[str, str]]]] = [
    (429, lambda _: {"retry-after": "999999999"}),
    (429, lambda _: {"ratelimit-reset": "99999999999"}),
    (503, lambda _: {"retry-after": "999999999"}),
    (429, lambda _: {"retry-after": "9" * 5000}),
]


@pytest.mark.parametrize(("status", "headers"), MONSTERS)
@pytest.mark.parametrize("part", ["repositoriesV2", "/digests?"])
def test_a_monstrous_pause_is_cut_short(
    tmp_path: Path, part: str, status: int, headers: Callable[[House], dict[str, str]]
) -> None:
    """No answer makes a run wait longer than an hour and five minutes at a time, nor for ever again and again."""

    def busy(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, headers=headers(world), json={}) if part in path_of(request) else None

    with world_of(tmp_path) as world:
        world.network.before = busy
        report = world.apply()
        assert report.exit_code in (1, 3)
        assert len(left(world)) == 6
        assert minutes(world) < 24 * 60


def test_a_pause_between_two_deletions_beyond_recheck_takes_a_new_look(tmp_path: Path) -> None:
    """The provider asks for an hour in the middle of the deletions: afterwards the repository is listed again first."""
    asked: list[bool] = []

    def busy_once(request: httpx.Request) -> httpx.Response | None:
        if request.method != "DELETE" or asked or len(world.network.places("DELETE")) < 3:
            return None
        asked.append(True)
        return httpx.Response(429, headers={"retry-after": "3600"}, json={})

    with world_of(tmp_path, count=12, collection="schedule: never") as world:
        world.network.before = busy_once
        report = world.apply()
        assert (len(left(world)), report.exit_code) == (2, 0)
        last_look = max(world.network.places("GET", "/digests?"))
        late = [n for n in world.network.places("DELETE") if world.network.moments[n] > 3600]
        assert late
        assert last_look < min(late)
        assert world.network.moments[last_look] > 3600


def test_looks_that_are_always_too_old_end_the_run(tmp_path: Path) -> None:
    """A listing takes longer than `recheck` allows: after a few looks the deletions are left, and nothing is sent."""
    with world_of(tmp_path, top="recheck: 30s") as world:
        world.network.delay = lambda request: 50.0 if "/digests?" in path_of(request) else 0.0
        report = world.apply()
        assert world.network.places("DELETE") == []
        assert len(report.skipped) == 4
        assert minutes(world) < 10
