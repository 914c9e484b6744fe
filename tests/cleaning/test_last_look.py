"""The last look: before a collection of ours, what turns out to be needed of what we deleted is brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cleaner.errors import CollectionUnsure, CollectionWithheld
from cleaner.model import safeguard
from cleaner.model.event import HeldBackLate
from cleaner.model.manifest import Digest
from cleaner.model.plan import HoldReason
from cleaner.model.safeguard import ManifestRestored
from tests.changes import delete, push
from tests.cleaning.undoing import KEEP_MAIN, Family, accepting, condemning, references_put, refusing
from tests.crashes import Crash, bury
from tests.house import House, path_of
from tests.shelves import Shelf, house, left, policy, registry

AFTER_CLEAN = "schedule: after-clean, min_freed: 0B"


def stocked() -> tuple[Shelf, Family]:
    """A shelf with a `main` that is kept, and a family that goes."""
    shelf = Shelf()
    shelf.image("main", days=2)
    return shelf, Family(shelf)


def push_index(world: House, shelf: Shelf, *children: str) -> str:
    """Somebody pushes an index under the tag `new`."""
    index = shelf.index(children, "new", days=0)
    push(world, shelf)
    return index


def collect_now(world: House) -> None:
    """`cleaner gc start`."""
    with world.application() as application:
        world.run(application.start_collection(world.registry, world.events.append))


def once_gone(world: House, digest: str, change: Callable[[], object]) -> None:
    """Make a change just before the first request that is sent when this is deleted."""
    waiting = [change]

    def before(_request: httpx.Request) -> None:
        if waiting and digest not in left(world):
            waiting.pop()()

    world.network.before = before


def dying_with(world: House, digest: str) -> None:
    """A run whose process ends while the answer to this deletion is on its way."""

    def after(request: httpx.Request, _answer: httpx.Response) -> None:
        if request.method == "DELETE" and digest in path_of(request):
            raise Crash

    world.network.after = after
    with pytest.raises(Crash):
        world.apply()
    bury(world)
    world.network.after = lambda *_: None
    assert digest not in left(world)


def started(world: House) -> list[str]:
    """The collections that were asked for."""
    return world.network.sent("POST", "/garbage-collection")


def unlisted(repository: str) -> Callable[[httpx.Request], httpx.Response | None]:
    """A control plane that does not list one repository."""

    def before(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(403) if f"/repositories/{repository}/digests" in path_of(request) else None

    return before


def test_a_child_of_an_index_pushed_meanwhile_is_back_before_the_collection(tmp_path: Path) -> None:
    """With what is attached to it, and with nothing else; the collection leaves its blobs."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        index = push_index(world, shelf, family.amd)
        collect_now(world)
        assert left(world) > {index, family.amd, family.bill}
        assert left(world).isdisjoint({family.arm, family.index, family.signature})
        (first, *_) = [event for event in world.events if isinstance(event, ManifestRestored)]
        assert (first.manifest.digest, "(tags new) lists it" in first.because) == (family.amd, True)
        with world.application() as application:
            blobs = application.ledger.knowledge.known([Digest(family.amd)])[Digest(family.amd)].blobs
        storage = world.registry_of_the_world().storage
        assert all(storage.blob(blob.digest) for blob in blobs)
        assert len(started(world)) == 1


def test_the_next_run_looks_before_it_collects(tmp_path: Path) -> None:
    """With `before-clean`, the run that collects what the one before deleted reports what came back."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path, collection="schedule: before-clean, min_freed: 0B") as world:
        world.apply()
        push_index(world, shelf, family.arm)
        report = world.apply()
        assert [manifest.digest for manifest in report.restored] == [family.arm]
        assert report.exit_code == 0
        assert family.arm in left(world)


def test_where_all_is_back_no_collection_starts_for_nothing(tmp_path: Path) -> None:
    """The registry would be read-only for a time, and nothing would be freed."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path, collection="schedule: before-clean, min_freed: 0B") as world:
        world.apply()
        push_index(world, shelf, family.index)
        report = world.apply()
        assert {manifest.digest for manifest in report.restored} == family.digests
        assert any("all that was deleted turned out to be needed" in warning for warning in report.warnings)
        assert started(world) == []


