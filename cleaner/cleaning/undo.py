"""Undo: what we deleted is put back, as long as no collection has taken its blobs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

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
    """What is asked for: what an undo would put back, and what a garbage collection has taken already."""

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
        return await _find(work, which, await work.reader.repositories())


async def undo(work: Work, restorer: Restorer, which: Which) -> Undone:
    """Put it back, repository by repository; what one refuses changes nothing for the others.

    Raises:
        RunInProgress: a run holds the registry.
        CollectionOutlasted: a garbage collection is active: the registry is read-only until it ends.
        RemoteError: the provider could not be asked.
    """
    with work.ledger.hold(work.registry):
        await _insist_on_no_collection(work)
        known = await work.reader.repositories()
        found = await _find(work, which, known)
        undone = Undone(collected=found.collected)
        for manifests in by_repository(found.restorable).values():
            undone = _both(undone, await _put_back(work, restorer, manifests, known))
        return undone


async def _find(work: Work, which: Which, known: Sequence[str]) -> Undoable:
    """What is meant, once it is settled what a run that died has deleted, and what others have collected meanwhile."""
    await _settle(work, known)
    await notice_collections(work)
    chosen = by_repository(await asyncio.to_thread(work.ledger.restorable, work.registry, which))
    lost = by_repository(await asyncio.to_thread(work.ledger.restorable, work.registry, Which()))
    restorable: list[Restorable] = []
    for repository, theirs in chosen.items():
        contents = await contents_of(work, lost[repository])
        restorable += with_all_below(theirs, lost[repository], contents)
    collected = await asyncio.to_thread(work.ledger.collected_of, work.registry, which)
    return Undoable(tuple(restorable), collected)


async def _settle(work: Work, known: Sequence[str]) -> None:
    open_intents = await asyncio.to_thread(work.ledger.unsettled, work.registry)
    listings: dict[str, Listing | ListingIncomplete] = {}
    for repository in sorted({intent.repository for intent in open_intents}):
        try:
            listings[repository] = await standing(work, repository, known)
        except ListingIncomplete as error:
            listings[repository] = error
    await settle_intents(work, listings)


async def _put_back(work: Work, restorer: Restorer, manifests: Sequence[Restorable], known: Sequence[str]) -> Undone:
    """Put back what one repository lost."""
    try:
        listing = await standing(work, manifests[0].repository, known)
    except ListingIncomplete as error:
        return Undone(failed=tuple((manifest, str(error)) for manifest in manifests))
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
