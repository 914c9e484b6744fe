"""Undo: what we deleted is put back, as long as no collection has taken its blobs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from cleaner.cleaning.restore import Return, by_repository, contents_of, standing
from cleaner.cleaning.settle import notice_collections, settle_intents
from cleaner.cleaning.work import Work
from cleaner.docr.restorer import Restorer
from cleaner.errors import CollectionOutlasted, ListingIncomplete
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import Collected, Restorable
from cleaner.model.listing import Listing
from cleaner.planning.needs import with_all_below

_BECAUSE = "a person asked for it"


@dataclass(frozen=True, slots=True)
class Undoable:
    """What is asked for: what an undo would put back, and what a collection took for good: nobody pushed it again."""

    restorable: tuple[Restorable, ...]
    collected: tuple[Collected, ...]


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of an undo.

    `restored` have the tags that they carry now; `moved_on` are those of their tags, each with its repository, that
    stood on something else by then. `failed` pairs each manifest that did not come back with the reason.
    """

    restored: tuple[Restorable, ...] = ()
    failed: tuple[tuple[Restorable, str], ...] = ()
    collected: tuple[Collected, ...] = ()
    moved_on: tuple[tuple[str, str], ...] = ()


async def undoable(work: Work, which: Which) -> Undoable:
    """What an undo would put back: what is asked for, and all that we deleted below it; nothing is put back.

    Raises:
        RunInProgress: a run holds the registry.
        CollectionOutlasted: a garbage collection is active: the registry is read-only until it ends.
        RemoteError: the provider could not be asked.
    """
    with work.ledger.hold(work.registry):
        await _insist_on_no_collection(work)
        return await _find(work, which, _Standing(work, await work.reader.repositories()))


async def undo(work: Work, restorer: Restorer, which: Which) -> Undone:
    """Put it back, repository by repository; what one refuses changes nothing for the others.

    Raises:
        RunInProgress: a run holds the registry.
        CollectionOutlasted: a garbage collection is active: the registry is read-only until it ends.
        RemoteError: the provider could not be asked.
    """
    with work.ledger.hold(work.registry):
        await _insist_on_no_collection(work)
        there = _Standing(work, await work.reader.repositories())
        found = await _find(work, which, there)
        undone = Undone(collected=found.collected)
        for repository, manifests in by_repository(found.restorable).items():
            undone = _both(undone, await _put_back(work, restorer, manifests, await there.listing(repository)))
        return undone


@dataclass(slots=True)
class _Standing:
    """What stands in each repository that is asked about: listed once, when it is first asked about."""

    work: Work
    known: Sequence[str]
    found: dict[str, Listing | ListingIncomplete] = field(default_factory=dict)

    async def listing(self, repository: str) -> Listing | ListingIncomplete:
        if repository not in self.found:
            try:
                self.found[repository] = await standing(self.work, repository, self.known)
            except ListingIncomplete as error:
                self.found[repository] = error
        return self.found[repository]


async def _find(work: Work, which: Which, there: _Standing) -> Undoable:
    """What is meant, once it is settled what a run that died has deleted, and what others have collected meanwhile."""
    open_intents = by_repository(await asyncio.to_thread(work.ledger.unsettled, work.registry))
    for repository, intents in open_intents.items():
        if isinstance(listing := await there.listing(repository), Listing):
            await settle_intents(work, intents, listing)
    await notice_collections(work)
    chosen = by_repository(await asyncio.to_thread(work.ledger.restorable, work.registry, which))
    restorable: list[Restorable] = []
    for repository, theirs in chosen.items():
        lost = await asyncio.to_thread(work.ledger.restorable, work.registry, Which(repository=repository))
        restorable += with_all_below(theirs, lost, await contents_of(work, lost))
    collected = await asyncio.to_thread(work.ledger.collected_of, work.registry, which)
    return Undoable(tuple(restorable), tuple([gone for gone in collected if not await _is_there(gone, there)]))


async def _is_there(collected: Collected, there: _Standing) -> bool:
    """Whether somebody pushed it again; where nobody can tell, it counts as gone."""
    listing = await there.listing(collected.repository)
    return isinstance(listing, Listing) and collected.digest in listing.by_digest()


async def _put_back(
    work: Work, restorer: Restorer, manifests: Sequence[Restorable], listing: Listing | ListingIncomplete
) -> Undone:
    """Put back what one repository lost."""
    if isinstance(listing, ListingIncomplete):
        return Undone(failed=tuple((manifest, str(listing)) for manifest in manifests))
    back = Return.into(work, restorer, listing, await contents_of(work, manifests))
    await back.bring(manifests, {manifest.digest: _BECAUSE for manifest in manifests})
    return Undone(tuple(back.restored), tuple(back.failed), moved_on=tuple(back.moved_on))


def _both(first: Undone, second: Undone) -> Undone:
    return Undone(
        first.restored + second.restored,
        first.failed + second.failed,
        first.collected + second.collected,
        first.moved_on + second.moved_on,
    )


async def _insist_on_no_collection(work: Work) -> None:
    active = await work.reader.active_collection()
    if active is not None:
        raise CollectionOutlasted(
            f"garbage collection {active.uuid} of {work.registry} is active, and the registry read-only until it ends",
            "Follow it with `cleaner gc status`, or end it with `cleaner gc cancel`; then undo what it has left",
        )
