"""What is there becomes what goes: the pure rooms, asked with what the shell has read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete, SourceUnreadable
from cleaner.in_use.sources import look_at
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.plan import HoldReason, Mode, Plan
from cleaner.model.verdict import Judgement
from cleaner.planning.plan import Terms, make_plan
from cleaner.planning.survey import Judged, LeftAlone, Place, Survey
from cleaner.retention.judge import Case, judge
from cleaner.retention.policy import Policy, policy_for


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan is for: policies in which modes, and which repositories a person lets through the limits.

    `deleted` counts, by repository, what earlier tries of the same run deleted: the caps are for all of them.
    """

    modes: tuple[Mode, ...]
    allowed: frozenset[str]
    deleted: Mapping[str, int] = field(default_factory=dict)


async def decide(work: Work, inventory: Inventory, now: datetime, scope: Scope) -> tuple[Survey, Plan]:
    """Judge every repository as of `now`, and make the plan."""
    places = [await judge_place(work, repository, inventory, now) for repository in inventory.listings]
    survey = Survey(
        registry=work.registry,
        judged=tuple(place for place in places if isinstance(place, Judged)),
        left_alone=tuple(place for place in places if isinstance(place, LeftAlone)),
        unmanaged=tuple(place for place in places if isinstance(place, Listing)),
        contents=inventory.contents,
    )
    terms = Terms(
        deletions=work.settings.deletions,
        modes=scope.modes,
        allowed=scope.allowed,
        veto=await _veto(work),
        uncollected=await asyncio.to_thread(work.ledger.uncollected, work.registry),
        deleted=scope.deleted,
    )
    return survey, make_plan(survey, work.settings.policies, terms)


async def judge_listing(
    work: Work, listing: Listing, policy: Policy, contents: Mapping[Digest, Content], now: datetime
) -> Judgement:
    """One repository's judgement, with what the ledger says we deleted there."""
    gone = await asyncio.to_thread(work.ledger.gone, work.registry, listing.repository)
    case = Case(now=now, deleted={manifest.digest: manifest.children for manifest in gone})
    return judge(listing, contents, policy, work.settings.protections, case)


async def judge_place(work: Work, repository: str, inventory: Inventory, now: datetime) -> Place:
    """One repository of the inventory: judged, left alone for a reason, or under no policy."""
    found = inventory.listings[repository]
    policy = policy_for(repository, work.settings.policies)
    if isinstance(found, ListingIncomplete):
        return LeftAlone(repository, policy, HoldReason.LISTING, str(found))
    if policy is None:
        return found
    unread = [m.digest for m in found.manifests if m.digest not in inventory.contents]
    if unread:
        detail = f"{len(unread)} of its manifests could not be read, the first: {inventory.unreadable[unread[0]]}"
        return LeftAlone(repository, policy, HoldReason.MANIFEST, detail, found)
    return Judged(found, policy, await judge_listing(work, found, policy, inventory.contents, now))


async def _veto(work: Work) -> str | None:
    """Why an in-use source stops every deletion (law 6), None where all could be read."""
    for source in work.settings.in_use:
        try:
            await look_at(source)
        except SourceUnreadable as error:
            return str(error)
    return None
