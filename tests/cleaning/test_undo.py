"""Undo: what was deleted comes back to the byte, in an order that never breaks a tag, as far as it can."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.errors import CollectionOutlasted, RunInProgress
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import Body
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Deletion, Mode
from cleaner.model.run import RunKind
from cleaner.model.safeguard import ManifestRestored, RestoreFailed
from tests.changes import collect, delete, entries, push
from tests.cleaning.undoing import Family, condemning, references_put, refusing, snapshot, undo
from tests.crashes import crashes, points_of
from tests.house import House
from tests.shelves import Shelf, left

HOUR = timedelta(hours=1)


def stocked() -> tuple[Shelf, Family]:
    """A shelf with a `main` that is kept, and a family that goes."""
    shelf = Shelf()
    shelf.image("main", days=2)
    return shelf, Family(shelf)


def test_everything_comes_back_to_the_byte_with_its_tags(tmp_path: Path) -> None:
    """And is told, manifest by manifest; the ledger then counts nothing of it as deleted."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        before = snapshot(world)
        assert {gone.digest for gone in world.apply().deleted} == family.digests
        undone = undo(world)
        assert snapshot(world) == before
        assert {manifest.digest for manifest in undone.restored} == family.digests
        assert (undone.failed, undone.collected, undone.moved_on) == ((), (), ())
        assert len([event for event in world.events if isinstance(event, ManifestRestored)]) == len(family.digests)
        with world.application() as application:
            assert application.ledger.uncollected("acme") == ()
        assert undo(world).restored == ()


def test_children_come_before_their_index_and_tags_come_last(tmp_path: Path) -> None:
    """A subject comes before its attachments as well: whatever ends it midway, no tag stands on half a thing."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        undo(world)
        put = references_put(world)
        assert max(put.index(family.amd), put.index(family.arm)) < put.index(family.index)
        assert put.index(family.index) < put.index(family.signature)
        assert put.index(family.amd) < put.index(family.bill)
        assert {*put[-2:]} == {"v1", family.index.replace(":", "-") + ".sig"}


def test_one_digest_brings_what_hangs_below_it_and_nothing_else(tmp_path: Path) -> None:
    """An index needs its children, a signed image its signature; the other index stays deleted."""
    shelf, family = stocked()
    other = shelf.index([family.arm, shelf.image()], "v2")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        undone = undo(world, Which(repository="shop", digest=Digest(family.index)))
        assert {manifest.digest for manifest in undone.restored} == family.digests
        assert other not in left(world)


def test_a_tag_that_moved_on_stays_where_it_is(tmp_path: Path) -> None:
    """The manifest comes back without it; that is told."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        newer = shelf.image("v1", days=0)
        push(world, shelf)
        undone = undo(world)
        assert undone.moved_on == (("shop", "v1"),)
        assert snapshot(world)[newer][1] == {"v1"}
        assert snapshot(world)[family.index][1] == set()


