"""Clients over scripted transports in virtual time: httpx's transport and the loop's time are the edges replaced."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

import async_solipsism
import httpx

from cleaner.config.settings import Api, Family, Place, RateLimit, Secret
from cleaner.docr.budget import Budget
from cleaner.docr.connect import Edges, reading, writing
from cleaner.docr.reader import Reader
from cleaner.docr.restorer import Restorer
from cleaner.docr.writer import Writer
from cleaner.model.event import Event, Listener
from cleaner.model.manifest import Digest

T = TypeVar("T")

TOKEN = "dop_v1_secret"
START = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
CONTROL = "https://api.example"
REGISTRY = "https://registry.example"
NO_LIMIT = RateLimit(per_minute=0, per_hour=0, reserve=Fraction(0))

Respond = Callable[[httpx.Request], httpx.Response]


def run(story: Coroutine[object, object, T]) -> T:
    """The result of a coroutine in virtual time: waits take none."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(story)


def now() -> datetime:
    """The moment that belongs to the loop's time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def elapsed() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


def digest_of(body: bytes) -> Digest:
    """The digest that names these bytes."""
    return Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")


def digest(number: int) -> Digest:
    """A digest for each number, ascending with it."""
    return Digest(f"sha256:{number:064x}")


def manifests(count: int, first: int = 0) -> list[dict[str, object]]:
    """Entries of a listing, numbered from `first`, each with a tag of its own."""
    return [
        {"digest": digest(n), "updated_at": "2026-07-01T00:00:00Z", "tags": [f"t{n}"]}
        for n in range(first, first + count)
    ]


def refusal(status: int, headers: dict[str, str] | None = None, message: str = "no") -> httpx.Response:
    """A refusal as the API page describes it."""
    return httpx.Response(status, headers=headers, json={"id": "some_id", "message": message, "request_id": "r1"})


def basic(pair: str = "user:hunter2\n") -> dict[str, object]:
    """The answer of `docker-credentials`."""
    return {"auths": {"registry.example": {"auth": base64.b64encode(pair.encode()).decode()}}}


class Script:
    """A transport that answers from `respond` after `delay` seconds, and keeps each request and its moment."""

    def __init__(self, respond: Respond) -> None:
        self.delay = 0.0
        self._respond = respond
        self.requests: list[httpx.Request] = []
        self.moments: list[float] = []
        self.transport = httpx.MockTransport(self._handle)

    @property
    def paths(self) -> list[str]:
        """Method and raw path of each request."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.moments.append(elapsed())
        if self.delay:
            await asyncio.sleep(self.delay)
        return self._respond(request)


def in_turn(*answers: httpx.Response | Exception) -> Script:
    """A transport that gives these answers one after another, and fails the test when asked for more."""
    left = list(answers)

    def respond(_: httpx.Request) -> httpx.Response:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Script(respond)


def api(family: Family = Family.REGISTRIES, *, url: str = CONTROL, registry_url: str = REGISTRY) -> Api:
    """The two planes, with a token from the environment."""
    token = Secret.from_env("TOKEN", {"TOKEN": TOKEN}, Place("config.yaml", 1, 1))
    return Api(token, url, registry_url, family, NO_LIMIT)


def nobody(_: Event) -> None:
    """Hears, and keeps nothing."""


def edges(transport: httpx.AsyncBaseTransport, limit: RateLimit = NO_LIMIT, tell: Listener = nobody) -> Edges:
    """The edges of a client in virtual time."""
    return Edges(now, Random(7), Budget(limit, now), tell, transport)


def read(script: Script, look: Callable[[Reader], Coroutine[object, object, T]], settings: Api | None = None) -> T:
    """What a reader of the registry acme sees."""

    async def story() -> T:
        async with reading(settings or api(), "acme", edges(script.transport)) as reader:
            return await look(reader)

    return run(story())


def write(script: Script, act: Callable[[Writer], Coroutine[object, object, T]], settings: Api | None = None) -> T:
    """What comes of a writer's act on the registry acme."""

    async def story() -> T:
        async with writing(settings or api(), "acme", edges(script.transport)) as (_, writer, _):
            return await act(writer)

    return run(story())


def restore(script: Script, act: Callable[[Restorer], Coroutine[object, object, T]], settings: Api | None = None) -> T:
    """What comes of putting something back into the registry acme."""

    async def story() -> T:
        async with writing(settings or api(), "acme", edges(script.transport)) as (_, _, restorer):
            return await act(restorer)

    return run(story())


def as_json(value: object) -> bytes:
    """The value as JSON."""
    return json.dumps(value).encode()
