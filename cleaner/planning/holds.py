"""What holds back the condemned manifests of one repository: its share, a source, their notice.

Each is held back by the first of these that speaks, and so is counted once. What waits with something waits for the
same reason: nothing goes before a condemned index that lists it or a condemned subject that it is attached to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from cleaner.figures import clock_time
from cleaner.model.manifest import Digest
from cleaner.model.plan import HoldReason
from cleaner.planning.limits import cleared, over_share
from cleaner.planning.order import latest_above, unhindered
from cleaner.planning.survey import Judged
from cleaner.planning.terms import Terms
from cleaner.retention.uses import Veto
from cleaner.retention.words import say_limit


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a condemned manifest stays for now; `repository` is None where that speaks for all of the registry.

    `goes_at` is when its notice runs out, None where that is not what it waits for.
    """

    repository: str | None
    reason: HoldReason
    detail: str
    goes_at: datetime | None = None


Holds: TypeAlias = Mapping[Digest, Hold]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one repository stands: what could go (condemned, and reviewed where a person did that), and what is held."""

    place: Judged
    candidates: frozenset[Digest]
    holds: Holds

    @property
    def repository(self) -> str:
        """Its name."""
        return self.place.listing.repository

    @property
    def free(self) -> frozenset[Digest]:
        """The candidates that nothing holds back."""
        return self.candidates - self.holds.keys()


def standing(place: Judged, terms: Terms) -> Standing:
    """How a repository stands before any cap."""
    candidates = _candidates(place, terms)
    holds: dict[Digest, Hold] = {}
    for held_by in (_share, _source, _notice):
        holds |= held_by(place, terms, candidates - holds.keys())
    return Standing(place, candidates, holds)


def approved_in(place: Judged, terms: Terms) -> frozenset[Digest]:
    """What a person let through share and cap in this repository."""
    return cleared(place.judgement, terms.approved.get(place.listing.repository, frozenset()))


def goes_at(
    place: Judged, digests: Iterable[Digest], since: Mapping[Digest, datetime], now: datetime
) -> dict[Digest, datetime]:
    """When each of these condemned manifests goes at the earliest: after its notice, and that of what it waits for.

    `since` says since when every look has condemned them; one that it does not name, since now.
    """
    notice = place.policy.notice
    # A look may be later than `now`, where a clock was ahead or with `plan --at`: what it promised is kept.
    moments = {digest: since.get(digest, now) + notice if notice else now for digest in digests}
    return latest_above(moments, place.judgement.families)


def whole_vetoes(terms: Terms) -> tuple[Veto, ...]:
    """The sources that could not be read and speak for all of the registry."""
    return tuple(veto for veto in terms.vetoes if not veto.repositories)


def say_vetoes(vetoes: tuple[Veto, ...]) -> str:
    """Which sources could not be read, and why."""
    return "; ".join(veto.detail for veto in vetoes)


def _candidates(place: Judged, terms: Terms) -> frozenset[Digest]:
    condemned = place.judgement.condemned()
    if terms.only is None:
        return frozenset(condemned)
    reviewed = {digest for digest in condemned if (place.listing.repository, digest) in terms.only}
    return unhindered(reviewed, condemned, place.judgement.families)


def _share(place: Judged, terms: Terms, digests: Set[Digest]) -> Holds:
    """All that nobody approved, where the repository would lose more of that than its share."""
    repository = place.listing.repository
    approved = approved_in(place, terms)
    too_much = None if repository in terms.allowed else over_share(place.judgement, place.policy.limits, approved)
    if too_much is None:
        return {}
    return dict.fromkeys(digests - approved, Hold(repository, HoldReason.SHARE, too_much))


def _source(place: Judged, terms: Terms, digests: Set[Digest]) -> Holds:
    """Everything, where a source that speaks for the repository could not be read (law 6)."""
    repository = place.listing.repository
    if whole := whole_vetoes(terms):
        return dict.fromkeys(digests, Hold(None, HoldReason.SOURCE, say_vetoes(whole)))
    vetoes = tuple(veto for veto in terms.vetoes if veto.covers(repository))
    return dict.fromkeys(digests, Hold(repository, HoldReason.SOURCE, say_vetoes(vetoes))) if vetoes else {}


def _notice(place: Judged, terms: Terms, digests: Set[Digest]) -> Holds:
    """What was not announced for long enough."""
    moments = goes_at(place, digests, terms.since.get(place.listing.repository, {}), terms.now)
    late = {digest: at for digest, at in moments.items() if at > terms.now}
    if not late:
        return {}
    detail = _announced(place, late)
    return {d: Hold(place.listing.repository, HoldReason.NOTICE, detail, at) for d, at in late.items()}


def _announced(place: Judged, late: Mapping[Digest, datetime]) -> str:
    verb = "goes" if len(late) == 1 else "go"
    first, notice = clock_time(min(late.values()), UTC), say_limit(place.policy.notice)
    return f"{len(late):,} {verb} from {first} UTC on, after the notice of {notice}"
