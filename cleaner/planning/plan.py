"""A registry's survey becomes its plan: what goes, in which order, what holds it back, what it frees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cleaner.figures import some
from cleaner.model.deletion import Gone
from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Plan, Unmanaged, Waiting
from cleaner.model.verdict import Judgement
from cleaner.planning.caps import capped
from cleaner.planning.freed import references, stored_bytes
from cleaner.planning.holds import Standing, say_vetoes, standing, whole_vetoes
from cleaner.planning.order import parents, units
from cleaner.planning.survey import Survey
from cleaner.planning.terms import Terms
from cleaner.planning.warnings import warnings
from cleaner.retention.policy import Policy


def make_plan(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> Plan:
    """The plan for one registry; every number in it adds up (contracts, "JSON")."""
    standings = _standings(survey, policies, terms)
    deletions, waiting = _parted(standings)
    held = (*_unreadable(survey, terms), *_held_back(standings, terms))
    total = sum(len(listing.manifests) for listing in survey.listed())
    return Plan(
        registry=survey.registry,
        manifests=total,
        kept=total - len(deletions) - sum(hold.manifests for hold in held),
        deletions=tuple(deletions),
        held_back=tuple(sorted(held, key=lambda hold: (hold.repository or "", hold.reason))),
        freed=_freed(survey, deletions, terms.uncollected),
        warnings=(*warnings(survey, policies), *_staying(survey, terms, standings)),
        unmanaged=tuple(Unmanaged(li.repository, len(li.manifests), stored_bytes(li)) for li in survey.unmanaged),
        waiting=tuple(waiting),
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


def _standings(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> list[Standing]:
    """How each repository stands that the plan works on, by name."""
    standings: list[Standing] = []
    for mode in terms.modes:  # the cap counts policies in enforce and in plan separately
        places = [place for place in survey.judged if place.policy.mode is mode]
        standings += capped([standing(place, terms) for place in places], policies, terms)
    return sorted(standings, key=lambda each: each.repository)


def _parted(standings: Iterable[Standing]) -> tuple[list[Deletion], list[Waiting]]:
    """What goes and what waits, repository by repository, each in its order of deletion."""
    deletions: list[Deletion] = []
    waiting: list[Waiting] = []
    for each in standings:
        for deletion in deletions_of(each.place.policy.mode, each.place.judgement, sorted(each.candidates)):
            hold = each.holds.get(deletion.manifest.digest)
            if hold is None:
                deletions.append(deletion)
            else:
                waiting.append(Waiting(deletion, hold.reason, hold.goes_at))
    return deletions, waiting


def _held_back(standings: Sequence[Standing], terms: Terms) -> Iterator[HeldBack]:
    """What is held back, counted by reason; a source that could not be read is named in any case."""
    counted = Counter((hold.repository, hold.reason, hold.detail) for each in standings for hold in each.holds.values())
    if whole := whole_vetoes(terms):
        counted[None, HoldReason.SOURCE, say_vetoes(whole)] += 0
    stopped = {repository for repository, reason, _ in counted if repository and reason is HoldReason.SOURCE}
    for veto in terms.vetoes:
        if veto.repositories and not any(veto.covers(repository) for repository in stopped):
            patterns = ", ".join(pattern.text for pattern in veto.repositories)
            counted[None, HoldReason.SOURCE, f"{veto.detail} (it speaks for {patterns})"] += 0
    for (repository, reason, detail), manifests in counted.items():
        yield HeldBack(repository, reason, detail, manifests)


def _unreadable(survey: Survey, terms: Terms) -> Iterator[HeldBack]:
    """The repositories that were not read: each is held back whole, or all of it that a person has reviewed."""
    for place in survey.left_alone:
        digests = place.listing.by_digest() if place.listing else {}
        if place.policy is not None and place.policy.mode not in terms.modes:
            continue
        if terms.only is None:
            yield HeldBack(place.repository, place.reason, place.detail, len(digests))
        elif reviewed := {digest for repository, digest in terms.only if repository == place.repository}:
            yield HeldBack(place.repository, place.reason, place.detail, len(reviewed & digests.keys()))


def _staying(survey: Survey, terms: Terms, standings: Iterable[Standing]) -> Iterator[str]:
    """A warning, where some of what a person has reviewed is no candidate any more; nobody knows of what is unread."""
    reviewed, unread = terms.only or frozenset(), {place.repository for place in survey.left_alone}
    candidates = {(each.repository, digest) for each in standings for digest in each.candidates}
    staying = sum(repository not in unread for repository, _ in reviewed - candidates)
    if staying:
        yield (
            f"{staying} of the {some(len(reviewed), 'reviewed manifest')} stay: not condemned any more, gone already, "
            "under a policy in mode plan, or to go after something that was not reviewed"
        )


def _freed(survey: Survey, deletions: Iterable[Deletion], uncollected: Iterable[Gone]) -> Freed | None:
    known = references(survey.listed(), survey.contents) if survey.read_whole() else None
    if known is None:
        return None
    going = {(deletion.manifest.repository, deletion.manifest.digest) for deletion in deletions}
    return known.freed(going, (blob for gone in uncollected for blob in gone.blobs))