def test_what_runs_is_back_with_its_tag(tmp_path: Path) -> None:
    """Somebody deployed what had been deleted: by its digest it is found."""
    shelf, family = stocked()
    images = tmp_path / "images.txt"
    images.write_text("elsewhere.example/other:1\n", encoding="utf-8")
    with condemning(shelf, tmp_path, in_use="[{file: images.txt}]") as world:
        world.apply()
        images.write_text(f"registry.digitalocean.com/acme/shop@{family.index}\n", encoding="utf-8")
        collect_now(world)
        assert left(world) >= family.digests
        assert references_put(world)[-2:].count("v1") == 1


def test_nothing_needed_brings_nothing_back(tmp_path: Path) -> None:
    """The ordinary case: a look, and the collection."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        collect_now(world)
        assert references_put(world) == []
        assert left(world).isdisjoint(family.digests)
        assert len(started(world)) == 1


def test_where_no_bytes_were_kept_no_collection_starts(tmp_path: Path) -> None:
    """With `after-clean`, and an index pushed while the run deletes: alarm, exit code 1, and no collection."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path, collection=AFTER_CLEAN) as world:
        once_gone(world, family.amd, lambda: push_index(world, shelf, family.amd))
        report = world.apply()
        assert report.exit_code == 1
        assert report.error is not None
        assert f"shop@{family.amd} is needed (the index" in report.error
        assert "its bytes were not kept" in report.error
        assert started(world) == []
        assert [event for event in world.events if isinstance(event, safeguard.CollectionWithheld)]


def test_what_cannot_be_put_back_stops_the_collection(tmp_path: Path) -> None:
    """Whatever the reason; what else is needed has come back all the same."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        push_index(world, shelf, family.amd, family.arm)
        world.network.before = refusing(family.amd, answer=lambda: httpx.Response(403))
        with pytest.raises(CollectionWithheld, match=family.amd) as caught:
            collect_now(world)
        assert "push what is missing again" in caught.value.next_step
        assert family.arm in left(world)
        assert started(world) == []


def test_where_nobody_can_look_no_collection_starts(tmp_path: Path) -> None:
    """A repository that cannot be listed, or a source that cannot be read: exit code 3, with the repository's name."""
    shelf, _ = stocked()
    images = tmp_path / "images.txt"
    images.write_text("elsewhere.example/other:1\n", encoding="utf-8")
    with condemning(shelf, tmp_path, in_use="[{file: images.txt}]") as world:
        world.apply()
        images.unlink()
        with pytest.raises(CollectionUnsure, match=r"deleted from shop: .*images\.txt") as caught:
            collect_now(world)
        assert caught.value.exit_code == 3
        images.write_text("elsewhere.example/other:1\n", encoding="utf-8")
        world.network.before = unlisted("shop")
        with pytest.raises(CollectionUnsure, match="deleted from shop: the manifests of shop cannot be listed"):
            collect_now(world)
        held = [event.held_back.reason for event in world.events if isinstance(event, HeldBackLate)]
        assert held == [HoldReason.SOURCE, HoldReason.LISTING]
        assert started(world) == []


def test_an_alarm_is_not_hidden_by_a_repository_that_cannot_be_listed(tmp_path: Path) -> None:
    """What surely would be lost is told before what nobody can tell."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        other = Shelf("zoo")
        other.image("main", days=2)
        push(world, other)
        other.image("old")
        push(world, other)
        world.apply()
        push_index(world, shelf, family.amd)
        no_listing, no_put = unlisted("zoo"), refusing(family.amd, answer=lambda: httpx.Response(403))
        world.network.before = lambda request: no_listing(request) or no_put(request)
        with pytest.raises(CollectionWithheld, match=family.amd):
            collect_now(world)
        assert started(world) == []


def test_a_deletion_without_an_outcome_may_be_needed_too(tmp_path: Path) -> None:
    """The run died before its answer: the one listing that settles it tells what needs it."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        dying_with(world, family.amd)
        index, sent = push_index(world, shelf, family.amd), len(world.network.seen)
        collect_now(world)
        assert left(world) >= {index, family.amd}
        with world.application() as application:
            assert application.ledger.unsettled("acme") == ()
        assert len([place for place in world.network.places("GET", "/repositories/shop/digests") if place >= sent]) == 1
        assert len(started(world)) == 1


