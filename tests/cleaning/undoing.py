"""A repository that loses whole families to a run, and what an undo makes of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from cleaner.cleaning.undo import Undone
from cleaner.ledger.restoring import Which
from cleaner.simulator.contents import tags_of
from tests.changes import entries, push
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, house, policy, registry

KEEP_MAIN = "[{tags: [main]}]"
BEFORE_CLEAN = "schedule: before-clean, min_freed: 1TiB"
ALL = Which()

Snapshot = dict[str, tuple[bytes | None, set[object]]]
"""The bytes and the tags of each manifest of a repository, by digest."""


class Family:
    """An index `v1` of two platforms, signed, and with a bill of materials; its parts by name."""

    def __init__(self, shelf: Shelf) -> None:
        self.amd, self.arm = shelf.image(), shelf.image()
        self.index = shelf.index([self.amd, self.arm], "v1")
        self.signature = shelf.signature(self.index)
        self.bill = shelf.image(subject=self.amd)

    @property
    def digests(self) -> set[str]:
        """All of it."""
        return {self.amd, self.arm, self.index, self.signature, self.bill}


def condemning(
    shelf: Shelf, state: Path, *, collection: str = BEFORE_CLEAN, rest: str = "", in_use: str = "none"
) -> House:
    """A house whose policy keeps `main` and nothing else, and that collects before it cleans."""
    lines = f"unmatched: delete\n        {rest}"
    return house(registry(shelf), policy(KEEP_MAIN, collection=collection, rest=lines, in_use=in_use), state)


def undo(of: House, which: Which = ALL) -> Undone:
    """`cleaner undo --yes`."""
    with of.application() as application:
        return of.run(application.undo(of.registry, which, of.events.append))


def snapshot(of: House, repository: str = "shop") -> Snapshot:
    """What a repository holds, whatever its times."""
    storage = of.registry_of_the_world().storage
    found = {str(entry["digest"]): entry for entry in entries(of, repository)}
    return {digest: (storage.body(repository, digest), set(tags_of(entry))) for digest, entry in found.items()}


def references_put(of: House) -> list[str]:
    """The digests and tags that were put, in their order; what was sent again with a token stands once."""
    return list(dict.fromkeys(path.rpartition("/")[2] for path in of.network.sent("PUT", "/manifests/")))


def refusing(
    *references: str, answer: Callable[[], httpx.Response]
) -> Callable[[httpx.Request], httpx.Response | None]:
    """A data plane that answers so to each PUT of these digests or tags; of all, where none is named."""

    def before(request: httpx.Request) -> httpx.Response | None:
        is_put = request.method == "PUT" and request.url.host == REGISTRY
        meant = not references or path_of(request).rpartition("/")[2] in references
        return answer() if is_put and meant else None

    return before


def accepting(of: House, shelf: Shelf) -> Callable[[httpx.Request], httpx.Response | None]:
    """A data plane that takes what was put on the shelf last, whatever that refers to."""
    newest = str(shelf.manifests[-1]["digest"])

    def before(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PUT" or path_of(request).rpartition("/")[2] != newest:
            return None
        push(of, shelf)
        return httpx.Response(201)

    return before
