"""The look before a repository's deletions: nothing collects, a fresh listing, judged again (laws 1, 3, 5, 7)."""

from __future__ import annotations

from dataclasses import dataclass

from cleaner.cleaning.collect import finish_active
from cleaner.cleaning.decide import judge_listing
from cleaner.cleaning.inventory import read_contents
from cleaner.cleaning.orders import Orders
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete
from cleaner.model.listing import Listing
from cleaner.model.plan import HoldReason
from cleaner.model.verdict import Judgement
from cleaner.planning.limits import over_share
from cleaner.planning.survey import Judged


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository's fresh listing, and its judgement as of the start of the run."""

    listing: Listing
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Closed:
    """The repository must be left alone from now on, and why."""

    reason: HoldReason
    detail: str


async def look_again(work: Work, orders: Orders, place: Judged) -> Seen | Closed:
    """Look at a repository once more, and judge it with the run's own `now`.

    Raises:
        CollectionOutlasted: a collection is active and did not end in time.
        RemoteError: the provider could not be asked about one.
    """
    await finish_active(work, orders.writer)
    repository, limits = place.listing.repository, place.policy.limits
    try:
        listing = await work.reader.listing(repository)
    except ListingIncomplete as error:
        return Closed(HoldReason.LISTING, str(error))
    contents, unreadable = await read_contents(work, listing.manifests)
    if unreadable:
        return Closed(HoldReason.MANIFEST, str(unreadable[min(unreadable)]))
    judgement = await judge_listing(work, listing, place.policy, contents, orders.now)
    too_much = None if repository in orders.allowed else over_share(judgement, limits)
    return Closed(HoldReason.SHARE, too_much) if too_much else Seen(listing, judgement)
