"""Undo where things happened since: deleted again, there again, incomplete; or where one repository is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.cleaning.undo import Undone
from cleaner.ledger.restoring import Which
from cleaner.model.manifest import Digest
from tests.changes import collect, delete, push
from tests.cleaning.undoing import ALL, accepting, condemning, references_put, snapshot, undo
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, digest_of, house, left, policy, registry


@contextmanager
def deleted_twice(state: Path) -> Iterator[tuple[House, str]]:
    """A repository of which one image was deleted as `v1`, then pushed again as `nightly`, and deleted again."""
    shelf = Shelf()
    shelf.image("main", days=2)
    image = shelf.image("v1")
    with condemning(shelf, state) as world:
        world.apply()
        shelf.manifests[-1]["tags"] = ["nightly"]
        push(world, shelf)
        world.plan()
        world.start += timedelta(hours=25)
        assert [gone.digest for gone in world.apply().deleted] == [image]
        yield world, image


def delete_and_collect(world: House) -> None:
    """A run deletes, and somebody's collection takes the blobs."""
    world.apply()
    collect(world)
    world.start += timedelta(hours=1)


def runs_that_can_be_undone(world: House) -> list[bool]:
    """What the history says of both deletions, the first one first."""
    with world.application() as application:
        return [past.can_be_undone for past in reversed(application.ledger.history.deletions(9))]


def run_of(world: House, number: int) -> Which:
    """The run of that deletion, counted from the first."""
    with world.application() as application:
        return Which(run=application.ledger.history.deletions(9)[-number].run)


@pytest.mark.parametrize(("number", "tag"), [(1, "v1"), (2, "nightly")])
def test_a_run_is_undone_whatever_was_deleted_since(tmp_path: Path, number: int, tag: str) -> None:
    """With the tags that it took, and no others: the other deletion can still be undone, and gives its own."""
    with deleted_twice(tmp_path) as (world, image):
        assert runs_that_can_be_undone(world) == [True, True]
        undone = undo(world, run_of(world, number))
        assert [(back.digest, back.tags) for back in undone.restored] == [(image, (tag,))]
        assert snapshot(world)[image][1] == {tag}
        assert runs_that_can_be_undone(world) == [number != 1, number != 2]
        assert undo(world, run_of(world, number)) == Undone()
        assert len(undo(world).restored) == 1
        assert snapshot(world)[image][1] == {"v1", "nightly"}
        assert runs_that_can_be_undone(world) == [False, False]


def test_a_repository_comes_back_with_the_tags_of_all_its_deletions(tmp_path: Path) -> None:
    """Those of the last one first."""
    with deleted_twice(tmp_path) as (world, image):
        assert [(back.digest, back.tags) for back in undo(world).restored] == [(image, ("nightly", "v1"))]
        assert snapshot(world)[image][1] == {"v1", "nightly"}
        assert runs_that_can_be_undone(world) == [False, False]


def test_what_is_there_again_was_not_lost(tmp_path: Path) -> None:
    """A collection took its blobs, and somebody pushed it again: only what is still gone cannot come back."""
    shelf = Shelf()
    shelf.image("main", days=2)
    lost, image = shelf.image("v0"), shelf.image("v1")
    with condemning(shelf, tmp_path) as world:
        delete_and_collect(world)
        world.plan()
        push(world, shelf)
        with world.application() as application:
            found = world.run(application.undoable(world.registry, ALL))
        assert found.restorable == ()
        assert [gone.digest for gone in found.collected] == [lost]
        assert undo(world).collected == found.collected
        assert undo(world, Which(repository="shop", digest=Digest(image))) == Undone()


def test_a_repository_that_cannot_be_listed_may_have_lost_it(tmp_path: Path) -> None:
    """Then what the ledger has of it is told."""
    shelf = Shelf()
    shelf.image("main", days=2)
    shelf.image("v1")
    with condemning(shelf, tmp_path) as world:
        delete_and_collect(world)
        world.network.before = lambda request: httpx.Response(403) if "/digests" in path_of(request) else None
        assert len(undo(world).collected) == 1


def test_each_repository_is_listed_once(tmp_path: Path) -> None:
    """However much is asked of it: what became of a deletion, what was collected, what can come back."""
    shelf = Shelf()
    shelf.image("main", days=2)
    shelf.image("v0")
    with condemning(shelf, tmp_path) as world:
        delete_and_collect(world)
        shelf.image("v1")
        push(world, shelf)
        world.plan()
        world.start += timedelta(hours=25)
        world.apply()
        sent = len(world.network.seen)
        undone = undo(world)
        assert (len(undone.restored), len(undone.collected)) == (1, 1)
        listings = world.network.places("GET", "/repositories/shop/digests")
        assert len([place for place in listings if place >= sent]) == 1


def test_an_index_is_put_back_as_it_was_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    """Somebody deleted a platform meanwhile: it is there again, with its tag, and cannot be pulled."""
    shelf = Shelf()
    platform, arm = shelf.image("main", days=2), shelf.image()
    index = shelf.index([platform, arm], "v1")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        delete(world, platform)
        world.network.before = accepting(world, shelf)
        undone = undo(world)
        assert [(manifest.digest, why) for manifest, why in undone.failed] == [
            (index, f"it is there again, but lists {platform}, which is not there")
        ]
        assert [manifest.digest for manifest in undone.restored] == [arm]
        assert snapshot(world)[index][1] == {"v1"}
        assert undo(world) == Undone()


def test_an_index_that_lacked_a_platform_comes_back_as_it_was(tmp_path: Path) -> None:
    """Somebody copied only some of its platforms: nothing is lost that it had when it was deleted."""
    shelf = Shelf()
    shelf.image("main", days=2)
    index = shelf.index([shelf.image(), digest_of("never copied")], "v1")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        world.network.before = accepting(world, shelf)
        undone = undo(world)
        assert (undone.failed, len(undone.restored)) == ((), 2)
        assert snapshot(world)[index][1] == {"v1"}


def test_refusals_about_one_repository_stop_no_other(tmp_path: Path) -> None:
    """The data plane answers, and what it refuses is about that one alone."""
    shelves = [Shelf("aaa"), Shelf("bbb")]
    for shelf in shelves:
        shelf.image("main", days=2)
        for number in range(4):
            shelf.image(f"v{number}")
    configuration = policy("[{tags: [main]}]", collection="min_freed: 1TiB, schedule: never", rest="unmatched: delete")
    with house(registry(*shelves), configuration, tmp_path) as world:
        assert len(world.apply().deleted) == 8
        world.network.before = lambda request: (
            httpx.Response(403) if request.url.host == REGISTRY and "/aaa/" in path_of(request) else None
        )
        undone = undo(world)
        assert {manifest.repository for manifest, _ in undone.failed} == {"aaa"}
        assert len(undone.failed) == 4
        assert [manifest.repository for manifest in undone.restored] == ["bbb"] * 4
        assert len(left(world, "bbb")) == 5
        assert len(references_put(world)) == 8
