"""Law 9: in mode `plan` not one mutating request leaves the process; in mode `enforce` only the agreed ones do."""

from __future__ import annotations

import random
import re
from pathlib import Path

import httpx
import pytest

from cleaner.docr.call import Call
from cleaner.docr.transport import Allows, mutates_as_agreed, reads_only, restores_to
from cleaner.errors import MutationRefused
from cleaner.ledger.restoring import Which
from tests.changes import collect
from tests.house import CONTROL, REGISTRY, House, path_of
from tests.registries import load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.worlds import random_registry

READS = ("GET", "HEAD")
AGREED = {
    ("DELETE", CONTROL): r"/v2/registries/acme/repositories/[^/]+/digests/sha256:[0-9a-f]{64}",
    ("POST", CONTROL): r"/v2/registries/acme/garbage-collection",
    ("PUT", CONTROL): r"/v2/registries/acme/garbage-collection/[^/]+",
    ("PUT", REGISTRY): r"/v2/acme/.+/manifests/(sha256:[0-9a-f]{64}|[\w.-]+)",
}
DIGEST = f"sha256:{1:064x}"
HARSH = '[{tags: ["v*"], last: 1}]'
REST = "untagged: {within: 1d}\n        unmatched: delete"


def is_agreed(request: httpx.Request) -> bool:
    """Whether it is one of the few requests that may change something."""
    return re.fullmatch(AGREED[request.method, request.url.host], path_of(request)) is not None


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
            assert request.method in READS or is_agreed(request)
            if request.method == "POST":
                assert request.content == b'{"type":"unreferenced blobs only"}'


CLIENTS: dict[str, Allows] = {"reader": reads_only, "writer": mutates_as_agreed, "restorer": restores_to("acme")}
SENDS = [
    ("GET", CONTROL, "/v2/registries/acme/garbage-collection", {"reader"}),
    ("HEAD", REGISTRY, f"/v2/acme/shop/blobs/{DIGEST}", {"reader"}),
    ("DELETE", CONTROL, f"/v2/registries/acme/repositories/shop/digests/{DIGEST}", {"writer"}),
    ("POST", CONTROL, "/v2/registries/acme/garbage-collection", {"writer"}),
    ("PUT", CONTROL, "/v2/registries/acme/garbage-collection/1", {"writer"}),
    ("PUT", REGISTRY, f"/v2/acme/shop/manifests/{DIGEST}", {"restorer"}),
    ("PUT", REGISTRY, "/v2/acme/shop/manifests/v1", {"restorer"}),
    ("DELETE", REGISTRY, f"/v2/acme/shop/manifests/{DIGEST}", set()),
    ("DELETE", CONTROL, "/v2/registries/acme/repositories/shop/tags/v1", set()),
    ("DELETE", CONTROL, "/v2/registries/acme/repositories/shop", set()),
    ("PUT", REGISTRY, f"/v2/other/shop/manifests/{DIGEST}", set()),
    ("PUT", REGISTRY, "/v2/acme/shop/blobs/uploads/1", set()),
    ("POST", REGISTRY, "/v2/acme/shop/blobs/uploads/", set()),
    ("PATCH", REGISTRY, "/v2/acme/shop/blobs/uploads/1", set()),
]


@pytest.mark.parametrize(("method", "host", "path", "senders"), SENDS)
def test_each_client_sends_its_own_requests_and_no_others(method: str, host: str, path: str, senders: set[str]) -> None:
    """What deletes cannot put manifests, what puts them back cannot delete, and what reads can do neither."""
    call = Call(method, f"https://{host}{path}", "asking", "")
    assert {name for name, allows in CLIENTS.items() if allows(call)} == senders


def test_undo_sends_nothing_but_manifests(tmp_path: Path) -> None:
    """What a run deleted is put back by PUTs of manifests; besides, it only reads."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)
    with house(registry(shelf), policy(HARSH, collection="schedule: never"), tmp_path) as world:
        before = world.digests()
        world.apply()
        sent = len(world.network.seen)
        with world.application() as application:
            world.run(application.undo(world.registry, Which(), world.events.append))
        undoing = [request for request in world.network.seen[sent:] if request.method not in READS]
        assert {(request.method, request.url.host) for request in undoing} == {("PUT", REGISTRY)}
        assert all(is_agreed(request) for request in undoing)
        assert world.digests() == before


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
