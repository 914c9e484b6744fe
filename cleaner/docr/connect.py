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
from cleaner.docr.access import Access, Addresses, unless_it_tells
from cleaner.docr.answers import checked
from cleaner.docr.apps import Apps
from cleaner.docr.budget import Budget
from cleaner.docr.call import Send
from cleaner.docr.credentials import READ_ONLY, READ_WRITE, Credentials, Right
from cleaner.docr.data_plane import DataPlane
from cleaner.docr.paths import Paths
from cleaner.docr.reader import Reader
from cleaner.docr.restorer import Restorer
from cleaner.docr.retries import Channel
from cleaner.docr.telemetry import metered, observed
from cleaner.docr.transport import (
    Allows,
    bound,
    exchange,
    guarded,
    http_client,
    mutates_as_agreed,
    paced,
    reads_only,
    restores_to,
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
        yield _Assembly(api, registry, edges, http).reader()


@asynccontextmanager
async def writing(api: Api, registry: str, edges: Edges) -> AsyncIterator[tuple[Reader, Writer, Restorer]]:
    """The same client for one run, and beside it those for the few calls that change something.

    Raises:
        OriginRefused: a URL of `api` would get secrets in the open.
    """
    async with http_client(edges.transport) as http:
        assembly = _Assembly(api, registry, edges, http)
        yield assembly.reader(), assembly.writer(), assembly.restorer()


class _Assembly:
    """The onions of one registry's clients, around one http client, and what they share: family, budgets, pauses."""

    def __init__(self, api: Api, registry: str, edges: Edges, http: httpx.AsyncClient) -> None:
        self._api = api
        self._registry = registry
        self._edges = edges
        self._looks = observed(registry, edges.tell, exchange(http))
        self._acts = unbroken(self._looks)
        self._pauses = Budget(_UNSTATED, edges.now)
        self._control = self._control_plane(reads_only, self._looks)
        self._paths = Paths(api, registry, self._control)

    def reader(self) -> Reader:
        """Reads both planes, and the account's apps."""
        pulls = DataPlane(self._access(READ_ONLY, reads_only, self._looks))
        return Reader(self._paths, self._control, pulls, Apps(self._api.url, self._control))

    def writer(self) -> Writer:
        """Deletes manifests, starts and cancels collections."""
        return Writer(self._paths, self._control_plane(mutates_as_agreed, self._acts))

    def restorer(self) -> Restorer:
        """Puts manifests back."""
        return Restorer(self._access(READ_WRITE, restores_to(self._registry), self._acts))

    def _control_plane(self, allows: Allows, wire: Send) -> Channel:
        metering = metered(self._registry, self._edges.tell, wire)
        signed = with_token(self._api.token, self._paced(self._edges.budget, metering))
        return self._channel(checked(guarded(allows, bound(secure(self._api.url), signed))))

    def _access(self, right: Right, allows: Allows, wire: Send) -> Access:
        """To the data plane; its tokens are asked for by a read, at the control plane's origin, in its budget."""
        home, realm_home = secure(self._api.registry_url), secure(self._api.url)
        onion = guarded(allows, bound(home, self._paced(self._pauses, wire)))
        realm = guarded(reads_only, bound(realm_home, self._paced(self._edges.budget, self._looks)))
        return Access(
            Addresses(self._api.registry_url, self._registry, realm_home),
            self._channel(unless_it_tells(onion)),
            self._channel(checked(realm)),
            Credentials(right, self._api, self._paths, self._control),
        )

    def _paced(self, budget: Budget, wire: Send) -> Send:
        return paced(budget, self._registry, self._edges.tell, wire)

    def _channel(self, onion: Send) -> Channel:
        return Channel(onion, self._edges.randomness)
