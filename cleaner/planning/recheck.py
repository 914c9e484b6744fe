"""The second judgement: of what was planned, only what a fresh listing condemns as well goes (law 1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion
from cleaner.model.verdict import Judgement, Kept
from cleaner.planning.order import unhindered
from cleaner.planning.plan import deletions_of
from cleaner.retention.words import say


@dataclass(frozen=True, slots=True)
class Dropped:
    """A planned deletion that the second judgement does not condemn, and why."""

    deletion: Deletion
    reason: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What both judgements condemn, in order, and what was dropped."""

    deletions: tuple[Deletion, ...]
    dropped: tuple[Dropped, ...]


def confirm(planned: Collection[Deletion], fresh: Judgement) -> Confirmed:
    """Compare the planned deletions of one repository with the judgement of its fresh listing.

    A manifest that now has a condemned index or subject outside the plan waits with it: that one goes first, in
    a later run.
    """
    if not planned:
        return Confirmed((), ())
    condemned = fresh.condemned()
    agreed = unhindered({d.manifest.digest for d in planned} & condemned.keys(), condemned, fresh.families)
    dropped = (d for d in planned if d.manifest.digest not in agreed)
    return Confirmed(
        deletions=deletions_of(next(iter(planned)).mode, fresh, sorted(agreed)),
        dropped=tuple(Dropped(deletion, _why(deletion.manifest.digest, fresh)) for deletion in dropped),
    )


def _why(digest: Digest, fresh: Judgement) -> str:
    verdict = fresh.verdicts.get(digest)
    if verdict is None:
        return "no longer listed: somebody else deleted it"
    if isinstance(verdict, Kept):
        return f"the second judgement keeps it: {'; '.join(say(reason) for reason in verdict.reasons)}"
    return "an index that lists it, or its subject, waits for the next run"
