"""What earlier runs, and others, left behind is settled before anything new is decided (laws 7 and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete
from cleaner.model.collection import CollectionState
from cleaner.model.deletion import Deleted, Failed
from cleaner.model.listing import Listing

_DAY = timedelta(days=1)


async def catch_up(work: Work, inventory: Inventory) -> None:
    """Resolve open intents by looking, notice collections that ended since the last run, forget what is long gone."""
    await settle_intents(work, inventory.listings)
    await notice_collections(work)
    await _forget(work, inventory)


async def settle_intents(work: Work, listings: Mapping[str, Listing | ListingIncomplete]) -> None:
    """A run that died left intents without an outcome: the listing tells whether they were carried out.

    A repository that is not among `listings` is gone with all that it held.
    """
    for intent in await asyncio.to_thread(work.ledger.unsettled, work.registry):
        found = listings.get(intent.repository)
        if found is None or (isinstance(found, Listing) and intent.digest not in found.by_digest()):
            await asyncio.to_thread(work.ledger.settle, intent, Deleted())
        elif isinstance(found, Listing):
            await asyncio.to_thread(work.ledger.settle, intent, Failed("no answer was seen; it is still listed"))
        # Else its repository cannot be listed now: a later run looks.


async def notice_collections(work: Work) -> None:
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


async def _forget(work: Work, inventory: Inventory) -> None:
    """What was in use before `remember` began, and repositories that have vanished: one faulty list is none yet."""
    before = work.now() - max(work.settings.remember, _DAY)
    await asyncio.to_thread(work.ledger.memory.forget, work.registry, sorted(inventory.listings), before)
