"""What is there becomes what goes: the pure rooms, asked with what the shell has read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.uses import look_at_uses, observe
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.plan import HoldReason, Mode, Plan
from cleaner.model.use import TagMemory
from cleaner.model.verdict import Judgement
from cleaner.planning.freed import Reference
from cleaner.planning.plan import make_plan
from cleaner.planning.survey import Judged, LeftAlone, Place, Survey
from cleaner.planning.terms import Terms
from cleaner.retention.judge import Case, judge
from cleaner.retention.policy import Policy, policy_for
from cleaner.retention.uses import Usage, in_use


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan is for: policies in which modes, and which repositories a person lets through the limits.

    `deleted` counts, by repository, what earlier tries of the same run deleted: the caps are for all of them. `only` is
    what a person has reviewed: nothing else goes; None for no restriction. A hypothetical plan is as of another moment
    than it is made at: it counts as no look for a notice.
    """

    modes: tuple[Mode, ...]
    allowed: frozenset[str] = frozenset()
    deleted: Mapping[str, int] = field(default_factory=dict)
    only: frozenset[Reference] | None = None
    hypothetical: bool = False


@dataclass(frozen=True, slots=True)
class Light:
    """In which a listing is judged: as of `now`, with what the ledger knows of its tags, and with what is in use."""

    now: datetime
    memory: TagMemory
    usage: Usage


async def decide(work: Work, inventory: Inventory, now: datetime, scope: Scope) -> tuple[Survey, Plan]:
    """Judge every repository as of `now`, and make the plan."""
    usage = await look_at_uses(work)
    places = [await judge_place(work, repository, inventory, now, usage) for repository in inventory.listings]
    survey = Survey(
        registry=work.registry,
        judged=tuple(place for place in places if isinstance(place, Judged)),
        left_alone=tuple(place for place in places if isinstance(place, LeftAlone)),
        unmanaged=tuple(place for place in places if isinstance(place, Listing)),
        contents=inventory.contents,
    )
    return survey, make_plan(survey, work.settings.policies, await _terms(work, survey, now, usage, scope))


async def _terms(work: Work, survey: Survey, now: datetime, usage: Usage, scope: Scope) -> Terms:
    approvals = await asyncio.to_thread(work.ledger.approvals.approved, work.registry)
    return Terms(
        now=now,
        deletions=work.settings.deletions,
        modes=scope.modes,
        allowed=scope.allowed,
        vetoes=usage.vetoes,
        uncollected=await asyncio.to_thread(work.ledger.uncollected, work.registry),
        deleted=scope.deleted,
        since=await _since(work, survey, now, scope),
        approved={repository: frozenset(digests) for repository, digests in approvals.items()},
        only=scope.only,
    )


async def _since(work: Work, survey: Survey, now: datetime, scope: Scope) -> Mapping[str, Mapping[Digest, datetime]]:
    """Since when each condemned manifest has been so, by repository; this look counts as well, where it is one.

    A look at a repository under no policy condemns nothing there.
    """
    notices, since = work.ledger.notices, dict[str, Mapping[Digest, datetime]]()
    for place in survey.judged:
        repository, text, condemned = place.listing.repository, place.policy.fingerprint, place.judgement.condemned()
        since[repository] = (
            await asyncio.to_thread(notices.since, work.registry, repository, text)
            if scope.hypothetical
            else await asyncio.to_thread(notices.condemned, work.registry, repository, text, condemned, now)
        )
    for listing in () if scope.hypothetical else survey.unmanaged:
        await asyncio.to_thread(notices.spared, work.registry, listing.repository)
    return since


async def judge_listing(
    work: Work, listing: Listing, policy: Policy, contents: Mapping[Digest, Content], light: Light
) -> Judgement:
    """One repository's judgement, with what we deleted there."""
    gone = await asyncio.to_thread(work.ledger.gone, work.registry, listing.repository)
    case = Case(
        now=light.now,
        in_use=in_use(listing, contents, light.usage.of(listing.repository), light.memory),
        deleted={manifest.digest: manifest.children for manifest in gone},
        memory=light.memory,
    )
    return judge(listing, contents, policy, work.settings.protections, case)


async def judge_place(work: Work, repository: str, inventory: Inventory, now: datetime, usage: Usage) -> Place:
    """One repository of the inventory: judged, left alone for a reason, or under no policy.

    What its listing shows of tags is remembered in any case.
    """
    found = inventory.listings[repository]
    policy = policy_for(repository, work.settings.policies)
    if isinstance(found, ListingIncomplete):
        return LeftAlone(repository, policy, HoldReason.LISTING, str(found))
    memory = await observe(work, found, inventory.seen_at)
    if policy is None:
        return found
    unread = [m.digest for m in found.manifests if m.digest not in inventory.contents]
    if unread:
        detail = f"{len(unread)} of its manifests could not be read, the first: {inventory.unreadable[unread[0]]}"
        return LeftAlone(repository, policy, HoldReason.MANIFEST, detail, found)
    judgement = await judge_listing(work, found, policy, inventory.contents, Light(now, memory, usage))
    return Judged(found, policy, judgement)
