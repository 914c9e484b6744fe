"""Which tag was seen on which manifest of one repository: what a look makes of what the looks before it saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.use import Pointed, TagMemory

Pair: TypeAlias = tuple[str, Digest]
"""A tag and a manifest that carries it, or once did."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a tag was seen to come onto a manifest, and when to leave it; `left` is None while it is there.

    `came` is None where nobody saw it: at the first look at the repository, or where it came with the push.
    """

    came: datetime | None = None
    left: datetime | None = None


def after_look(
    before: Mapping[Pair, Sighting], listing: Listing, last: datetime | None, at: datetime
) -> dict[Pair, Sighting]:
    """What is known after a look at `at`, the one before it having been at `last` (None: there was none).

    No moment in it is later than `at`: one that was came from a clock that was ahead.
    """
    carried = {(tag, manifest.digest): manifest for manifest in listing.manifests for tag in manifest.tags}
    gone = {pair: _gone(seen, at) for pair, seen in before.items() if pair not in carried}
    there = {pair: _there(before.get(pair), manifest, last, at) for pair, manifest in carried.items()}
    return gone | there


def _gone(seen: Sighting, at: datetime) -> Sighting:
    return seen if seen.left is not None and seen.left <= at else Sighting(seen.came, at)


def _there(seen: Sighting | None, manifest: Manifest, last: datetime | None, at: datetime) -> Sighting:
    if seen is not None and seen.left is None:
        return seen if seen.came is None or seen.came <= at else Sighting(at)
    return Sighting(at) if seen is not None or _was_there(manifest, last) else Sighting()


def _was_there(manifest: Manifest, last: datetime | None) -> bool:
    """Whether the look before could have seen the manifest: then a tag that is new on it was not pushed with it."""
    return last is not None and (manifest.updated_at is None or manifest.updated_at <= last)


def still_needed(known: Mapping[Pair, Sighting], listing: Listing, since: datetime) -> dict[Pair, Sighting]:
    """Without the tags that left before `since`, the last one of each listed manifest without tags aside."""
    left = _left(known, listing)
    return {
        pair: seen
        for pair, seen in known.items()
        if seen.left is None or seen.left >= since or seen.left == left.get(pair[1])
    }


def memory_of(
    known: Mapping[Pair, Sighting], back: Mapping[Digest, datetime], listing: Listing, at: datetime, keep: timedelta
) -> TagMemory:
    """What is known of the tags and manifests of a listing that was begun at `at`; `back` is when some were put back.

    What a tag pointed to is told for `keep`; where that is no time, not even what was seen to change just now.
    """
    carried = {tag: known.get((tag, manifest.digest)) for manifest in listing.manifests for tag in manifest.tags}
    came = {tag: seen.came for tag, seen in carried.items() if seen is not None and seen.came is not None}
    listed = {digest: back[digest] for digest in back.keys() & listing.by_digest().keys()}
    return TagMemory(came, _left(known, listing), _pointed(known, at - keep) if keep else {}, listed)


def _left(known: Mapping[Pair, Sighting], listing: Listing) -> dict[Digest, datetime]:
    """When the last tag of each listed manifest that has none was seen to leave it."""
    untagged = {manifest.digest for manifest in listing.manifests if not manifest.tags}
    left: dict[Digest, datetime] = {}
    for (_, digest), seen in known.items():
        if digest in untagged and seen.left is not None:
            left[digest] = max(seen.left, left.get(digest, seen.left))
    return left


def _pointed(known: Mapping[Pair, Sighting], since: datetime) -> dict[str, tuple[Pointed, ...]]:
    """What each tag pointed to, until `since` or later, newest first."""
    past = [(seen.left, digest, tag) for (tag, digest), seen in known.items() if seen.left and seen.left >= since]
    pointed: dict[str, list[Pointed]] = {}
    for until, digest, tag in sorted(past, reverse=True):
        pointed.setdefault(tag, []).append(Pointed(digest, until))
    return {tag: tuple(earlier) for tag, earlier in pointed.items()}
