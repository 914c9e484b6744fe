"""Assembles the clients of one registry: the onion of each plane, layer by layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from random import Random

import httpx

from cleaner.clock import Now
from cleaner.config.settings import Api, RateLimit
from cleaner.docr.answers import checked
from cleaner.docr.budget import Budget
from cleaner.docr.call import Send
from cleaner.docr.credentials import Credentials
from cleaner.docr.data_plane import Addresses, DataPlane, unless_meant_for_us
from cleaner.docr.paths import Paths
from cleaner.docr.reader import Reader
from cleaner.docr.retries import Channel
from cleaner.docr.telemetry import metered, observed
from cleaner.docr.transport import (
    bound,
    exchange,
    guarded,
    http_client,
    mutates_as_agreed,
    paced,
    reads_only,
    secure,
    with_token,
)
from cleaner.docr.unbroken import unbroken
from cleaner.docr.writer import Writer
from cleaner.model.event import Listener

_UNSTATED = RateLimit(per_minute=0, per_hour=0, reserve=Fraction(0))


@dataclass(frozen=True, slots=True)
class Edges:
    """What the clients are handed from outside.

    `budget` is shared by all clients of one token. `tell` hears of each request. `transport` is httpx's, None for the
    network.
    """

    now: Now
    randomness: Random
    budget: Budget
    tell: Listener
    transport: httpx.AsyncBaseTransport | None = None


@asynccontextmanager
async def reading(api: Api, registry: str, edges: Edges) -> AsyncIterator[Reader]:
    """A client for one run that cannot change anything.

    Raises:
        OriginRefused: a URL of `api` would get secrets in the open.
    """
    async with http_client(edges.transport) as http:
        reader, _ = _reader(api, registry, edges, http)
        yield reader


@asynccontextmanager
async def writing(api: Api, registry: str, edges: Edges) -> AsyncIterator[tuple[Reader, Writer]]:
    """The same client for one run, and beside it one for the few calls that change something.

    Raises:
        OriginRefused: a URL of `api` would get secrets in the open.
    """
    async with http_client(edges.transport) as http:
        reader, paths = _reader(api, registry, edges, http)
        wire = unbroken(_wire(registry, edges, http))
        send = guarded(mutates_as_agreed, _control_plane(api, registry, edges, wire))
        yield reader, Writer(paths, Channel(checked(send), edges.randomness))


def _reader(api: Api, registry: str, edges: Edges, http: httpx.AsyncClient) -> tuple[Reader, Paths]:
    wire = _wire(registry, edges, http)
    control = Channel(checked(guarded(reads_only, _control_plane(api, registry, edges, wire))), edges.randomness)
    paths = Paths(api, registry, control)
    return Reader(paths, control, _data_plane(api, edges, wire, Credentials(api, paths, control), registry)), paths


def _wire(registry: str, edges: Edges, http: httpx.AsyncClient) -> Send:
    return observed(registry, edges.tell, exchange(http))


def _control_plane(api: Api, registry: str, edges: Edges, wire: Send) -> Send:
    in_turn = paced(edges.budget, registry, edges.tell, metered(registry, edges.tell, wire))
    return bound(secure(api.url), with_token(api.token, in_turn))


def _data_plane(api: Api, edges: Edges, wire: Send, credentials: Credentials, registry: str) -> DataPlane:
    home, realm_home = secure(api.registry_url), secure(api.url)
    pulls = bound(home, paced(Budget(_UNSTATED, edges.now), registry, edges.tell, wire))
    realm = bound(realm_home, paced(edges.budget, registry, edges.tell, wire))
    return DataPlane(
        Addresses(api.registry_url, registry, realm_home),
        Channel(unless_meant_for_us(guarded(reads_only, pulls)), edges.randomness),
        Channel(checked(guarded(reads_only, realm)), edges.randomness),
        credentials,
    )
