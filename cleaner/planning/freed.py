"""The bytes that a garbage collection will free: blobs are shared, so references count over the whole registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, Manifest
from cleaner.model.plan import Freed

Reference: TypeAlias = tuple[str, Digest]
"""A manifest in a repository: the same digest in two repositories refers to its blobs twice."""


def blobs_of(manifest: Manifest, contents: Mapping[Digest, Content]) -> tuple[Blob, ...] | None:
    """The blobs that a manifest refers to: as listed, else as its content says; None where neither does."""
    if manifest.blobs is not None:
        return manifest.blobs
    content = contents.get(manifest.digest)
    return None if content is None else content.blobs


@dataclass(frozen=True, slots=True)
class References:
    """Which manifest of the registry refers to which blobs, over all of its repositories."""

    blobs: Mapping[Reference, tuple[Blob, ...]]

    def freed(self, going: Collection[Reference], uncollected: Iterable[Blob] = ()) -> Freed:
        """What a collection frees once `going` are deleted; `uncollected` are blobs of manifests gone before."""
        staying = {blob.digest for place, blobs in self.blobs.items() if place not in going for blob in blobs}
        leaving = [blob for place in going for blob in self.blobs.get(place, ())]
        return _sum(blob for blob in (*leaving, *uncollected) if blob.digest not in staying)


def references(listings: Iterable[Listing], contents: Mapping[Digest, Content]) -> References | None:
    """The references of a whole registry; None where one manifest's blobs are not known."""
    blobs: dict[Reference, tuple[Blob, ...]] = {}
    for listing in listings:
        for manifest in listing.manifests:
            stated = blobs_of(manifest, contents)
            if stated is None:
                return None
            blobs[listing.repository, manifest.digest] = stated
    return References(blobs)


def stored_bytes(listing: Listing) -> int:
    """The bytes of a repository's blobs, each counted once, as far as they are stated."""
    return _sum(blob for manifest in listing.manifests for blob in manifest.blobs or ()).bytes


def _sum(blobs: Iterable[Blob]) -> Freed:
    sizes: dict[Digest, int | None] = {}
    for blob in blobs:
        if sizes.get(blob.digest) is None:
            sizes[blob.digest] = blob.size
    stated = [size for size in sizes.values() if size is not None]
    return Freed(bytes=sum(stated), blobs=len(sizes), unsized=len(sizes) - len(stated))
