"""Both planes over one world, asked in the process, under a clock that the test moves."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from starlette.types import ASGIApp

from cleaner.simulator.app import control_app, registry_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.contents import Contents
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.loading import loaded
from cleaner.simulator.world import World

START = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
ORIGIN = "https://control.example"


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def forward(self, duration: timedelta) -> None:
        self.moment += duration


def counting_ids() -> Callable[[], str]:
    """Identifiers `id-1`, `id-2` and so on."""
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers)}"


@dataclass(slots=True)
class Planes:
    """A simulator without sockets; requests carry the bearer token `T` unless told otherwise."""

    load: Mapping[str, object]
    behaviour: Behaviour = field(default_factory=Behaviour)
    collection_duration: timedelta = timedelta(seconds=40)
    clock: Clock = field(default_factory=Clock)
    world: World = field(init=False)
    log: RequestLog = field(init=False)
    control_plane: ASGIApp = field(init=False)
    data_plane: ASGIApp = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(
            loaded(self.load, self.clock.now()),
            now=self.clock.now,
            new_id=counting_ids(),
            collection_duration=self.collection_duration,
            new_storage=Contents,
        )
        self.log = RequestLog(self.clock.now)
        self.control_plane = control_app(self.world, self.log, self.behaviour)
        self.data_plane = registry_app(self.world, self.log, self.behaviour, ORIGIN)

    def control(self, method: str, path: str, json: object = None, token: str | None = "T") -> httpx.Response:
        """Ask the control plane."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return send(self.control_plane, httpx.Request(method, ORIGIN + path, headers=headers, json=json))

    def raw(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Ask the control plane with a body that need not be JSON."""
        headers = {"Authorization": "Bearer T"}
        return send(self.control_plane, httpx.Request(method, ORIGIN + path, headers=headers, content=body))

    def get(self, path: str) -> object:
        """The JSON of a GET that must succeed."""
        response = self.control("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def data(self, method: str, path: str, token: str | None = None, content: bytes = b"") -> httpx.Response:
        """Ask the data plane."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = "https://registry.example" + path
        return send(self.data_plane, httpx.Request(method, url, headers=headers, content=content))

    def accepting(self, accept: str, path: str, token: str) -> httpx.Response:
        """GET of the data plane with an `Accept` header."""
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        return send(self.data_plane, httpx.Request("GET", "https://registry.example" + path, headers=headers))

    def credentials(self, query: str = "", below: str = "/v2/registry") -> str:
        """The secret of fresh credentials, as its owner decodes it."""
        response = self.control("GET", f"{below}/docker-credentials{query}")
        auth = response.json()["auths"]["registry.digitalocean.com"]["auth"]
        return base64.b64decode(auth).decode().partition(":")[0]

    def realm(self, secret: str, *scopes: str) -> httpx.Response:
        """Ask the realm for a token."""
        params = httpx.QueryParams([("service", "registry.digitalocean.com"), *(("scope", scope) for scope in scopes)])
        basic = base64.b64encode(f"{secret}:{secret}".encode()).decode()
        url = httpx.URL(ORIGIN + "/v2/registry/auth", params=params)
        return send(self.control_plane, httpx.Request("GET", url, headers={"Authorization": f"Basic {basic}"}))

    def token(self, scope: str, query: str = "?read_write=true") -> str:
        """A token of the data plane for that scope."""
        return str(self.realm(self.credentials(query), scope).json()["token"])


def send(app: ASGIApp, request: httpx.Request) -> httpx.Response:
    """One request through httpx's own ASGI transport."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.send(request)

    return asyncio.run(answer())


def digest(number: int) -> str:
    """A digest that differs from those of other numbers."""
    return f"sha256:{number:064x}"


def manifest(number: int, tags: Sequence[object] = (), blobs: Mapping[int, int] | None = None) -> dict[str, object]:
    """An entry of a load file; `blobs` gives sizes by the number of the blob."""
    return {
        "digest": digest(number),
        "updated_at": f"2026-07-01T00:00:{number % 60:02}Z",
        "tags": list(tags),
        "compressed_size_bytes": sum((blobs or {}).values()),
        "size_bytes": 0,
        "blobs": [{"digest": digest(blob), "compressed_size_bytes": size} for blob, size in (blobs or {}).items()],
    }


def registry(repositories: Mapping[str, Sequence[object]], name: str = "acme") -> dict[str, object]:
    """A registry of a load file."""
    named = [{"name": repository, "manifests": manifests} for repository, manifests in repositories.items()]
    return {"name": name, "region": "fra1", "repositories": named}


def load(repositories: Mapping[str, Sequence[object]]) -> dict[str, object]:
    """A load file with one registry, `acme`."""
    return {"registries": [registry(repositories)]}
