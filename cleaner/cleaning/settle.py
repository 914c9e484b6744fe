"""What earlier runs, and others, left behind is settled before anything new is decided (laws 7 and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.restore import by_repository
from cleaner.cleaning.work import Work
from cleaner.docr.pages import nothing_listed
from cleaner.model.collection import CollectionState
from cleaner.model.deletion import Deleted, Failed, Intent
from cleaner.model.listing import Listing

_DAY = timedelta(days=1)


async def catch_up(work: Work, inventory: Inventory) -> None:
    """Resolve open intents by looking, notice collections that ended since the last run, forget what is long gone."""
    open_intents = by_repository(await asyncio.to_thread(work.ledger.unsettled, work.registry))
    for repository, intents in open_intents.items():
        found = inventory.listings.get(repository, nothing_listed(repository))  # else it is gone with all that it held
        if isinstance(found, Listing):
            await settle_intents(work, intents, found)
    await notice_collections(work)
    await _forget(work, inventory)


async def settle_intents(work: Work, intents: Iterable[Intent], listing: Listing) -> None:
    """What a run left without an outcome in a repository: its listing tells whether it was carried out."""
    listed = listing.by_digest()
    for intent in intents:
        outcome = Failed("no answer was seen; it is still listed") if intent.digest in listed else Deleted()
        await asyncio.to_thread(work.ledger.settle, intent, outcome)


async def notice_collections(work: Work) -> None:
    """Whoever started it: a collection that began after a deletion, and succeeded, has collected it.

    One whose end is written down already ended before what was deleted since, whatever the provider's clock says.
    """
    uncollected = await asyncio.to_thread(work.ledger.uncollected, work.registry)
    if not uncollected:
        return
    oldest = min(gone.at for gone in uncollected)
    known = await asyncio.to_thread(work.ledger.ended_collections, work.registry)
    for collection in await work.reader.past_collections():
        began = collection.created_at
        if began is not None and began > oldest and collection.uuid not in known:
            if collection.state is CollectionState.SUCCEEDED and collection.collects_blobs:
                await asyncio.to_thread(work.ledger.collected, work.registry, began)
            if collection.state is not CollectionState.ACTIVE:
                await asyncio.to_thread(work.ledger.collection_ended, work.registry, collection, None)


async def _forget(work: Work, inventory: Inventory) -> None:
    """What was in use before `remember` began, and repositories that have vanished: one faulty list is none yet."""
    before = work.now() - max(work.settings.remember, _DAY)
    await asyncio.to_thread(work.ledger.memory.forget, work.registry, sorted(inventory.listings), before)
