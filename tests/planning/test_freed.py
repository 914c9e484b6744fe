"""The bytes that a collection frees: each blob once, and only if nothing in the registry refers to it any more."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, Manifest
from cleaner.model.plan import Freed
from cleaner.planning.freed import references, stored_bytes
from tests.retention.builders import IMAGE, digest_of


def listing(repository: str, manifests: Mapping[str, tuple[Blob, ...] | None]) -> Listing:
    return Listing(
        repository, tuple(Manifest(repository, digest_of(name), None, (), blobs) for name, blobs in manifests.items())
    )


def blob(name: str, size: int | None = 10) -> Blob:
    return Blob(digest_of(name), size)


SHARED = [
    listing("shop", {"one": (blob("base", 100), blob("a", 1)), "two": (blob("base", 100), blob("b", 2))}),
    listing("other", {"one": (blob("base", 100), blob("a", 1))}),
]


@pytest.mark.parametrize(
    ("going", "freed"),
    [
        ([("shop", "one")], Freed(0, 0)),
        ([("shop", "two")], Freed(2, 1)),
        ([("shop", "one"), ("other", "one")], Freed(1, 1)),
        ([("shop", "one"), ("shop", "two"), ("other", "one")], Freed(103, 3)),
        ([], Freed(0, 0)),
    ],
)
def test_a_blob_is_freed_with_the_last_manifest_of_the_registry_that_refers_to_it(
    going: list[tuple[str, str]], freed: Freed
) -> None:
    """References count over repositories, and the same digest in two of them refers twice."""
    known = references(SHARED, {})
    assert known is not None
    assert known.freed({(repository, digest_of(name)) for repository, name in going}) == freed


def test_what_was_deleted_before_and_is_not_collected_counts_unless_it_is_referred_to_again() -> None:
    """Uncollected blobs are freed by the next collection, those that a new push refers to are not."""
    known = references(SHARED, {})
    assert known is not None
    assert known.freed((), [blob("left", 7), blob("base", 100), blob("left", 7)]) == Freed(7, 1)


def test_what_a_listing_holds_no_longer_frees_nothing_by_itself() -> None:
    """A manifest that is gone from a fresh listing counts through its uncollected blobs alone."""
    known = references(SHARED, {})
    assert known is not None
    assert known.freed({("shop", digest_of("three"))}, [blob("left", 7)]) == Freed(7, 1)


def test_a_blob_without_a_size_takes_it_from_another_reference_or_is_counted_as_unsized() -> None:
    """The published examples misspell a size: such a blob makes the sum a lower bound, and says so."""
    for x in ([None, 5, None], [5, None, None], [None, None, 5]):
        manifests = {"one": (blob("x", x[0]), blob("y", None)), "two": (blob("x", x[1]), blob("x", x[2]))}
        known = references([listing("shop", manifests)], {})
        assert known is not None
        assert known.freed({("shop", digest_of("one")), ("shop", digest_of("two"))}) == Freed(5, 2, unsized=1)


def test_blobs_that_a_listing_leaves_out_come_from_what_the_manifest_is() -> None:
    """A manifest's own body names its configuration and layers; where neither speaks, nothing can be told."""
    listings = [listing("shop", {"one": None})]
    content = Content(digest_of("one"), IMAGE, blobs=(blob("layer", 9),))
    known = references(listings, {content.digest: content})
    assert known is not None
    assert known.freed({("shop", digest_of("one"))}) == Freed(9, 1)
    assert references(listings, {}) is None


def test_the_bytes_of_a_repository_count_each_blob_once() -> None:
    """What `plan` says of a repository under no policy."""
    assert stored_bytes(SHARED[0]) == 103
    assert stored_bytes(listing("empty", {"one": None})) == 0
    assert Digest(digest_of("x")) == digest_of("x")
