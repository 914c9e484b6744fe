"""The clients against the simulator, in one process: what it holds is what they see, in both families of paths."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.config.settings import Family, RateLimit
from cleaner.docr.connect import reading, writing
from cleaner.docr.reader import Reader
from cleaner.docr.restorer import Restorer
from cleaner.docr.writer import Writer
from cleaner.errors import Conflict, ListingIncomplete, Unauthorized, UnknownRegistry
from cleaner.model.collection import CollectionState
from cleaner.model.deletion import AlreadyGone, Deleted, Intent
from cleaner.model.registry import Storage
from cleaner.simulator.app import control_app, registry_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.contents import Contents
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.loading import loaded
from cleaner.simulator.world import World
from tests.docr.asking import CONTROL, NO_LIMIT, START, TOKEN, api, digest, edges, elapsed, manifests, now, run
from tests.registries import Registry, load_file
from tests.worlds import random_registry

T = TypeVar("T")

FAMILIES = [Family.REGISTRIES, Family.REGISTRY]


@dataclass(slots=True)
class Simulator(httpx.AsyncBaseTransport):
    """Both planes behind httpx, over registries in the shape of a load file."""

    content: dict[str, object]
    behaviour: Behaviour = field(default_factory=lambda: Behaviour(token=TOKEN))
    _planes: dict[str, httpx.ASGITransport] = field(default_factory=dict)
    log: RequestLog = field(default_factory=lambda: RequestLog(now))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._planes:
            self._open()
        return await self._planes[request.url.host].handle_async_request(request)

    def _open(self) -> None:
        numbers = itertools.count()
        world = World(
            loaded(self.content, START),
            now=now,
            new_id=lambda: f"id-{next(numbers)}",
            collection_duration=timedelta(seconds=40),
            new_storage=Contents,
        )
        self._planes["api.example"] = httpx.ASGITransport(control_app(world, self.log, self.behaviour))
        data = registry_app(world, self.log, self.behaviour, CONTROL)
        self._planes["registry.example"] = httpx.ASGITransport(data)


def holding(*entries: dict[str, object], repository: str = "shop/web") -> dict[str, object]:
    return {"registries": [{"name": "acme", "repositories": [{"name": repository, "manifests": list(entries)}]}]}


async def seen(reader: Reader, registry: Registry) -> None:
    """Asserts that the reader sees this registry: every listing, and every manifest that the data plane has."""
    assert await reader.repositories() == tuple(sorted(repository.name for repository in registry.repositories))
    for repository in registry.repositories:
        expected = sorted(repository.listing().manifests, key=lambda manifest: manifest.digest)
        assert (await reader.listing(repository.name)).manifests == tuple(expected)
        for entry in repository.entries:
            assert await reader.content(repository.name, entry.digest) == entry.content


@given(st.randoms(use_true_random=False), st.sampled_from([*FAMILIES, Family.AUTO]))
@settings(max_examples=25, deadline=None)
def test_any_registry_is_seen_as_it_is(rng: Random, family: Family) -> None:
    """Odd names, odd tags, odd times and all."""
    registry = random_registry(rng, "acme", scenes=3)

    async def story() -> None:
        async with reading(api(family), "acme", edges(Simulator(load_file(registry)))) as reader:
            await seen(reader, registry)

    run(story())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_manifest_is_deleted_once_and_gone_afterwards(family: Family) -> None:
    """The second delete finds nothing."""

    async def story() -> None:
        simulator = Simulator(holding(*manifests(3)))
        async with writing(api(family), "acme", edges(simulator)) as (reader, writer, _):
            intent = Intent(1, "run", "acme", "shop/web", digest(1), START)
            assert await writer.delete_manifest(intent, elapsed() + 60) == Deleted()
            assert await writer.delete_manifest(intent, elapsed() + 60) == AlreadyGone()
            assert [manifest.digest for manifest in (await reader.listing("shop/web")).manifests] == [
                digest(0),
                digest(2),
            ]

    run(story())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_collection_is_followed_from_its_start_to_its_end(family: Family) -> None:
    """Active while it runs, told among the past ones when it has ended; a second one is refused meanwhile."""

    async def story() -> None:
        async with writing(api(family), "acme", edges(Simulator(holding(*manifests(1))))) as (reader, writer, _):
            assert await reader.active_collection() is None
            started = await writer.start_collection()
            with pytest.raises(Conflict):
                await writer.start_collection()
            active = await reader.active_collection()
            assert active is not None
            assert (active.uuid, active.state) == (started.uuid, CollectionState.ACTIVE)
            await asyncio.sleep(41)
            assert await reader.active_collection() is None
            (past,) = await reader.past_collections()
            assert (past.uuid, past.state, past.freed_bytes) == (started.uuid, CollectionState.SUCCEEDED, 0)

    run(story())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_collection_is_cancelled(family: Family) -> None:
    """It ends as cancelled."""

    async def story() -> CollectionState:
        async with writing(api(family), "acme", edges(Simulator(holding(*manifests(1))))) as (reader, writer, _):
            await writer.cancel_collection((await writer.start_collection()).uuid)
            await asyncio.sleep(60)
            return (await reader.past_collections())[0].state

    assert run(story()) is CollectionState.CANCELLED


@pytest.mark.parametrize("family", FAMILIES)
def test_the_registry_and_its_subscription_are_read(family: Family) -> None:
    """By name, with the storage that it uses."""

    async def story() -> None:
        async with reading(api(family), "acme", edges(Simulator(holding(*manifests(1))))) as reader:
            assert (await reader.registry()).name == "acme"
            assert (await reader.subscription()).tier

    run(story())


def test_a_wrong_token_and_an_unknown_registry_are_told_apart() -> None:
    """Each with its own error."""

    async def repositories(simulator: Simulator, registry: str) -> None:
        async with reading(api(Family.AUTO), registry, edges(simulator)) as reader:
            await reader.repositories()

    with pytest.raises(Unauthorized):
        run(repositories(Simulator(holding(), Behaviour(token="another")), "acme"))
    with pytest.raises(UnknownRegistry):
        run(repositories(Simulator(holding()), "emca"))


GARBLED: list[dict[str, object]] = [{"digest": "nonsense"}, {"digest": digest(1), "tags": "v1"}, {"tags": ["v1"]}]


@pytest.mark.parametrize("entry", GARBLED)
def test_a_garbled_entry_leaves_its_repository_alone(entry: dict[str, object]) -> None:
    """What the server lists as it is is not guessed at."""

    async def story() -> None:
        async with reading(api(), "acme", edges(Simulator(holding(entry)))) as reader:
            await reader.listing("shop/web")

    with pytest.raises(ListingIncomplete):
        run(story())


def test_a_provider_s_limit_is_never_met() -> None:
    """Of five clients with one token, paced by one budget as strict as the provider, none ever hears a 429."""
    limit = RateLimit(per_minute=20, per_hour=60, reserve=Fraction(0))

    async def story() -> set[object]:
        simulator = Simulator(holding(*manifests(1)), Behaviour(token=TOKEN, per_minute=20, per_hour=60))
        shared = edges(simulator, limit)
        async with reading(api(), "acme", shared) as one, reading(api(), "acme", shared) as two:
            await asyncio.gather(*(reader.listing("shop/web") for reader in (one, two) for _ in range(60)))
        return {request["status"] for request in simulator.log.as_json()["requests"]}  # type: ignore[attr-defined]

    assert run(story()) == {200}


def test_a_limit_that_others_use_up_is_survived() -> None:
    """A budget that knows nothing of the provider's limit obeys the 429s, and everything is read in the end."""

    async def story() -> int:
        simulator = Simulator(holding(*manifests(1)), Behaviour(token=TOKEN, per_minute=10))
        async with reading(api(), "acme", edges(simulator, NO_LIMIT)) as reader:
            listings = [await reader.listing("shop/web") for _ in range(35)]
        return len(listings)

    assert run(story()) == 35


