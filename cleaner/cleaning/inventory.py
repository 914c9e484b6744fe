"""What is there: every repository's listing, and what each manifest is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete, ManifestUnreadable
from cleaner.model.event import ManifestRead, ManifestsWanted, RepositoriesListed, RepositoryListed
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.retention.policy import policy_for

_LEARNED_AT_ONCE = 100  # a crash loses no more than so many readings
_FAILURES_IN_A_ROW = 8


@dataclass(frozen=True, slots=True)
class Inventory:
    """Each repository with its listing or the reason why it has none, and what the manifests are.

    The first listing was begun at `seen_at`. `unreadable` gives for a digest why the data plane did not give its
    manifest.
    """

    seen_at: datetime
    listings: Mapping[str, Listing | ListingIncomplete]
    contents: Mapping[Digest, Content]
    unreadable: Mapping[Digest, ManifestUnreadable]

    def complete(self) -> dict[str, Listing] | None:
        """The listings by repository; None where one is missing, or a manifest could not be read."""
        found = {name: listing for name, listing in self.listings.items() if isinstance(listing, Listing)}
        return found if len(found) == len(self.listings) and not self.unreadable else None


async def take_inventory(work: Work) -> Inventory:
    """List every repository of the registry, and read the manifests that are not known yet.

    Raises:
        RemoteError: the list of repositories itself could not be read.
    """
    repositories = await work.reader.repositories()
    work.tell(RepositoriesListed(work.registry, len(repositories)))
    return await look_into(work, repositories)


async def look_into(work: Work, repositories: Sequence[str]) -> Inventory:
    """The inventory of these repositories alone."""
    lister, seen_at = _Lister(work), work.now()
    listings = dict(zip(repositories, await a_few_at_a_time(lister.list, repositories), strict=True))
    wanted = [m for found in listings.values() if isinstance(found, Listing) for m in _wanted(work, found)]
    contents, unreadable = await read_contents(work, wanted)
    return Inventory(seen_at, listings, contents, unreadable)


async def read_contents(
    work: Work, manifests: Iterable[Manifest]
) -> tuple[dict[Digest, Content], dict[Digest, ManifestUnreadable]]:
    """What these manifests are: from knowledge, else from the data plane, each digest once in its life."""
    wanted = {manifest.digest: manifest for manifest in manifests}
    contents = await asyncio.to_thread(work.ledger.knowledge.known, sorted(wanted))
    unknown = [manifest for digest, manifest in sorted(wanted.items()) if digest not in contents]
    unreadable: dict[Digest, ManifestUnreadable] = {}
    if unknown:
        work.tell(ManifestsWanted(work.registry, len(unknown)))

    for start in range(0, len(unknown), _LEARNED_AT_ONCE):
        some = unknown[start : start + _LEARNED_AT_ONCE]
        for manifest, read in zip(some, await a_few_at_a_time(partial(_read, work), some), strict=True):
            if isinstance(read, Content):
                contents[manifest.digest] = read
            else:
                unreadable[manifest.digest] = read
        await asyncio.to_thread(work.ledger.knowledge.learn, [contents[m.digest] for m in some if m.digest in contents])
    return contents, unreadable


async def _read(work: Work, manifest: Manifest) -> Content | ManifestUnreadable:
    try:
        read: Content | ManifestUnreadable = await work.reader.content(manifest.repository, manifest.digest)
    except ManifestUnreadable as error:
        read = error
    work.tell(ManifestRead(work.registry, manifest.repository, manifest.digest, isinstance(read, Content)))
    return read


@dataclass(slots=True)
class _Lister:
    """Lists repositories, until so many in a row could not be that it is no use to ask on (law 12)."""

    work: Work
    failures: int = 0

    async def list(self, repository: str) -> Listing | ListingIncomplete:
        listing = await self._listing(repository)
        manifests = len(listing.manifests) if isinstance(listing, Listing) else None
        self.failures = self.failures + 1 if manifests is None else 0
        self.work.tell(RepositoryListed(self.work.registry, repository, manifests))
        return listing

    async def _listing(self, repository: str) -> Listing | ListingIncomplete:
        if self.failures >= _FAILURES_IN_A_ROW:
            return ListingIncomplete(
                f"the manifests of {repository} were not asked for: {self.failures} listings in a row had failed",
                "Run again later",
            )
        try:
            return await self.work.reader.listing(repository)
        except ListingIncomplete as error:
            return error


def _wanted(work: Work, listing: Listing) -> tuple[Manifest, ...]:
    """The manifests that must be known: all under a policy, elsewhere those whose blobs the listing does not state."""
    if policy_for(listing.repository, work.settings.policies) is not None:
        return listing.manifests
    return tuple(manifest for manifest in listing.manifests if manifest.blobs is None)
