"""Orphans: no version tag, no index, no subject, and so a fate of their own (policy page, `untagged`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta

from cleaner.model.family import Families
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.reason import OrphanKept, OrphanLeftBehind, OrphanOld
from cleaner.retention.families import subjects_of


def orphans_of(
    listing: Listing,
    contents: Mapping[Digest, Content],
    families: Families,
    deleted: Mapping[Digest, tuple[Digest, ...]],
) -> dict[Digest, tuple[Digest, ...]]:
    """The orphans of a listing, each with those of the `deleted` that listed it or that it was attached to, sorted.

    `deleted` gives, for the digests that our ledger deleted from this repository, the children they listed.
    """
    listed_by: dict[Digest, set[Digest]] = defaultdict(set)
    for index, children in deleted.items():
        for child in children:
            listed_by[child].add(index)
    orphans = [m for m in listing.manifests if not m.is_version and not families.above(m.digest)]
    attached_to = {m.digest: subjects_of(m, contents[m.digest]) & deleted.keys() for m in orphans}
    return {digest: tuple(sorted(subjects | listed_by[digest])) for digest, subjects in attached_to.items()}


def untagged_keeps(left_by: tuple[Digest, ...], age: timedelta | None, limit: timedelta | None) -> Iterator[OrphanKept]:
    """Why `untagged` keeps an orphan: it has no limit, or the orphan is younger; never one that is left behind.

    `left_by` are the deleted ones that left it behind, `age` is None where it has no time.
    """
    if not left_by and (limit is None or (age is not None and age < limit)):
        yield OrphanKept(limit, age)


def untagged_lets_go(
    left_by: tuple[Digest, ...], age: timedelta, limit: timedelta | None
) -> Iterator[OrphanLeftBehind | OrphanOld]:
    """Why an orphan goes that nothing keeps."""
    if left_by:
        yield OrphanLeftBehind(left_by)
    if limit is not None and age >= limit:
        yield OrphanOld(age, limit)
