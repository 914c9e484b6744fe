"""What others do to the registry while a run is under way."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from cleaner.model.event import Planned
from cleaner.simulator.collection import UNREFERENCED, Collection
from cleaner.simulator.contents import tags_of
from cleaner.simulator.storage import Entry
from tests.house import House
from tests.shelves import Shelf


def move_tag(house: House, tag: str, digest: str, repository: str = "shop") -> None:
    """Somebody moves a tag onto another manifest: what it was on stays."""
    storage = house.registry_of_the_world().storage
    storage.delete_tag(repository, tag)
    for entry in entries(house, repository):
        if entry["digest"] == digest:
            entry["tags"] = [*tags_of(entry), tag]


def push(house: House, shelf: Shelf) -> None:
    """Somebody pushes what was put on the shelf last."""
    newest = shelf.manifests[-1]
    entry = {key: value for key, value in newest.items() if key != "body"}
    house.registry_of_the_world().storage.load(shelf.name, entry, str(newest["body"]).encode())


def delete(house: House, digest: str, repository: str = "shop") -> None:
    """Somebody deletes a manifest."""
    assert house.registry_of_the_world().storage.delete_manifest(repository, digest)


def collect(house: House, kind: str = UNREFERENCED) -> Collection:
    """Somebody starts a garbage collection, of unreferenced blobs only unless told otherwise."""
    house.world.advance()
    return house.world.start_collection(house.registry_of_the_world(), kind)


def entries(house: House, repository: str = "shop") -> list[Entry]:
    """The listing of a repository, as the world has it."""
    return list(house.registry_of_the_world().storage.manifests(repository) or ())


def once_planned(house: House, change: Callable[[], object]) -> None:
    """Make a change after the plan and before the next request."""
    waiting = [change]

    def before(_request: httpx.Request) -> None:
        if waiting and any(isinstance(event, Planned) for event in house.events):
            waiting.pop()()

    house.network.before = before


def after_requests(house: House, count: int, change: Callable[[], object]) -> None:
    """Make a change before the request that follows so many."""

    def before(_request: httpx.Request) -> None:
        if len(house.network.seen) == count + 1:
            change()

    house.network.before = before
