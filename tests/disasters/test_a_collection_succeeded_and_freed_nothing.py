"""What happened: the collection "succeeded" and freed nothing, since nothing had been deleted by digest.

To: doctl 1380, and every script that deletes tags. Here: manifests are deleted by digest, never a tag alone, and what
a collection should have freed stands beside what it freed.
"""

from __future__ import annotations

from pathlib import Path

from tests.changes import once_planned, push
from tests.house import House
from tests.shelves import LAYER_BYTES, Shelf, house, policy, registry

KEEP = '[{tags: ["v*"], last: 2}]'


def test_every_deletion_is_of_a_digest_and_its_space_comes_back(tmp_path: Path) -> None:
    """Manifests with several tags each: one DELETE each, by digest, and the registry holds so many bytes less."""
    shelf = Shelf()
    for n in range(6):
        shelf.image(f"v{n}", f"alias-{n}", days=40 - n)
    with house(registry(shelf), policy(KEEP, rest="unmatched: delete"), tmp_path) as world:
        stored = world.registry_of_the_world().storage.stored_bytes()
        report = world.apply()
        deletes = world.network.sent("DELETE")
        assert len(deletes) == 4
        assert all("/digests/sha256:" in path for path in deletes)
        assert report.predicted is not None
        assert report.collection is not None
        assert report.predicted.bytes == report.collection.freed_bytes == 4 * LAYER_BYTES
        assert world.registry_of_the_world().storage.stored_bytes() == stored - 4 * LAYER_BYTES


def recorded(world: House) -> tuple[int | None, int | None]:
    """Predicted and freed bytes of the last collection, as the history has them."""
    with world.application() as application:
        (past, *_) = application.ledger.history.collections(10)
    return past.predicted_bytes, past.freed_bytes


def test_a_difference_between_predicted_and_freed_is_reported(tmp_path: Path) -> None:
    """Somebody pushes an image with the layers of what we delete: both numbers are told and recorded, and differ."""
    shelf = Shelf()
    for n in range(6):
        shelf.image(f"v{n}", days=40 - n)

    def reuse() -> None:
        shelf.image("w1", days=1, shared=[f"{shelf.name} {n}" for n in range(3)])
        push(world, shelf)

    with house(registry(shelf), policy(KEEP, collection="min_freed: 0B"), tmp_path) as world:
        once_planned(world, lambda: world.loop.call_later(0.1, reuse))
        report = world.apply()
        assert report.predicted is not None
        assert report.collection is not None
        assert (report.predicted.bytes, report.collection.freed_bytes) == (4 * LAYER_BYTES, LAYER_BYTES)
        assert recorded(world) == (4 * LAYER_BYTES, LAYER_BYTES)
        assert f"the garbage collection freed 1,000 bytes, {3 * LAYER_BYTES:,} fewer than predicted" in report.warnings
