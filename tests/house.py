"""The whole house under test: the application that production assembles, over a simulator, in virtual time.

Only edges are replaced: the clock and the loop's time, httpx's transport, identifiers and randomness. The state is a
real SQLite file. `Network.before` sees each request on its way and may answer it, break it, or change the world.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import sqlalchemy

from cleaner.cleaning.orders import Mandate
from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.model.event import Event
from cleaner.model.plan import Plan
from cleaner.model.report import Report
from cleaner.simulator.app import control_app, registry_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.contents import Contents
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.loading import loaded
from cleaner.simulator.world import World
from cleaner.wiring import Application, Edges
from tests.ledger.blank import lay_blank
from tests.virtual_time import VirtualTimeLoop

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "dop_v1_test"
CONTROL, REGISTRY = "api.digitalocean.com", "registry.digitalocean.com"

Answer = httpx.Response | None
Before = Callable[[httpx.Request], Answer]
After = Callable[[httpx.Request, httpx.Response], Answer]
Result = TypeVar("Result")


def path_of(request: httpx.Request) -> str:
    """The raw path of a request, with its query."""
    return request.url.raw_path.decode()


@dataclass(slots=True)
class Network(httpx.AsyncBaseTransport):
    """httpx's transport into the simulator; `before` may answer a request itself, or raise an httpx error.

    `after` sees each answer on its way back, read whole; it may give another in its place, or raise: the answer is
    then lost. `delay` is how many seconds a request is on its way; `moments` tells when each was sent, by the loop.
    """

    planes: Mapping[str, httpx.AsyncBaseTransport]
    before: Before = lambda _: None
    after: After = lambda _request, _answer: None
    delay: Callable[[httpx.Request], float] = lambda _: 0.0
    seen: list[httpx.Request] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.moments.append(asyncio.get_running_loop().time())
        if delay := self.delay(request):
            await asyncio.sleep(delay)
        answer = self.before(request)
        if answer is not None:
            return answer
        answer = await self.planes[request.url.host].handle_async_request(request)
        await answer.aread()
        return self.after(request, answer) or answer

    def sent(self, method: str, containing: str = "") -> list[str]:
        """The raw paths of the requests of that method, in their order."""
        return [path_of(self.seen[place]) for place in self.places(method, containing)]

    def places(self, method: str, containing: str = "") -> list[int]:
        """Where in `seen` and `moments` the requests of that method stand."""
        return [n for n, r in enumerate(self.seen) if r.method == method and containing in path_of(r)]

    def to(self, host: str) -> list[httpx.Request]:
        """The requests that went to one plane."""
        return [request for request in self.seen if request.url.host == host]


class House:
    """One simulated account and the application that cleans it. Closed by its `with` block."""

    def __init__(
        self,
        content: Mapping[str, object],
        policy: str,
        state: Path,
        *,
        start: datetime = START,
        collection_duration: timedelta = timedelta(seconds=9),
        behaviour: Behaviour | None = None,
        randomness: int = 0,
    ) -> None:
        self.directory = state
        lay_blank(state / "state.db")
        self.settings = self.configured(policy)
        self.loop = VirtualTimeLoop()
        self.start = start
        self._looks = itertools.count()
        self.ids = (f"id-{number}" for number in itertools.count(1))
        self.world = World(
            loaded(content, start),
            now=self.now,
            new_id=lambda: next(self.ids),
            collection_duration=collection_duration,
            new_storage=Contents,
        )
        behaviour = behaviour or Behaviour(token=TOKEN)
        self.log = RequestLog(self.now)
        control = control_app(self.world, self.log, behaviour)
        data = registry_app(self.world, self.log, behaviour, f"https://{CONTROL}")
        self.network = Network({CONTROL: httpx.ASGITransport(control), REGISTRY: httpx.ASGITransport(data)})
        self.edges = Edges(self.now, lambda: next(self.ids), Random(randomness), self.network)
        self.events: list[Event] = []

    def __enter__(self) -> Self:
        self._hurry = unhurried_sqlite()
        self._hurry.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hurry.__exit__(kind, error, trace)
        self.loop.close()

    def now(self) -> datetime:
        """The virtual moment; as on a real clock, no two looks show the same."""
        return self.start + timedelta(seconds=self.loop.time(), microseconds=next(self._looks))

    def configured(self, text: str) -> Settings:
        """The settings in a configuration file with this text; its state lies beside it."""
        path = self.directory / "config.yaml"
        path.write_text(f"state: sqlite:///{self.directory}/state.db\n{text}", encoding="utf-8")
        return load(path, {"DIGITALOCEAN_ACCESS_TOKEN": TOKEN})

    @property
    def registry(self) -> RegistrySettings:
        """The first registry of the configuration."""
        return self.settings.registries[0]

    def run(self, doing: Coroutine[Any, Any, Result]) -> Result:
        """Run to the end, in virtual time."""
        asyncio.set_event_loop(self.loop)
        try:
            result: Result = self.loop.run_until_complete(doing)
            return result
        finally:
            asyncio.set_event_loop(None)

    def plan(self, at: datetime | None = None) -> Plan:
        """`cleaner plan`."""
        with self.application() as application:
            return self.run(application.plan(self.registry, at, self.events.append))

    def apply(self, allowed: Iterable[str] = ()) -> Report:
        """`cleaner apply --yes`."""
        with self.application() as application:
            return self.run(application.clean(self.registry, Mandate(frozenset(allowed)), self.events.append))

    def application(self) -> _Open:
        """A freshly opened application, as each process has one."""
        return _Open(Application.for_applying(self.settings, self.edges))

    def digests(self, registry: str = "acme") -> set[tuple[str, str]]:
        """What the simulated registry holds now, by repository and digest."""
        storage = self.registry_of_the_world(registry).storage
        return {
            (repository, str(entry["digest"]))
            for repository in storage.repositories()
            for entry in storage.manifests(repository) or ()
        }

    def registry_of_the_world(self, registry: str = "acme") -> Any:
        """The simulator's registry of that name."""
        found = self.world.registry(registry)
        assert found is not None
        return found


@contextmanager
def unhurried_sqlite() -> Iterator[None]:
    """Inside, no commit waits for the disk."""
    sqlalchemy.event.listen(sqlalchemy.Pool, "checkout", _unhurried)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Pool, "checkout", _unhurried)


def _unhurried(connection: sqlite3.Connection, *_: object) -> None:
    """No test cuts the power: a commit need not wait for the disk, as long as what is committed can be read."""
    connection.execute("PRAGMA synchronous = OFF").close()


@dataclass(slots=True)
class _Open:
    application: Application

    def __enter__(self) -> Application:
        return self.application

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.application.close()
