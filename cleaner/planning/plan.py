"""A registry's survey becomes its plan: what goes, in which order, what holds it back, what it frees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cleaner.model.deletion import Gone
from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Plan, Unmanaged
from cleaner.model.verdict import Judgement
from cleaner.planning.freed import references, stored_bytes
from cleaner.planning.limits import Queue, over_share, within_caps
from cleaner.planning.order import parents, units
from cleaner.planning.survey import Judged, Survey
from cleaner.planning.warnings import warnings
from cleaner.retention.policy import Policy, policy_for

_REGISTRY_CAP = "limits.deletions"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan obeys beside the policies.

    `modes` are the modes whose policies it works on, `deletions` is the registry's cap, `allowed` the repositories
    that a person lets through share and cap, `veto` why an in-use source stops everything (law 6), `uncollected`
    what was deleted before and not collected yet. `deleted` counts, by repository, what earlier tries of the same run
    deleted: the caps are for all tries together.
    """

    deletions: int
    modes: tuple[Mode, ...] = (Mode.ENFORCE, Mode.PLAN)
    allowed: frozenset[str] = frozenset()
    veto: str | None = None
    uncollected: tuple[Gone, ...] = ()
    deleted: Mapping[str, int] = field(default_factory=dict)


def make_plan(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> Plan:
    """The plan for one registry; every number in it adds up (contracts, "JSON")."""
    deletions, held = _chosen(survey, policies, terms)
    total = sum(len(listing.manifests) for listing in survey.listed())
    return Plan(
        registry=survey.registry,
        manifests=total,
        kept=total - len(deletions) - sum(hold.manifests for hold in held),
        deletions=tuple(sorted(deletions, key=lambda deletion: deletion.manifest.repository)),
        held_back=tuple(sorted(held, key=lambda hold: (hold.repository or "", hold.reason))),
        freed=_freed(survey, deletions, terms.uncollected),
        warnings=warnings(survey, policies),
        unmanaged=tuple(Unmanaged(li.repository, len(li.manifests), stored_bytes(li)) for li in survey.unmanaged),
    )


def deletions_of(mode: Mode, judgement: Judgement, condemned: Iterable[Digest]) -> tuple[Deletion, ...]:
    """These condemned manifests of one repository as deletions, in the order in which they must go."""
    verdicts = judgement.condemned()
    manifests = {digest: verdicts[digest].manifest for digest in condemned}
    order = [digest for unit in units(manifests, judgement.families) for digest in unit.manifests]
    place = {digest: number for number, digest in enumerate(order)}
    return tuple(
        Deletion(
            manifest=manifests[digest],
            mode=mode,
            reasons=verdicts[digest].reasons,
            after=tuple(d for d in parents(digest, manifests, judgement.families) if place[d] < place[digest]),
            children=judgement.families.children.get(digest, ()),
        )
        for digest in order
    )


def _chosen(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> tuple[list[Deletion], list[HeldBack]]:
    """What goes and what is held back, by what cannot be read, by the share, by the cap, by a veto."""
    held = [*_unreadable(survey, terms), *_over_share(survey, terms)]
    whole = {hold.repository for hold in held}
    judged = [place for place in survey.judged if place.listing.repository not in whole]
    deletions: list[Deletion] = []
    waiting: list[HeldBack] = []
    for mode in terms.modes:  # the cap counts policies in enforce and in plan separately
        going, late = _within_caps([place for place in judged if place.policy.mode is mode], policies, terms)
        deletions += going
        waiting += late
    if terms.veto is not None:
        stopped = len(deletions) + sum(hold.manifests for hold in waiting)
        return [], [*held, HeldBack(None, HoldReason.SOURCE, terms.veto, stopped)]
    return deletions, held + waiting


def _unreadable(survey: Survey, terms: Terms) -> list[HeldBack]:
    return [
        HeldBack(place.repository, place.reason, place.detail, len(place.listing.manifests) if place.listing else 0)
        for place in survey.left_alone
        if place.policy is None or place.policy.mode in terms.modes
    ]


def _over_share(survey: Survey, terms: Terms) -> list[HeldBack]:
    held = []
    for place in survey.judged:
        repository = place.listing.repository
        if place.policy.mode in terms.modes and repository not in terms.allowed:
            detail = over_share(place.judgement, place.policy.limits)
            if detail is not None:
                held.append(HeldBack(repository, HoldReason.SHARE, detail, len(place.judgement.condemned())))
    return held


def _within_caps(
    judged: Sequence[Judged], policies: tuple[Policy, ...], terms: Terms
) -> tuple[list[Deletion], list[HeldBack]]:
    """What the caps let through of these repositories, and what waits for the next run."""
    queues = {place.listing.repository: _queue(place, policies, terms) for place in judged}
    caps = {_cap_of(number): policy.limits.deletions for number, policy in enumerate(policies, 1)}
    limited = {_REGISTRY_CAP: terms.deletions, **{name: cap for name, cap in caps.items() if cap is not None}}
    granted = within_caps(queues, limited, _used(policies, terms))
    deletions: list[Deletion] = []
    held: list[HeldBack] = []
    for place in judged:
        repository = place.listing.repository
        going = [digest for unit in granted[repository] for digest in unit.manifests]
        deletions += deletions_of(place.policy.mode, place.judgement, going)
        late = len(place.judgement.condemned()) - len(going)
        if late:
            detail = f"past {' or '.join(queues[repository].caps)} in this run; the rest waits for the next"
            held.append(HeldBack(repository, HoldReason.CAP, detail, late))
    return deletions, held


def _used(policies: tuple[Policy, ...], terms: Terms) -> Counter[str]:
    """What earlier tries of the run have used up of each cap."""
    used = Counter[str]()
    for repository, manifests in terms.deleted.items():
        policy = policy_for(repository, policies)
        if policy is not None and repository not in terms.allowed:
            for cap in _caps(policy, policies):
                used[cap] += manifests
    return used


def _caps(policy: Policy, policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """The caps that deletions under a policy count in."""
    number = next(number for number, each in enumerate(policies, 1) if each is policy)
    own = (_cap_of(number),) if policy.limits.deletions is not None else ()
    return (*own, _REGISTRY_CAP)


def _queue(place: Judged, policies: tuple[Policy, ...], terms: Terms) -> Queue:
    condemned = {digest: verdict.manifest for digest, verdict in place.judgement.condemned().items()}
    ordered = units(condemned, place.judgement.families)
    if place.listing.repository in terms.allowed:
        return Queue(ordered, ())
    return Queue(ordered, _caps(place.policy, policies))


def _cap_of(policy_number: int) -> str:
    return f"policies[{policy_number - 1}].limits.deletions"


def _freed(survey: Survey, deletions: Iterable[Deletion], uncollected: Iterable[Gone]) -> Freed | None:
    known = references(survey.listed(), survey.contents) if survey.read_whole() else None
    if known is None:
        return None
    going = {(deletion.manifest.repository, deletion.manifest.digest) for deletion in deletions}
    return known.freed(going, (blob for gone in uncollected for blob in gone.blobs))
