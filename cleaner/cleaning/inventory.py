"""What is there: every repository's listing, and what each manifest is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete, ManifestUnreadable
from cleaner.model.event import ManifestRead, ManifestsWanted, RepositoriesListed, RepositoryListed
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.retention.policy import policy_for


@dataclass(frozen=True, slots=True)
class Inventory:
    """Each repository with its listing or the reason why it has none, and what the manifests are.

    `unreadable` gives for a digest why the data plane did not give its manifest.
    """

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

    async def listing(repository: str) -> Listing | ListingIncomplete:
        return await _list_repository(work, repository)

    listings = dict(zip(repositories, await a_few_at_a_time(listing, repositories), strict=True))
    wanted = [m for found in listings.values() if isinstance(found, Listing) for m in _wanted(work, found)]
    contents, unreadable = await read_contents(work, wanted)
    return Inventory(listings, contents, unreadable)


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

    async def read(manifest: Manifest) -> None:
        try:
            content = await work.reader.content(manifest.repository, manifest.digest)
        except ManifestUnreadable as error:
            unreadable[manifest.digest] = error
        else:
            contents[manifest.digest] = content
            await asyncio.to_thread(work.ledger.knowledge.learn, [content])
        readable = manifest.digest in contents
        work.tell(ManifestRead(work.registry, manifest.repository, manifest.digest, readable))

    await a_few_at_a_time(read, unknown)
    return contents, unreadable


async def _list_repository(work: Work, repository: str) -> Listing | ListingIncomplete:
    try:
        listing = await work.reader.listing(repository)
    except ListingIncomplete as error:
        work.tell(RepositoryListed(work.registry, repository, None))
        return error
    work.tell(RepositoryListed(work.registry, repository, len(listing.manifests)))
    return listing


def _wanted(work: Work, listing: Listing) -> tuple[Manifest, ...]:
    """The manifests that must be known: all under a policy, elsewhere those whose blobs the listing does not state."""
    if policy_for(listing.repository, work.settings.policies) is not None:
        return listing.manifests
    return tuple(manifest for manifest in listing.manifests if manifest.blobs is None)