def test_a_deletion_of_which_nobody_knows_lets_no_collection_start(tmp_path: Path) -> None:
    """It has no outcome, and its repository cannot be listed: it may be gone, and needed."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        dying_with(world, family.index)
        world.network.before = unlisted("shop")
        with pytest.raises(CollectionUnsure, match="deleted from shop: the manifests of shop cannot be listed"):
            collect_now(world)
        assert started(world) == []


def test_a_deletion_that_was_not_carried_out_holds_nothing_up(tmp_path: Path) -> None:
    """The run died before it was sent: it is still listed, so nothing was lost, whatever a source would say."""
    shelf, _ = stocked()
    with condemning(shelf, tmp_path) as world:

        def before(request: httpx.Request) -> None:
            if request.method == "DELETE":
                raise Crash

        world.network.before = before
        with pytest.raises(Crash):
            world.apply()
        bury(world)
        world.network.before = lambda request: httpx.Response(500) if "/manifests/" in path_of(request) else None
        collect_now(world)
        assert len(started(world)) == 1


@pytest.mark.parametrize(("schedule", "runs", "code"), [("after-clean", 1, 1), ("before-clean", 2, 3)])
def test_an_answer_lost_in_a_repository_that_cannot_be_listed_lets_none_start_either(
    tmp_path: Path, schedule: str, runs: int, code: int
) -> None:
    """Not by the same run (exit code 1: it could not tell what became of it), and not by the next (3)."""
    shelf, other = Shelf(), Shelf("another")
    for each in (shelf, other):
        each.image("main", days=2)
    gone = shelf.image("v1")
    other.image("v1")
    configuration = policy(KEEP_MAIN, collection=f"schedule: {schedule}, min_freed: 0B", rest="unmatched: delete")
    with house(registry(shelf, other), configuration, tmp_path) as world:
        unlistable = unlisted("shop")

        def after(request: httpx.Request, _answer: httpx.Response) -> None:
            if request.method == "DELETE" and gone in path_of(request):
                world.network.before = unlistable
                raise httpx.ReadError("cut")

        world.network.after = after
        reports = [world.apply() for _ in range(runs)]
        assert reports[-1].exit_code == code
        assert ("shop", HoldReason.LISTING) in {(held.repository, held.reason) for held in reports[-1].held_back}
        assert started(world) == []
        world.network.before, world.network.after = lambda _: None, lambda *_: None
        push_index(world, shelf, gone)
        report = world.apply()
        if schedule == "before-clean":
            assert [manifest.digest for manifest in report.restored] == [gone]
        else:
            assert "is needed (the index" in str(report.error)
            assert started(world) == []


def test_an_index_that_came_back_without_a_child_stops_the_collection(tmp_path: Path) -> None:
    """Somebody runs it, and somebody else deleted its platform: it is there, and cannot be pulled."""
    shelf = Shelf()
    platform = shelf.image("main", days=2)
    index = shelf.index([platform], "v1")
    images = tmp_path / "images.txt"
    images.write_text("elsewhere.example/other:1\n", encoding="utf-8")
    with condemning(shelf, tmp_path, in_use="[{file: images.txt}]") as world:
        world.apply()
        delete(world, platform)
        images.write_text(f"registry.digitalocean.com/acme/shop@{index}\n", encoding="utf-8")
        world.network.before = accepting(world, shelf)
        with pytest.raises(CollectionWithheld, match=f"but lists {platform}, which is not there"):
            collect_now(world)
        assert started(world) == []
