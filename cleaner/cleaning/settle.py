"""What earlier runs, and others, left behind is settled before anything new is decided (laws 7 and 8)."""

from __future__ import annotations

import asyncio

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.work import Work
from cleaner.model.collection import CollectionState
from cleaner.model.deletion import Deleted, Failed
from cleaner.model.listing import Listing


async def catch_up(work: Work, inventory: Inventory) -> None:
    """Resolve open intents by looking, and notice collections that ended since the last run."""
    await _settle_intents(work, inventory)
    await _notice_collections(work)


async def _settle_intents(work: Work, inventory: Inventory) -> None:
    """A run that died left intents without an outcome: the listing tells whether they were carried out."""
    for intent in await asyncio.to_thread(work.ledger.unsettled, work.registry):
        found = inventory.listings.get(intent.repository)
        if found is None or (isinstance(found, Listing) and intent.digest not in found.by_digest()):
            await asyncio.to_thread(work.ledger.settle, intent, Deleted())
        elif isinstance(found, Listing):
            await asyncio.to_thread(work.ledger.settle, intent, Failed("no answer was seen; it is still listed"))
        # Else its repository cannot be listed now: a later run looks.


async def _notice_collections(work: Work) -> None:
    """Whoever started it: a collection that began after a deletion, and succeeded, has collected it."""
    uncollected = await asyncio.to_thread(work.ledger.uncollected, work.registry)
    if not uncollected:
        return
    oldest = min(gone.at for gone in uncollected)
    for collection in await work.reader.past_collections():
        began = collection.created_at
        if began is not None and began > oldest:
            if collection.state is not CollectionState.ACTIVE:
                await asyncio.to_thread(work.ledger.collection_ended, work.registry, collection, None)
            if collection.state is CollectionState.SUCCEEDED and collection.collects_blobs:
                await asyncio.to_thread(work.ledger.collected, work.registry, began)
