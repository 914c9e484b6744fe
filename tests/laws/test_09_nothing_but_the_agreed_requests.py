"""Law 9: in mode `plan` not one mutating request leaves the process; in mode `enforce` only the agreed ones do."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from cleaner.errors import MutationRefused
from tests.changes import collect
from tests.house import House
from tests.registries import load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.worlds import random_registry

AGREED = {
    "DELETE": r"/v2/registries/acme/repositories/[^/]+/digests/sha256:[0-9a-f]{64}",
    "POST": r"/v2/registries/acme/garbage-collection",
    "PUT": r"/v2/registries/acme/garbage-collection/[^/]+",
}
HARSH = '[{tags: ["v*"], last: 1}]'
REST = "untagged: {within: 1d}\n        unmatched: delete"


def methods(world: House) -> set[str]:
    """What arrived at the registry's two planes, and what left the process, agree."""
    log = world.log.as_json()["requests"]
    assert isinstance(log, list)
    arrived = [entry["method"] for entry in log]
    assert sorted(arrived) == sorted(request.method for request in world.network.seen)
    return set(arrived)


@pytest.mark.parametrize("seed", range(300, 304))
@pytest.mark.parametrize("mode", ["plan", "enforce"])
def test_a_plan_only_reads(tmp_path: Path, mode: str, seed: int) -> None:
    """Whatever the registry holds, and also where the file says `enforce`: GET, and nothing else."""
    generated = random_registry(random.Random(seed))
    configuration = policy(HARSH, mode=mode, rest=REST)
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        before = world.digests()
        world.plan()
        assert methods(world) == {"GET"}
        assert world.digests() == before


@pytest.mark.parametrize("seed", range(300, 304))
def test_where_nothing_enforces_nobody_gets_a_client_that_can_change_anything(tmp_path: Path, seed: int) -> None:
    """A run that was meant for `mode: enforce`, and finds `plan`, is refused before its first request."""
    generated = random_registry(random.Random(seed))
    configuration = policy(HARSH, mode="plan", rest=REST)
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        with pytest.raises(MutationRefused, match="mode enforce"):
            world.apply()
        assert methods(world) == set()


@pytest.mark.parametrize("seed", range(300, 304))
def test_a_scheduled_run_in_mode_plan_only_reads(tmp_path: Path, seed: int) -> None:
    """It judges, reports and is written down as any other run."""
    generated = random_registry(random.Random(seed))
    configuration = policy(HARSH, mode="plan", rest=REST)
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        with world.application() as application:
            report = world.run(application.rehearse(world.registry, world.events.append))
        assert report.deleted == ()
        assert methods(world) == {"GET"}


def test_reading_commands_only_read(tmp_path: Path) -> None:
    """`explain`, `check --online` and `gc status` send GET alone, in a file that says `enforce`."""
    shelf = Shelf()
    shelf.image("v1")
    with house(registry(shelf), policy(HARSH), tmp_path) as world, world.application() as application:
        collect(world)
        world.run(application.explain(world.registry, "shop", world.events.append))
        world.run(application.check(world.registry))
        world.run(application.active_collection(world.registry))
        world.run(application.past_collections(world.registry))
        assert methods(world) == {"GET"}


@pytest.mark.parametrize("seed", range(304, 310))
def test_a_run_sends_only_the_agreed_requests(tmp_path: Path, seed: int) -> None:
    """Deletions of digests and a collection of unreferenced blobs only: never of a tag, a repository or a registry."""
    generated = random_registry(random.Random(seed))
    with House(load_file(generated), policy(HARSH, rest=REST), tmp_path, start=generated.now) as world:
        world.apply()
        for request in world.network.seen:
            path = request.url.raw_path.decode()
            assert request.method == "GET" or re.fullmatch(AGREED[request.method], path)
            if request.method == "POST":
                assert request.content == b'{"type":"unreferenced blobs only"}'


def test_a_hung_collection_of_ours_is_cancelled_by_the_agreed_request(tmp_path: Path) -> None:
    """The PUT names the collection that we started, and its body says nothing but that it be cancelled."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)
    configuration = policy(HARSH, collection="min_freed: 0B, timeout: 3s")
    with house(registry(shelf), configuration, tmp_path) as world:
        world.apply()
        (put,) = [request for request in world.network.seen if request.method == "PUT"]
        (ours,) = world.registry_of_the_world().collections
        assert put.url.path == f"/v2/registries/acme/garbage-collection/{ours.uuid}"
        assert put.content == b'{"cancel":true}'


def test_of_two_policies_only_the_enforced_one_is_carried_out(tmp_path: Path) -> None:
    """Repositories under a policy in `mode: plan`, and under none, keep everything."""
    shelves = [Shelf(name) for name in ("enforced", "planned", "unmanaged")]
    for shelf in shelves:
        for n in range(4):
            shelf.image(f"v{n}", days=40 - n)
    configuration = policy(HARSH).replace('repositories: ["*"]', "repositories: [enforced]") + (
        f"      - {{repositories: [planned], mode: plan, keep: {HARSH}}}\n"
    )
    with house(registry(*shelves), configuration, tmp_path) as world:
        report = world.apply()
        assert [len(left(world, shelf.name)) for shelf in shelves] == [1, 4, 4]
        assert (report.held_back, report.exit_code) == ((), 0)
