"""Small words to write a survey with: repositories as they were judged, under policies that keep what is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.plan import Mode
from cleaner.planning.survey import Judged, LeftAlone, Survey
from cleaner.retention.policy import Limits, Policy
from tests.retention.builders import Entry, judged, policy, repo, rule


def keeping(*tags: str, mode: Mode = Mode.ENFORCE, share: str = "1", deletions: int | None = None) -> Policy:
    """A policy that keeps the versions with these tags and lets all others go, without a share unless one is said."""
    limits = Limits(share=Fraction(share), keep_at_least=0, deletions=deletions)
    return replace(policy(rule(*tags), delete_unmatched=True), mode=mode, limits=limits)


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
