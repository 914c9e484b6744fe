"""The last look before a collection of ours: what is needed of what we deleted is brought back while it can be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleaner.cleaning.inventory import read_contents
from cleaner.cleaning.restore import Return, by_repository, contents_of, standing
from cleaner.cleaning.settle import settle_intents
from cleaner.cleaning.uses import look_at_uses, observe
from cleaner.cleaning.work import Work
from cleaner.docr.restorer import Restorer
from cleaner.errors import CollectionUnsure, CollectionWithheld, ListingIncomplete
from cleaner.ledger.restoring import Which
from cleaner.model import safeguard
from cleaner.model.deletion import Intent
from cleaner.model.event import HeldBackLate
from cleaner.model.manifest import Digest
from cleaner.model.plan import HeldBack, HoldReason
from cleaner.planning.needs import Need, needed
from cleaner.retention.uses import Usage


@dataclass(frozen=True, slots=True)
class _Place:
    """A repository that lost something, or may have: by deletions that have no outcome yet."""

    repository: str
    unsettled: Sequence[Intent]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one repository needed of what it lost, and what came back."""

    back: Return
    needs: Mapping[Digest, Need]


async def last_look(work: Work, restorer: Restorer) -> bool:
    """List once more each repository that lost something since the last collection, and bring back what is needed.

    An index that was pushed since, something attached, or something in use can need what we deleted. Whether a deletion
    without an outcome was carried out is settled by the same listing. Whether anything came back.

    Raises:
        CollectionWithheld: something needed could not be brought back.
        CollectionUnsure: nobody could look whether something was deleted, or is needed.
        RemoteError: the repositories could not be listed.
    """
    unsettled = by_repository(await asyncio.to_thread(work.ledger.unsettled, work.registry))
    lossy = await asyncio.to_thread(work.ledger.lost_from, work.registry)
    if not unsettled and not lossy:
        return False
    usage, known = await look_at_uses(work), await work.reader.repositories()
    found = [
        await _look(work, restorer, _Place(repository, unsettled.get(repository, ())), known, usage)
        for repository in sorted({*unsettled, *lossy})
    ]
    looked = [each for each in found if isinstance(each, _Looked)]
    unseen = [each for each in found if isinstance(each, HeldBack)]
    for held_back in unseen:
        work.tell(HeldBackLate(work.registry, held_back))
    if missing := [problem for each in looked for problem in _problems(each)]:
        raise _withheld(work, missing)
    if unseen:
        raise _unsure(work, unseen)
    return any(each.back.restored for each in looked)


async def _look(
    work: Work, restorer: Restorer, place: _Place, known: Sequence[str], usage: Usage
) -> _Looked | HeldBack | None:
    """Bring back what is needed of what one repository lost; or why nobody can tell what is. None: it lost nothing."""
    repository, seen_at = place.repository, work.now()
    if veto := usage.veto(repository):
        return HeldBack(repository, HoldReason.SOURCE, veto.detail, 0)
    try:
        listing = await standing(work, repository, known)
    except ListingIncomplete as error:
        return HeldBack(repository, HoldReason.LISTING, str(error), 0)
    await settle_intents(work, place.unsettled, listing)
    lost = await asyncio.to_thread(work.ledger.restorable, work.registry, Which(repository=repository))
    if not lost:
        return None
    memory = await observe(work, listing, seen_at)
    contents, unreadable = await read_contents(work, listing.manifests)
    if unreadable:
        return HeldBack(repository, HoldReason.MANIFEST, str(unreadable[min(unreadable)]), 0)
    contents |= await contents_of(work, lost)
    wanted = needed(lost, listing, contents, usage.of(repository), memory, work.now())
    needs = {need.digest: need for need in wanted}
    back = Return.into(work, restorer, listing, contents)
    because = {digest: need.because for digest, need in needs.items()}
    await back.bring([manifest for manifest in lost if manifest.digest in needs], because)
    return _Looked(back, needs)


def _problems(looked: _Looked) -> list[str]:
    """What must have come back and did not; an attachment alone keeps nothing from being pulled."""
    return [
        f"{lost.repository}@{lost.digest} is needed ({looked.needs[lost.digest].because}) and is not back whole: {why}"
        for lost, why in looked.back.failed
        if looked.needs[lost.digest].must
    ]


def _unsure(work: Work, unseen: Sequence[HeldBack]) -> CollectionUnsure:
    return CollectionUnsure(
        f"no garbage collection of {work.registry} is started, for nobody can tell whether something needs what was "
        f"deleted from {unseen[0].repository}{_more(unseen)}: {unseen[0].detail}",
        "what was deleted is remembered; the next run looks again",
    )


def _withheld(work: Work, missing: Sequence[str]) -> CollectionWithheld:
    text = f"no garbage collection of {work.registry} is started: {missing[0]}{_more(missing)}"
    work.tell(safeguard.CollectionWithheld(work.registry, text))
    return CollectionWithheld(text, "push what is missing again, or delete what needs it; the next run looks again")


def _more(what: Sequence[object]) -> str:
    return f" (and {len(what) - 1} more)" if len(what) > 1 else ""
