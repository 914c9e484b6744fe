"""Random surveys: repositories in which some manifests are condemned, under policies with tight limits.

What is condemned is drawn, not judged: the limits are to hold whatever a judge says. But what stays keeps its children
and its attachments, so nothing is condemned below something that is not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import timedelta
from fractions import Fraction

from hypothesis import strategies as st

from cleaner.model.family import Families
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Mode
from cleaner.model.reason import OrphanOld, Undecided
from cleaner.model.verdict import Condemned, Judgement, Kept, Remarks
from cleaner.planning.plan import Terms
from cleaner.planning.survey import Judged, Survey
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.policy import Limits, Policy
from tests.registries import Repository
from tests.worlds import random_registry

Question = tuple[Survey, tuple[Policy, ...], Terms]
"""All that the limits depend on."""

_OLD = OrphanOld(timedelta(2), timedelta(1))


def random_question(rng: random.Random) -> Question:
    """One to four repositories, each under one of three policies."""
    registry = random_registry(rng, scenes=8)
    policies = tuple(_random_policy(rng, name) for name in ("shop/*", "preview/*", "*"))
    judged = tuple(_judged(rng, repository, rng.choice(policies)) for repository in registry.repositories)
    contents = {entry.digest: entry.content for r in registry.repositories for entry in r.entries}
    terms = Terms(
        deletions=rng.choice((1, 2, 3, 5, 8, 13, 1000)),
        modes=rng.choice(((Mode.ENFORCE, Mode.PLAN), (Mode.ENFORCE,))),
        allowed=frozenset(r.name for r in registry.repositories if rng.random() < 0.15),
        veto="a cluster cannot be asked" if rng.random() < 0.05 else None,
    )
    return Survey(registry.name, judged, (), (), contents), policies, terms


def _random_policy(rng: random.Random, repositories: str) -> Policy:
    share = rng.choice((Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(1), Fraction(1)))
    return Policy(
        repositories=(compile_pattern(repositories),),
        keep=(),
        mode=rng.choice((Mode.ENFORCE, Mode.PLAN)),
        limits=Limits(share, deletions=rng.choice((None, 1, 2, 4, 7))),
    )


def _judged(rng: random.Random, repository: Repository, policy: Policy) -> Judged:
    listing = repository.listing()
    families = families_of(repository)
    condemned = _closed_upwards(listing.manifests, families, rng)
    verdicts = {
        m.digest: Condemned(m, (_OLD,)) if m.digest in condemned else Kept(m, (Undecided(),)) for m in listing.manifests
    }
    return Judged(listing, policy, Judgement(listing.repository, verdicts, families, Remarks(frozenset(), (), ())))


def _closed_upwards(manifests: Iterable[Manifest], families: Families, rng: random.Random) -> set[Digest]:
    """Random manifests with a time, without those that have a kept index or subject."""
    likely = rng.choice((0.5, 0.8, 0.95))
    condemned = {m.digest for m in manifests if m.updated_at is not None and rng.random() < likely}
    while spared := {d for d in condemned if any(above not in condemned for above in families.above(d))}:
        condemned -= spared
    return condemned


def families_of(repository: Repository) -> Families:
    """Who lists whom and who is attached to whom, straight from what the manifests are."""
    contents, manifests = repository.contents(), repository.listing().manifests

    def edges(holds: Callable[[Manifest, Manifest], bool]) -> dict[Digest, tuple[Digest, ...]]:
        found = {m.digest: tuple(other.digest for other in manifests if holds(m, other)) for m in manifests}
        return {digest: others for digest, others in found.items() if others}

    def lists(m: Manifest, other: Manifest) -> bool:
        return other.digest in contents[m.digest].children

    def is_attached(m: Manifest, other: Manifest) -> bool:
        return other.digest in (contents[m.digest].subject, *m.named_subjects)

    return Families(
        indexes=edges(lambda m, other: lists(other, m)),
        subjects=edges(is_attached),
        children=edges(lists),
        attachments=edges(lambda m, other: is_attached(other, m)),
        absent={},
    )


questions = st.randoms(use_true_random=False).map(random_question)
"""Hypothesis steers and shrinks the same generator that a seeded `Random` feeds."""
