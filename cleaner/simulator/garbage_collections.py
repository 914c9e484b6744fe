"""The control plane's garbage collections (API page, "Garbage collection")."""

from __future__ import annotations

from starlette.responses import Response

from cleaner.simulator import collection as life
from cleaner.simulator.answers import Ask, answer, asked_registry, bad_request, conflict, not_found, posted
from cleaner.simulator.collection import Collection
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.pages import numbered, paging
from cleaner.simulator.world import Registry, World


def start_collection(world: World, ask: Ask) -> Response:
    """POST …/garbage-collection: 201; without a type, unreferenced blobs only; 409 while one is active."""
    registry = asked_registry(world, ask)
    kind = posted(ask).get("type", life.UNREFERENCED)
    if kind not in life.TYPES:
        raise bad_request(f"type must be one of {', '.join(life.TYPES)}")
    if registry.active_collection is not None:
        raise conflict(f"a garbage collection of registry {registry.name} is already active")
    return _answer(registry, world.start_collection(registry, str(kind)), 201)


def get_collection(world: World, ask: Ask) -> Response:
    """GET …/garbage-collection: the active one, 404 where none is."""
    registry = asked_registry(world, ask)
    if registry.active_collection is None:
        raise not_found()
    return _answer(registry, registry.active_collection)


def list_collections(world: World, ask: Ask) -> Response:
    """GET …/garbage-collections: the active and the past ones, newest first."""
    registry, asked = asked_registry(world, ask), paging(ask)
    newest_first = registry.collections[::-1]
    shown = [as_json(registry, collection) for collection in asked.of(newest_first)]
    return answer({"garbage_collections": shown, **numbered(ask, asked, len(newest_first))})


def update_collection(world: World, ask: Ask) -> Response:
    """PUT …/garbage-collection/{uuid}: cancels where the body says so; 404 unless that one is active."""
    registry = asked_registry(world, ask)
    active = registry.active_collection
    if active is None or active.uuid != ask.params["uuid"]:
        raise not_found()
    if posted(ask).get("cancel") is True:
        active = world.cancel_collection(registry, active)
    return _answer(registry, active)


def as_json(registry: Registry, collection: Collection) -> dict[str, object]:
    """A garbage collection as answers show it."""
    return {
        "uuid": collection.uuid,
        "registry_name": registry.name,
        "status": collection.status,
        "type": collection.type,
        "created_at": rfc3339(collection.created_at),
        "updated_at": rfc3339(collection.updated_at),
        "blobs_deleted": collection.freed.blobs,
        "freed_bytes": collection.freed.bytes,
    }


def _answer(registry: Registry, collection: Collection, status: int = 200) -> Response:
    return answer({"garbage_collection": as_json(registry, collection)}, status)
