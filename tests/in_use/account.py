"""An account's apps behind the real onion: over the simulator, or over a scripted transport."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from cleaner.config.settings import AppPlatform, InUseSource
from cleaner.docr.apps import Apps
from cleaner.docr.connect import reading
from cleaner.in_use.references import Home
from cleaner.in_use.sources import Sources
from cleaner.model.use import Use
from cleaner.simulator.app import control_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.contents import Contents
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.loading import loaded
from cleaner.simulator.world import World
from tests.docr.asking import START, TOKEN, api, edges, run

HOME = Home("acme", ("registry.example", "registry.digitalocean.com"))

Document = dict[str, object]
Before = Callable[[httpx.Request], httpx.Response | None]


def app(name: str, *deployments: Document, services: list[Document] | None = None, **named: Document) -> Document:
    """An app as the API serves it, and its deployments; `named` are those that it names itself."""
    spec = {"name": name, "services": services or []}
    return {"id": f"{name}-0000-1111", "spec": spec, "deployments": list(deployments), **named}


def deployment(number: int, *services: Document, **more: object) -> Document:
    """A deployment of these services that ran, made on that day of July; `more` replaces what it says of itself."""
    made = f"2026-07-{number:02}T00:00:00Z"
    spec = {"services": list(services)}
    return {"id": f"{number:06}-aaaa-bbbb", "spec": spec, "phase": "SUPERSEDED", "created_at": made, **more}


def service(name: str, tag: object = None, **image: object) -> Document:
    """A component of the image `shop/<name>` of the account's registry; `image` replaces what it says of that."""
    told = {"registry_type": "DOCR", "registry": "", "repository": f"shop/{name}", "tag": tag, **image}
    return {"name": name, "image": told}


def pushed(digest: str, tag: str = "main", repository: str = "shop/web", registry: str = "acme") -> Document:
    """The cause of a deployment: a push to the registry."""
    push = {"registry": registry, "repository": repository, "tag": tag, "image_digest": digest}
    return {"cause_details": {"docr_push": push}}


@dataclass(slots=True)
class AppsAccount(httpx.AsyncBaseTransport):
    """The control plane of an account with these apps; `before` may answer a request itself, or change the apps."""

    apps: list[Document]
    before: Before = lambda _: None
    paths: list[str] = field(default_factory=list)
    world: World = field(init=False)
    _plane: httpx.ASGITransport = field(init=False)

    def __post_init__(self) -> None:
        numbers = itertools.count()
        self.world = World(
            loaded({"registries": [], "apps": self.apps}, START),
            now=lambda: START,
            new_id=lambda: f"id-{next(numbers)}",
            collection_duration=timedelta(0),
            new_storage=Contents,
        )
        self._plane = httpx.ASGITransport(control_app(self.world, RequestLog(lambda: START), Behaviour(token=TOKEN)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.raw_path.decode())
        return self.before(request) or await self._plane.handle_async_request(request)


@asynccontextmanager
async def asking(transport: httpx.AsyncBaseTransport) -> AsyncIterator[Apps]:
    """A client of the account's apps."""
    async with reading(api(), "acme", edges(transport)) as reader:
        yield reader.apps


def uses(transport: httpx.AsyncBaseTransport, deployments: int = 5) -> tuple[Use, ...]:
    """What App Platform says is in use of the registry acme."""

    async def story() -> tuple[Use, ...]:
        async with asking(transport) as apps:
            return await Sources(HOME, apps, None).read(InUseSource(AppPlatform(deployments)))

    return run(story())


def images(found: tuple[Use, ...]) -> Mapping[tuple[str | None, str | None, str | None], str]:
    """Where each image is used, by repository, tag and digest."""
    return {(use.repository, use.tag, use.digest): use.where for use in found}
