"""With the data plane down, slow, lying or half-readable: fewer deletions, never a wrong one, and the reason told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cleaner.model.plan import HoldReason
from tests.changes import delete, entries, push
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, house, left, policy, registry
from tests.wholeness import Wholeness

CONFIGURATION = policy('[{tags: ["v*"], last: 2}]', rest="untagged: {within: 1d}")
ALL, LEFT = 20, 8

Fault = Callable[[House, httpx.Request], httpx.Response | None]


def shelves() -> list[Shelf]:
    """Two repositories of five releases each, an index and its platform; two releases of each are to stay."""
    shelves = [Shelf("api"), Shelf("shop")]
    for shelf in shelves:
        for n in range(5):
            shelf.index([shelf.image(days=40 - n)], f"v{n}", days=40 - n)
    return shelves


def world_of(state: Path) -> House:
    """A house with these."""
    return house(registry(*shelves()), CONFIGURATION, state)


def down(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """No connection can be made."""
    raise httpx.ConnectError("refused")


def cut(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """Every answer is cut off."""
    raise httpx.RemoteProtocolError("cut off")


def failing(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """It answers, with 503."""
    return httpx.Response(503, text="upstream")


def forbidding(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """It lets nobody in."""
    return httpx.Response(403, json={"errors": [{"code": "DENIED"}]})


def challenging(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """No token is ever good enough."""
    realm = 'Bearer realm="https://api.digitalocean.com/v2/registry/auth",service="registry.digitalocean.com"'
    return httpx.Response(401, headers={"www-authenticate": realm})


def misleading(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """Its realm is somewhere else."""
    return httpx.Response(401, headers={"www-authenticate": 'Bearer realm="https://realm.example/token",service="x"'})


def limiting(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """It is always too much for it."""
    return httpx.Response(429, headers={"retry-after": "7"})


def forgetful(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """It knows no manifest."""
    return httpx.Response(404, json={"errors": [{"code": "MANIFEST_UNKNOWN"}]})


def page_of_a_proxy(_world: House, _request: httpx.Request) -> httpx.Response | None:
    """A page of HTML, as if it were a manifest."""
    return httpx.Response(200, text="<html>welcome</html>", headers={"content-type": "text/html"})


def lying(world: House, request: httpx.Request) -> httpx.Response | None:
    """It gives one and the same plain image for whatever is asked: every platform would be an orphan."""
    image = str(entries(world, "api")[0]["digest"])
    body = world.registry_of_the_world().storage.body("api", image)
    return None if request.url.path.endswith(image) else httpx.Response(200, content=body)


def half(world: House, request: httpx.Request) -> httpx.Response | None:
    """It gives the first half of each manifest."""
    _, _, _, repository, _, digest = request.url.path.split("/")
    body = world.registry_of_the_world().storage.body(repository, digest)
    return httpx.Response(200, content=body[: len(body) // 2])


FAULTS: list[Fault] = [
    down, cut, failing, forbidding, challenging, misleading, limiting, forgetful, page_of_a_proxy, lying, half,
]  # fmt: skip


def with_fault(world: House, fault: Fault, only: Callable[[httpx.Request], bool] = lambda _: True) -> None:
    """Have the data plane so, for the requests that `only` picks."""

    def before(request: httpx.Request) -> httpx.Response | None:
        return fault(world, request) if request.url.host == REGISTRY and only(request) else None

    world.network.before = before


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_deleted_where_manifests_cannot_be_read(tmp_path: Path, fault: Fault) -> None:
    """Exit code 3, each repository with its reason; when the data plane is well again, the next run does the work."""
    with world_of(tmp_path) as world:
        with_fault(world, fault)
        report = world.apply()
        assert len(world.digests()) == ALL
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [
            ("api", HoldReason.MANIFEST, 10),
            ("shop", HoldReason.MANIFEST, 10),
        ]
        assert all("cannot be read" in held.detail for held in report.held_back)
        assert report.exit_code == 3
        assert len(world.network.sent("GET", "docker-credentials")) <= 1
        world.network.before = lambda _: None
        assert world.apply().exit_code == 0
        assert len(world.digests()) == LEFT


@pytest.mark.parametrize("fault", [forgetful, lying, half, failing], ids=lambda fault: fault.__name__)
def test_one_manifest_that_cannot_be_read_holds_back_its_repository_only(tmp_path: Path, fault: Fault) -> None:
    """The other repository is cleaned, and nothing of what stays there lacks a platform."""
    unreadable = shelves()[1].manifests[3]["digest"]
    with world_of(tmp_path) as world:
        wholeness = Wholeness(world)
        with_fault(world, fault, lambda request: request.url.path.endswith(str(unreadable)))
        report = world.apply()
        assert (len(left(world, "api")), len(left(world, "shop"))) == (4, 10)
        assert [held.repository for held in report.held_back] == ["shop"]
        assert str(unreadable) in report.held_back[0].detail
        assert report.exit_code == 3
        assert wholeness.lacking_children() == []


def test_a_slow_data_plane_only_takes_longer(tmp_path: Path) -> None:
    """Half a minute a manifest is slow, and no fault."""
    with world_of(tmp_path) as world:
        world.network.delay = lambda request: 30.0 if request.url.host == REGISTRY else 0.0
        assert world.apply().exit_code == 0
        assert len(world.digests()) == LEFT


def test_a_fault_that_passes_costs_nothing(tmp_path: Path) -> None:
    """Every third read fails once: it is read again, and the run is as any other."""
    seen: set[str] = set()

    def first_time(request: httpx.Request) -> bool:
        fresh = path_of(request) not in seen and len(seen) % 3 == 0
        seen.add(path_of(request))
        return fresh

    with world_of(tmp_path) as world:
        with_fault(world, cut, first_time)
        assert world.apply().exit_code == 0
        assert len(world.digests()) == LEFT


def test_a_data_plane_that_is_down_is_soon_asked_no_more(tmp_path: Path) -> None:
    """After a few failures in a row it counts as down: of a thousand manifests, not a thousand are tried."""
    shelf = Shelf()
    for n in range(300):
        shelf.image(f"v{n}", days=400 - n)
    with house(registry(shelf), CONFIGURATION, tmp_path) as world:
        with_fault(world, down)
        world.apply()
        assert len(world.network.to(REGISTRY)) <= 40


def test_a_second_run_over_an_unchanged_registry_reads_nothing(tmp_path: Path) -> None:
    """What was read once is known for ever: not one read, and no credentials are asked for."""
    with world_of(tmp_path) as world:
        world.plan()
        asked = len(world.network.to(REGISTRY)), len(world.network.sent("GET", "docker-credentials"))
        world.plan()
        world.apply()
        assert (len(world.network.to(REGISTRY)), len(world.network.sent("GET", "docker-credentials"))) == asked
        assert asked[1] == 1


def test_what_is_known_is_cleaned_with_the_data_plane_down(tmp_path: Path) -> None:
    """A registry that was read before needs it for what is new only: where nothing is, the run is as any other."""
    api, shop = shelves()
    with house(registry(api, shop), CONFIGURATION, tmp_path) as world:
        world.plan()
        shop.image("v9", days=0)
        push(world, shop)
        with_fault(world, down)
        report = world.apply()
        assert (len(left(world, "api")), len(left(world, "shop"))) == (4, 11)
        assert [(held.repository, held.reason) for held in report.held_back] == [("shop", HoldReason.MANIFEST)]


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    """One push and one deletion by others between two runs: one manifest is read."""
    api, shop = shelves()
    with house(registry(api, shop), CONFIGURATION, tmp_path) as world:
        world.plan()
        before = len(world.network.seen)
        new = shop.image("v9", days=0)
        push(world, shop)
        delete(world, str(api.manifests[0]["digest"]), "api")
        world.plan()
        read = {path_of(request) for request in world.network.seen[before:] if request.url.host == REGISTRY}
        assert read == {f"/v2/acme/shop/manifests/{new}"}


def test_a_plan_tells_the_same(tmp_path: Path) -> None:
    """A plan over an unreadable data plane holds back what a run would, and does not say what would be freed."""
    with world_of(tmp_path) as world:
        with_fault(world, failing)
        plan = world.plan()
        assert (plan.deletions, plan.freed, plan.kept) == ((), None, 0)
        assert [held.manifests for held in plan.held_back] == [10, 10]
