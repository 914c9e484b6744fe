"""What a person does by hand: explain a repository, check the way to the registry, collect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cleaner.cleaning.collect import collect, finish_active
from cleaner.cleaning.decide import judge_place
from cleaner.cleaning.inventory import look_into
from cleaner.cleaning.orders import Hands
from cleaner.cleaning.uses import images_told, look_at_uses
from cleaner.cleaning.work import Work
from cleaner.config.settings import InUseSource
from cleaner.errors import NotThere, SourceUnreadable
from cleaner.model.manifest import Digest
from cleaner.model.registry import RegistryInfo
from cleaner.planning.survey import Judged, Place
from cleaner.retention.uses import Veto
from cleaner.retention.words import safe


@dataclass(frozen=True, slots=True)
class RegistryCheck:
    """What an online check has seen: the registry, its repositories, and the manifests of the first of them.

    `images` says how many images each in-use source tells, or why it could not be read.
    """

    registry: RegistryInfo
    repositories: int
    manifests: int
    images: tuple[tuple[str, int | SourceUnreadable], ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One repository, and what stands between its condemned manifests and their end.

    `since` says since when each has been condemned by every look, `approved` when a person let it through the limits.
    `vetoes` are the in-use sources that speak for the repository and could not be read. All this is as of `now`.
    """

    place: Place
    now: datetime
    since: Mapping[Digest, datetime]
    approved: Mapping[Digest, datetime]
    vetoes: tuple[Veto, ...]


async def explain(work: Work, repository: str, now: datetime) -> Explained:
    """One repository as of `now`.

    Raises:
        NotThere: the registry has no such repository.
        RemoteError: the registry could not be asked.
    """
    known = await work.reader.repositories()
    if repository not in known:
        some = ", ".join(safe(name) for name in known[:10])
        raise NotThere(f"{work.registry} has no repository {safe(repository)}", f"It has {len(known)}: {some}")
    inventory, usage = await look_into(work, [repository]), await look_at_uses(work)
    place = await judge_place(work, repository, inventory, now, usage)
    notices, approvals = work.ledger.notices, work.ledger.approvals
    fingerprint = place.policy.fingerprint if isinstance(place, Judged) else ""
    since = await asyncio.to_thread(notices.since, work.registry, repository, fingerprint)
    approved = await asyncio.to_thread(approvals.approved, work.registry)
    vetoes = tuple(veto for veto in usage.vetoes if veto.covers(repository))
    return Explained(place, now, since, approved.get(repository, {}), vetoes)


async def check(work: Work) -> RegistryCheck:
    """Whether token, registry, listing and in-use sources answer, by reading alone.

    Raises:
        CleanerError: the first that does not; a source that does not is told of beside the others.
    """
    registry = await work.reader.registry()
    repositories = await work.reader.repositories()
    listed = [await work.reader.listing(repository) for repository in repositories[:1]]
    images = tuple([(source.place.name, await _images(work, source)) for source in work.settings.in_use])
    return RegistryCheck(registry, len(repositories), sum(len(listing.manifests) for listing in listed), images)


async def _images(work: Work, source: InUseSource) -> int | SourceUnreadable:
    try:
        return images_told(await work.sources.read(source))
    except SourceUnreadable as error:
        return error


async def collect_now(work: Work, hands: Hands) -> None:
    """Start a garbage collection, after the end of one that is active, and follow it to its end.

    Raises:
        RunInProgress: a run holds the registry.
        CollectionError: it failed, was cancelled, or outlasted its timeout.
        RemoteError: the provider could not be asked.
    """
    with work.ledger.hold(work.registry):
        await finish_active(work, hands.writer)
        await collect(work, hands, None, None)
