"""Small words to write a survey with: repositories as they were judged, under policies that keep what is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.plan import Mode, Plan
from cleaner.planning.plan import make_plan
from cleaner.planning.survey import Judged, LeftAlone, Survey
from cleaner.planning.terms import Terms
from cleaner.retention.policy import Limits, Policy
from tests.retention.builders import NOW, Entry, judged, policy, repo, rule, span

PLENTY = Terms(deletions=1000, now=NOW)
"""Terms under which nothing waits."""


def keeping(
    *tags: str, mode: Mode = Mode.ENFORCE, share: str = "1", deletions: int | None = None, notice: str = "0s"
) -> Policy:
    """A policy that keeps the versions with these tags and lets all others go, without limits unless they are said."""
    limits = Limits(share=Fraction(share), keep_at_least=0, deletions=deletions)
    return replace(policy(rule(*tags), delete_unmatched=True), mode=mode, limits=limits, notice=span(notice))


def listed(name: str, *entries: Entry) -> Listing:
    """The listing of a repository of this name."""
    return Listing(name, tuple(replace(entry.manifest, repository=name) for entry in entries))


def place(name: str, by: Policy, *entries: Entry) -> Judged:
    """A repository of this name, judged by a policy."""
    written = repo(*entries)
    repository = replace(written, listing=listed(name, *entries))
    return Judged(repository.listing, by, judged(repository, by).judgement)


def survey(
    *judged: Judged,
    left_alone: Iterable[LeftAlone] = (),
    unmanaged: Iterable[Listing] = (),
    contents: Mapping[Digest, Content] | None = None,
) -> Survey:
    """A survey of a registry with these repositories."""
    return Survey("acme", judged, tuple(left_alone), tuple(unmanaged), contents or {})


def planned(*places: Judged, terms: Terms = PLENTY, left_alone: Iterable[LeftAlone] = ()) -> Plan:
    """The plan for these repositories, under their own policies."""
    policies = tuple({id(each.policy): each.policy for each in places}.values())
    return make_plan(survey(*places, left_alone=left_alone), policies, terms)


def tags(plan: Plan) -> list[str]:
    """Repository and first tag of each deletion, in order."""
    return [f"{d.manifest.repository}:{d.manifest.tags[0]}" for d in plan.deletions]
