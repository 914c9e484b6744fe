"""What a person should know about a policy, seen on a registry's content (policy page, "Errors and warnings")."""

from __future__ import annotations

from collections.abc import Iterator

from cleaner.planning.survey import Judged, Survey
from cleaner.retention.policy import Policy
from cleaner.retention.words import safe

_SHOWN = 5


def warnings(survey: Survey, policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """Every warning that the survey gives rise to, in plain words."""
    found: list[str] = []
    for number, policy in enumerate(policies, 1):
        found += _idle_rules(number, policy, [place for place in survey.judged if place.policy is policy])
    for place in survey.judged:
        found += _remarks(place)
    names = (safe(listing.repository) for listing in survey.unmanaged)
    return (*found, *(f"repository {name} is under no policy: nothing in it is touched" for name in names))


def _idle_rules(number: int, policy: Policy, judged: list[Judged]) -> Iterator[str]:
    selecting = {rule for place in judged for rule in place.judgement.remarks.selecting}
    if not judged:
        yield f"policy {number} speaks of no repository that could be judged"
        return
    for rule in policy.keep:
        if rule.number not in selecting:
            patterns = ", ".join(pattern.text for pattern in rule.tags)
            yield f"policy {number}, rule {rule.number} ({safe(patterns)}) selects nothing"


def _remarks(place: Judged) -> Iterator[str]:
    name = safe(place.listing.repository)
    remarks = place.judgement.remarks
    if remarks.unmatched:
        fate = "deletes, if nothing else keeps it" if place.policy.delete_unmatched else "keeps"
        yield f"{name}: no rule selects {_some(remarks.unmatched, 'tag')}, which `unmatched` {fate}"
    if remarks.no_versions:
        yield f"{name}: no version X.Y.Z, and so not kept by its semver rule: {_some(remarks.no_versions, 'tag')}"
    absent = sorted({digest for digests in place.judgement.families.absent.values() for digest in digests})
    if absent:
        yield f"{name}: manifests name {_some(tuple(absent), 'digest')} as child or subject that this repository lacks"


def _some(items: tuple[str, ...], noun: str) -> str:
    shown = ", ".join(safe(item) for item in items[:_SHOWN])
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{len(items)} {noun}{'s' if len(items) > 1 else ''} ({shown}{more})"
