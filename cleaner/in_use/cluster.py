"""What the objects of a cluster ask for, list by list. It imports the libraries of the extra `kubernetes`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import httpx
import httpx2
import msgspec
from lightkube import ALL_NS, AsyncClient
from lightkube.core.resource import ApiInfo, NamespacedResourceG, ResourceDef

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
    """A kind of object as kubectl names it, its list's resource (`plural.group`), and lightkube's class for it."""

    name: str
    resource: str
    listed: type[NamespacedResourceG]


def _kind(kind: str, group: str, view: type[Object]) -> _Kind:
    """The client decodes a list into whatever class it is asked for: ours, which hold no more than we read."""
    plural = f"{kind.lower()}s"
    info = ApiInfo(ResourceDef(group, "v1", kind), plural, ["global_list"])
    listed = msgspec.defstruct(kind, (), bases=(view, NamespacedResourceG), namespace={"_api_info": info})
    return _Kind(kind.lower(), f"{plural}.{group}" if group else plural, cast("type[NamespacedResourceG]", listed))


_KINDS = (  # from below to above, for images wander down: what moves while we look is seen at one level or the other
    _kind("Pod", "", Pod),
    _kind("ReplicaSet", "apps", Workload),
    _kind("ControllerRevision", "apps", ControllerRevision),
    _kind("Job", "batch", Workload),
    _kind("Deployment", "apps", Workload),
    _kind("StatefulSet", "apps", Workload),
    _kind("DaemonSet", "apps", Workload),
    _kind("CronJob", "batch", CronJob),
)


async def images(place: Kubernetes, http: httpx.AsyncBaseTransport | None) -> frozenset[Asked]:
    """All that the objects of a cluster ask for and run, of whichever registry; `http` in place of the network.

    Raises:
        SourceUnreadable: the cluster cannot be asked, or did not answer each list wholly.
    """
    found: set[Asked] = set()
    async with await asyncio.to_thread(connected, place, http) as client:
        for kind in _KINDS:
            with said(f"listing {kind.resource}", place, client.config):
                async with asyncio.timeout(LIST_SECONDS):
                    found |= await _of_kind(client, kind)
    return frozenset(found)


async def _of_kind(client: AsyncClient, kind: _Kind) -> set[Asked]:
    for _ in range(REPETITIONS):
        try:
            return await _listed(client, kind)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code != httpx2.codes.GONE:
                raise
    return await _listed(client, kind)


async def _listed(client: AsyncClient, kind: _Kind) -> set[Asked]:
    """One list from its first page to its last; no page is held longer than it takes to read it."""
    found: set[Asked] = set()
    objects = 0
    async for item in client.list(kind.listed, namespace=ALL_NS, chunk_size=PAGE):
        found.update(asked(kind.name, cast("Object", item)))
        objects += 1
        if objects > MOST_OBJECTS:
            raise SourceUnreadable(f"expected at most {MOST_OBJECTS}, got more", "Name this cluster's images in a file")
    return found
