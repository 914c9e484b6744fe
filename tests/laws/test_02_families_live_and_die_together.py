"""Law 2: children of a kept index stay, at any depth; so does what is attached to a kept manifest.

Where a manifest of a repository cannot be read, nothing of that repository is deleted.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cleaner.model.plan import HoldReason
from tests.changes import once_planned, push
from tests.house import House
from tests.registries import load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.wholeness import Wholeness
from tests.worlds import random_registry

KEEP = '[{tags: ["v*"], last: 1}]'
STRICT = "untagged: {within: 1d}\n        unmatched: delete"


def release(shelf: Shelf, tag: str, days: float) -> set[str]:
    """A release as build tools push them: an index of an index, platforms, a signature, an attestation of that."""
    platforms = [shelf.image(days=days), shelf.image(days=days)]
    inner = shelf.index(platforms, days=days)
    attestation = shelf.image(days=days)
    outer = shelf.index([inner, attestation], tag, days=days)
    signature = shelf.signature(outer, days=days)
    of_signature = shelf.image(days=days, subject=signature)
    of_platform = shelf.image(days=days, subject=platforms[0])
    return {*platforms, inner, attestation, outer, signature, of_signature, of_platform}


def test_a_release_is_kept_whole_and_goes_whole(tmp_path: Path) -> None:
    """Of two releases the older goes with all that belongs to it, and nothing of the newer does."""
    shelf = Shelf()
    release(shelf, "v1", 300)
    kept = release(shelf, "v2", 200)
    with house(registry(shelf), policy(KEEP, rest=STRICT), tmp_path) as world:
        assert world.apply().exit_code == 0
        assert left(world) == kept


def test_a_shared_child_stays_with_the_last_index_that_lists_it(tmp_path: Path) -> None:
    """A platform that two releases share, and its signature, stay as long as one of them does."""
    shelf = Shelf()
    shared = shelf.image(days=300)
    signature = shelf.signature(shared, days=300)
    shelf.index([shared], "v1", days=300)
    kept = shelf.index([shared], "v2", days=200)
    with house(registry(shelf), policy(KEEP, rest=STRICT), tmp_path) as world:
        world.apply()
        assert left(world) == {shared, signature, kept}


def test_a_child_with_a_condemned_tag_of_its_own_stays_with_its_index(tmp_path: Path) -> None:
    """Tags of its own never cost a child its place in a kept index."""
    shelf = Shelf()
    child = shelf.image("v1", days=300)
    index = shelf.index([child], "v2", days=200)
    with house(registry(shelf), policy(KEEP, rest=STRICT), tmp_path) as world:
        world.apply()
        assert left(world) == {child, index}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_left_has_all_that_it_had(tmp_path: Path, seed: int) -> None:
    """In random registries, under a policy that keeps little: what stays lacks no child and no attachment."""
    generated = random_registry(random.Random(seed), scenes=8)
    configuration = policy('[{tags: ["*"], last: 1}]', rest=STRICT)
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        wholeness = Wholeness(world)
        world.apply()
        assert wholeness.lacking_children() == []
        assert wholeness.lacking_attachments() == []


def unreadable(shelf: Shelf, digest: str, body: str | None) -> None:
    """Have the data plane know nothing of a manifest, or something else."""
    for manifest in shelf.manifests:
        if manifest["digest"] == digest:
            manifest.pop("body")
            if body is not None:
                manifest["body"] = body


@pytest.mark.parametrize(
    "body", [pytest.param(None, id="unknown"), pytest.param("{}", id="other bytes"), pytest.param("{", id="half")]
)
def test_one_unreadable_manifest_holds_back_its_whole_repository(tmp_path: Path, body: str | None) -> None:
    """It could be an index, and list anything. Other repositories are cleaned all the same."""
    blind, clear = Shelf("blind"), Shelf("clear")
    for shelf in (blind, clear):
        for n in range(4):
            shelf.image(f"v{n}", days=40 - n)
    unreadable(blind, blind.image(days=90), body)
    with house(registry(blind, clear), policy(KEEP), tmp_path) as world:
        report = world.apply()
        assert len(left(world, "blind")) == 5
        assert len(left(world, "clear")) == 1
        assert [(held.repository, held.reason, held.manifests) for held in report.held_back] == [
            ("blind", HoldReason.MANIFEST, 5)
        ]
        assert report.exit_code == 3
        assert world.plan().freed is None


def test_a_manifest_that_comes_meanwhile_and_cannot_be_read_holds_back_what_is_left(tmp_path: Path) -> None:
    """The second look reads what is new as well, and leaves the repository alone where it cannot."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)

    def unknown_arrives() -> None:
        unreadable(shelf, shelf.image("v9", days=0), "{}")
        push(world, shelf)

    with house(registry(shelf), policy(KEEP), tmp_path) as world:
        once_planned(world, unknown_arrives)
        report = world.apply()
        assert len(left(world)) == 5
        assert [(held.reason, held.manifests) for held in report.held_back] == [(HoldReason.MANIFEST, 3)]
        assert report.exit_code == 3