def test_a_tag_is_looked_for_just_before_it_is_put(tmp_path: Path) -> None:
    """Somebody pushes it after the listing, while the manifests come back: it stays theirs."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        newer = shelf.image("v1", days=0)

        def before(request: httpx.Request) -> None:
            if request.method == "PUT" and newer not in left(world):
                push(world, shelf)

        world.network.before = before
        assert undo(world).moved_on == (("shop", "v1"),)
        assert snapshot(world)[newer][1] == {"v1"}
        assert family.index in left(world)


def test_what_is_there_again_gets_its_missing_tags_only(tmp_path: Path) -> None:
    """Somebody pushed it by its digest: it is not put again, and counts as put back."""
    shelf, family = stocked()
    image = shelf.image("v2", "stable")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        shelf.manifests[-1]["tags"] = ["stable"]
        push(world, shelf)
        undone = undo(world)
        assert image in {manifest.digest for manifest in undone.restored}
        assert image not in references_put(world)
        assert snapshot(world)[image][1] == {"v2", "stable"}
        assert family.index in left(world)


def test_of_two_that_carried_a_tag_the_last_deleted_gets_it(tmp_path: Path) -> None:
    """A tag stands on one thing: what it stood on last."""
    shelf, _ = stocked()
    shelf.image("edge")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        newer = shelf.image("edge", days=9)
        push(world, shelf)
        world.plan()
        world.start += timedelta(hours=25)
        assert [gone.digest for gone in world.apply().deleted] == [newer]
        undone = undo(world)
        assert snapshot(world)[newer][1] == {"edge"}
        assert undone.moved_on == (("shop", "edge"),)


def test_a_refusal_is_told_by_name_and_changes_nothing_else(tmp_path: Path) -> None:
    """What rests on the refused is not sent, and told why; all the rest is back."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        no = {"errors": [{"code": "MANIFEST_INVALID", "message": "not today"}]}
        world.network.before = refusing(family.amd, answer=lambda: httpx.Response(400, json=no))
        undone = undo(world)
        why = {manifest.digest: reason for manifest, reason in undone.failed}
        assert {manifest.digest for manifest in undone.restored} == {family.arm}
        assert "not today" in why[Digest(family.amd)]
        assert why[Digest(family.index)] == f"it needs {family.amd}, which did not come back"
        assert why[Digest(family.signature)] == f"it needs {family.index}, which did not come back"
        assert why[Digest(family.bill)] == f"it needs {family.amd}, which did not come back"
        assert len([event for event in world.events if isinstance(event, RestoreFailed)]) == 4
        world.network.before = lambda _: None
        assert {manifest.digest for manifest in undo(world).restored} == family.digests - {family.arm}


def test_a_tag_that_is_refused_does_not_break_what_rests_on_its_manifest(tmp_path: Path) -> None:
    """The image itself is back; what lacks its tag is told as not whole, and the next undo puts the tag."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        world.network.before = refusing("v1", answer=lambda: httpx.Response(403))
        ((manifest, why),) = undo(world).failed
        assert (manifest.digest, "not all of its tags" in why) == (family.index, True)
        assert left(world) >= family.digests
        world.network.before = lambda _: None
        assert [manifest.tags for manifest in undo(world).restored] == [("v1",)]


def test_a_registry_that_takes_nothing_is_not_asked_on(tmp_path: Path) -> None:
    """Law 12: after a few in a row the rest is told without a request."""
    shelf, _ = stocked()
    for number in range(40):
        shelf.image(f"r{number}")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        world.network.before = refusing(answer=lambda: httpx.Response(405))
        undone = undo(world)
        assert len(undone.failed) == 45
        assert len(references_put(world)) == 5
        assert "it was not sent, for 5 before it could not be put back" in undone.failed[-1][1]


def test_what_a_collection_took_is_told_and_the_rest_is_back(tmp_path: Path) -> None:
    """Whoever started it, it is in the provider's list; what was deleted after it can still come back."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        collect(world)
        later = shelf.image("v2")
        push(world, shelf)
        world.plan()
        world.start += timedelta(hours=25)
        world.apply()
        undone = undo(world)
        assert [manifest.digest for manifest in undone.restored] == [later]
        assert {gone.digest for gone in undone.collected} == family.digests


def test_blobs_that_vanished_unseen_are_told_by_name(tmp_path: Path) -> None:
    """No list tells of that collection: the blobs are looked for, and what lacks any is not sent."""
    shelf, family = stocked()
    alike = shelf.index([], "only-a-name")
    with condemning(shelf, tmp_path) as world:
        world.apply()
        world.registry_of_the_world().storage.free_unreferenced()
        undone = undo(world)
        why = {manifest.digest: reason for manifest, reason in undone.failed}
        assert [manifest.digest for manifest in undone.restored] == [alike]
        assert why[Digest(family.amd)].startswith("its blobs are gone: sha256:")
        assert references_put(world) == [alike, "only-a-name"]


