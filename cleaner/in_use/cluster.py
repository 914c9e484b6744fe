"""What the objects of a cluster ask for, list by list. It imports the libraries of the extra `kubernetes`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import httpx2
import msgspec

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.cluster_client import connected
from cleaner.in_use.cluster_trouble import said
from cleaner.in_use.pod_images import Asked, ControllerRevision, CronJob, Object, Pod, Workload, asked

PAGE = 500
"""Objects in one answer, as kubectl asks for them."""

MOST_OBJECTS = 250_000
"""No cluster has more of a kind; the API server itself is built for 150,000 pods."""

LIST_SECONDS = 60.0
"""How long one list may take, all its pages and repetitions together."""

REPETITIONS = 3
"""How often a list is begun again whose next page had expired."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of object as kubectl names it, its API group, and what we read of it."""

    name: str
    group: str
    view: type[Object]

    @property
    def resource(self) -> str:
        """Its list's resource, `plural.group`."""
        return f"{self.name}s.{self.group}".rstrip(".")

    @property
    def path(self) -> str:
        """Where it is listed over all namespaces."""
        return f"{f'apis/{self.group}' if self.group else 'api'}/v1/{self.name}s"


_KINDS = (  # from below to above, for images wander down: what moves while we look is seen at one level or the other
    _Kind("pod", "", Pod),
    _Kind("replicaset", "apps", Workload),
    _Kind("controllerrevision", "apps", ControllerRevision),
    _Kind("job", "batch", Workload),
    _Kind("deployment", "apps", Workload),
    _Kind("statefulset", "apps", Workload),
    _Kind("daemonset", "apps", Workload),
    _Kind("cronjob", "batch", CronJob),
)


class _ListMetadata(msgspec.Struct, rename="camel"):
    """What a page says of its list; one that says that more follows, and not where, is none."""

    next_page: str | None = msgspec.field(name="continue", default=None)
    remaining_item_count: int | None = None

    def __post_init__(self) -> None:
        if self.remaining_item_count and not self.next_page:
            raise ValueError(f"expected `continue` before {self.remaining_item_count} more")


class _Page(msgspec.Struct):
    metadata: _ListMetadata
    items: list[msgspec.Raw]


async def images(place: Kubernetes, http: httpx.AsyncBaseTransport | None) -> frozenset[Asked]:
    """All that the objects of a cluster ask for and run, of whichever registry; `http` in place of the network.

    Raises:
        SourceUnreadable: the cluster cannot be asked, or did not answer each list wholly.
    """
    found: set[Asked] = set()
    client, config = await asyncio.to_thread(connected, place, http)
    async with client:
        for kind in _KINDS:
            with said(f"listing {kind.resource}", place, config):
                async with asyncio.timeout(LIST_SECONDS):
                    found |= await _of_kind(client, kind)
    return frozenset(found)


async def _of_kind(client: httpx2.AsyncClient, kind: _Kind) -> set[Asked]:
    for _ in range(REPETITIONS):
        try:
            return await _listed(client, kind)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code != httpx2.codes.GONE:
                raise
    return await _listed(client, kind)


async def _listed(client: httpx2.AsyncClient, kind: _Kind) -> set[Asked]:
    """One list from its first page to its last; no page is held longer than it takes to read it."""
    found: set[Asked] = set()
    objects = 0
    async for items in _pages(client, kind):
        for item in items:
            found.update(asked(kind.name, msgspec.json.decode(item, type=kind.view)))
        objects += len(items)
        if objects > MOST_OBJECTS:
            raise SourceUnreadable(f"expected at most {MOST_OBJECTS}, got more", "Name this cluster's images in a file")
    return found


async def _pages(client: httpx2.AsyncClient, kind: _Kind) -> AsyncIterator[list[msgspec.Raw]]:
    parameters = {"limit": str(PAGE)}
    while True:
        answer = (await client.get(kind.path, params=parameters)).raise_for_status()
        page = msgspec.json.decode(answer.content, type=_Page)
        yield page.items
        if not page.metadata.next_page:
            return
        parameters["continue"] = page.metadata.next_page