def test_writing_gives_clients_of_the_same_registry() -> None:
    """They share the family that was found out once."""

    async def story(use: tuple[Reader, Writer, Restorer], simulator: Simulator) -> list[object]:
        reader, writer, _ = use
        await asyncio.gather(reader.repositories(), reader.registry(), writer.start_collection())
        return [request["path"] for request in simulator.log.as_json()["requests"]]  # type: ignore[attr-defined]

    async def whole() -> list[object]:
        simulator = Simulator(holding())
        async with writing(api(Family.AUTO), "acme", edges(simulator)) as use:
            return await story(use, simulator)

    assert run(whole()).count("/v2/registries/acme/repositoriesV2?page=1&per_page=1") == 1


def sized(name: str, *sizes: int) -> dict[str, object]:
    """A registry with a manifest a blob, pushed a day after one another from the first of July on."""
    entries = [
        {
            "digest": digest(number),
            "updated_at": f"2026-07-{number + 1:02}T00:00:00Z",
            "blobs": [{"digest": digest(100 + number), "compressed_size_bytes": size}],
        }
        for number, size in enumerate(sizes)
    ]
    return {"name": name, "repositories": [{"name": "shop", "manifests": entries}]}


@pytest.mark.parametrize(
    ("family", "others", "account"),
    [(Family.REGISTRIES, [sized("other", 50, 5)], 62), (Family.REGISTRIES, [], 7), (Family.REGISTRY, [], 7)],
)
def test_the_storage_is_told_against_the_subscription(
    family: Family, others: list[dict[str, object]], account: int
) -> None:
    """What the registry uses, what the account's registries use together, and what a GiB beyond the plan costs."""

    async def story() -> tuple[Storage, datetime | None]:
        simulator = Simulator({"registries": [sized("acme", 4, 2, 1), *others]})
        async with reading(api(family), "acme", edges(simulator)) as reader:
            return await reader.storage(), await reader.last_push()

    storage, pushed = run(story())
    assert storage == Storage(7, account, 100 * 2**30, 2)
    assert storage.overage_cents == 0
    assert pushed == datetime(2026, 7, 3, tzinfo=UTC)