def test_nothing_is_put_back_while_a_collection_is_active(tmp_path: Path) -> None:
    """The registry is read-only: said with what to do, and nothing is sent."""
    shelf, _ = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        uuid = str(collect(world).uuid)
        with pytest.raises(CollectionOutlasted, match=uuid) as caught:
            undo(world)
        assert "cleaner gc cancel" in caught.value.next_step
        assert references_put(world) == []


def test_a_run_that_holds_the_registry_is_not_disturbed(tmp_path: Path) -> None:
    """Law 8: one at a time, whoever started it."""
    shelf, _ = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        requests = len(world.network.seen)
        with world.application() as application, application.ledger.hold("acme"), pytest.raises(RunInProgress):
            undo(world)
        assert len(world.network.seen) == requests


def test_a_collection_that_follows_at_once_leaves_nothing_to_undo(tmp_path: Path) -> None:
    """With `after-clean` no bytes are kept: where no collection came after all, that is the reason."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path, collection="schedule: after-clean, min_freed: 1TiB") as world:
        world.apply()
        undone = undo(world)
        assert {manifest.digest for manifest, _ in undone.failed} == family.digests
        assert {why for _, why in undone.failed} >= {
            "its bytes were not kept: a garbage collection was to follow at once"
        }
        assert references_put(world) == []


def test_a_repository_that_lost_everything_comes_back(tmp_path: Path) -> None:
    """The provider does not list one that holds nothing any more."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        world.registry_of_the_world().storage.delete_repository("shop")
        assert {manifest.digest for manifest in undo(world).restored} == family.digests == left(world)
        assert snapshot(world)[family.index][1] == {"v1"}


def test_what_a_run_that_died_deleted_comes_back_too(tmp_path: Path) -> None:
    """Its intent has no outcome yet: the listing tells that it was carried out."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        content = str(shelf.manifests[-1]["body"]).encode()
        manifest = Manifest("shop", Digest(family.bill), None)
        with world.application() as application:
            run = application.ledger.begin_run("acme", RunKind.CLEAN)
            body = Body("application/vnd.oci.image.manifest.v1+json", content)
            application.ledger.intend(run, "acme", Deletion(manifest, Mode.ENFORCE, ()), (), body)
        delete(world, family.bill)
        assert [manifest.digest for manifest in undo(world, Which(run=run)).restored] == [family.bill]


def test_an_undo_that_dies_at_any_point_is_finished_by_the_next(tmp_path: Path) -> None:
    """What is there already is not put again, and in the end all is as it was."""
    shelf, _ = stocked()

    def deleted(state: Path) -> House:
        state.mkdir()
        return condemning(shelf, state)

    with deleted(tmp_path / "whole") as world:
        before = snapshot(world)
        world.apply()
        points = points_of(world, lambda: undo(world))
    for point in range(0, points, 8):
        with deleted(tmp_path / str(point)) as world:
            world.apply()
            assert crashes(world, point, lambda: undo(world))
            undo(world)
            assert snapshot(world) == before


def test_what_is_back_may_go_again_only_after_grace(tmp_path: Path) -> None:
    """For the registry it is young: the next run leaves it, one after the grace does not."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path) as world:
        world.apply()
        undo(world)
        assert world.apply().deleted == ()
        world.start += timedelta(hours=25)
        assert {gone.digest for gone in world.apply().deleted} == family.digests


def test_what_is_back_is_given_notice_anew(tmp_path: Path) -> None:
    """Without any grace too: what was announced before its deletion does not count."""
    shelf, family = stocked()
    with condemning(shelf, tmp_path, rest="notice: 2h") as world:
        world.settings = world.configured(
            "grace: 0s\n" + (tmp_path / "config.yaml").read_text(encoding="utf-8").partition("\n")[2]
        )
        world.apply()
        world.start += 3 * HOUR
        assert {gone.digest for gone in world.apply().deleted} == family.digests
        undo(world)
        assert world.apply().deleted == ()
        world.start += 3 * HOUR
        assert {gone.digest for gone in world.apply().deleted} == family.digests
        assert len(entries(world)) == 1
