"""The look before a repository's deletions: nothing collects, a fresh listing, judged again (laws 1, 3, 5, 6, 7)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cleaner.cleaning.collect import finish_active
from cleaner.cleaning.decide import Light, judge_listing
from cleaner.cleaning.inventory import read_contents
from cleaner.cleaning.orders import Aftermath, Orders
from cleaner.cleaning.uses import look_at_uses, observe
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest
from cleaner.model.plan import HoldReason
from cleaner.model.verdict import Judgement
from cleaner.planning.limits import cleared, over_share
from cleaner.planning.survey import Judged
from cleaner.retention.uses import Usage


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository's fresh listing, and its judgement as of the start of the run.

    `over_share` says how it would lose more than its share by now, None where it would not: then only `approved` goes,
    which a person let through.
    """

    listing: Listing
    judgement: Judgement
    approved: frozenset[Digest]
    over_share: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The repository must be left alone from now on, and why."""

    reason: HoldReason
    detail: str


async def look_again(work: Work, orders: Orders, place: Judged, aftermath: Aftermath) -> Seen | Closed:
    """Look at a repository once more, and judge it with the run's own `now`; what that keeps loses its notice.

    Raises:
        CollectionOutlasted: a collection is active and did not end in time.
        RemoteError: the provider could not be asked about one.
    """
    await finish_active(work, orders.hands.writer)
    repository, usage = place.listing.repository, await _fresh_uses(work, aftermath)
    if veto := usage.veto(repository):
        return Closed(HoldReason.SOURCE, veto.detail)
    seen_at = work.now()
    try:
        listing = await work.reader.listing(repository)
    except ListingIncomplete as error:
        return Closed(HoldReason.LISTING, str(error))
    memory = await observe(work, listing, seen_at)
    contents, unreadable = await read_contents(work, listing.manifests)
    if unreadable:
        return Closed(HoldReason.MANIFEST, str(unreadable[min(unreadable)]))
    judgement = await judge_listing(work, listing, place.policy, contents, Light(orders.now, memory, usage))
    await asyncio.to_thread(work.ledger.notices.spared, work.registry, repository, judgement.condemned().keys())
    if repository in orders.mandate.allowed:
        return Seen(listing, judgement, frozenset(), None)
    approvals = await asyncio.to_thread(work.ledger.approvals.approved, work.registry)
    approved = cleared(judgement, frozenset(approvals.get(repository, {})))
    return Seen(listing, judgement, approved, over_share(judgement, place.policy.limits, approved))


async def _fresh_uses(work: Work, aftermath: Aftermath) -> Usage:
    """What is in use, asked after the plan was made, and so lately that deletions may rely on it for a while."""
    now = asyncio.get_running_loop().time()
    if aftermath.usage is None or now >= aftermath.asked + work.settings.recheck.total_seconds() / 2:
        aftermath.usage, aftermath.asked = await look_at_uses(work), now
    return aftermath.usage
