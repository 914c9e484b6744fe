"""Random surveys: repositories in which some manifests are condemned, under policies with tight limits.

What is condemned is drawn, not judged: the limits are to hold whatever a judge says. But what stays keeps its children
and its attachments, so nothing is condemned below something that is not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import strategies as st

from cleaner.model.family import Families
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Mode
from cleaner.model.reason import OrphanOld, Undecided
from cleaner.model.verdict import Condemned, Judgement, Kept, Remarks
from cleaner.planning.freed import Reference
from cleaner.planning.survey import Judged, Survey
from cleaner.planning.terms import Terms
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.policy import Limits, Policy
from cleaner.retention.uses import Veto
from tests.registries import Registry, Repository
from tests.worlds import random_registry

Question = tuple[Survey, tuple[Policy, ...], Terms]
"""All that the limits depend on."""

_OLD = OrphanOld(timedelta(2), timedelta(1))
_NOTICES = tuple(timedelta(hours=hours) for hours in (0, 24, 72))


def random_question(rng: random.Random, scenes: int = 8) -> Question:
    """One to four repositories, each with up to `scenes` random scenes, and under one of three policies."""
    registry = random_registry(rng, scenes=scenes)
    policies = tuple(_random_policy(rng, name) for name in ("shop/*", "preview/*", "*"))
    judged = tuple(_judged(rng, repository, rng.choice(policies)) for repository in registry.repositories)
    contents = {entry.digest: entry.content for r in registry.repositories for entry in r.entries}
    return Survey(registry.name, judged, (), (), contents), policies, _random_terms(rng, registry)


def _random_terms(rng: random.Random, registry: Registry) -> Terms:
    digests = {r.name: [entry.digest for entry in r.entries] for r in registry.repositories}
    return Terms(
        deletions=rng.choice((1, 2, 3, 5, 8, 13, 1000)),
        now=registry.now,
        modes=rng.choice(((Mode.ENFORCE, Mode.PLAN), (Mode.ENFORCE,))),
        allowed=frozenset(name for name in digests if rng.random() < 0.15),
        vetoes=tuple(_random_veto(rng, name) for name in ("hub", "edge") if rng.random() < 0.1),
        since={name: _random_since(rng, registry.now, found) for name, found in digests.items() if rng.random() < 0.9},
        approved={name: frozenset(_some(rng, found)) for name, found in digests.items() if rng.random() < 0.3},
        only=_random_review(rng, digests) if rng.random() < 0.2 else None,
    )


def _random_veto(rng: random.Random, source: str) -> Veto:
    patterns = rng.choice(((), ("shop/*",), ("*",), ("preview/*", "api")))
    return Veto(source, "it cannot be asked", tuple(map(compile_pattern, patterns)))


def _random_since(rng: random.Random, now: datetime, digests: Sequence[Digest]) -> dict[Digest, datetime]:
    """Since when they were condemned, at times just as long ago as a notice lasts; some were not, before now."""
    ages = rng.choice(((0, 23, 24, 25, 72, 100), (100, 200), (-1, 24)))
    return {digest: now - timedelta(hours=rng.choice(ages)) for digest in digests if rng.random() < 0.9}


def _random_review(rng: random.Random, digests: Mapping[str, Sequence[Digest]]) -> frozenset[Reference]:
    return frozenset((name, digest) for name, found in digests.items() for digest in _some(rng, found))


def _some(rng: random.Random, digests: Sequence[Digest]) -> list[Digest]:
    """Few of them, or nearly all."""
    likely = rng.choice((0.3, 0.7, 0.95))
    return [digest for digest in digests if rng.random() < likely]


def _random_policy(rng: random.Random, repositories: str) -> Policy:
    share = rng.choice((Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(1), Fraction(1)))
    return Policy(
        repositories=(compile_pattern(repositories),),
        keep=(),
        mode=rng.choice((Mode.ENFORCE, Mode.PLAN)),
        limits=Limits(share, deletions=rng.choice((None, 1, 2, 4, 7))),
        notice=rng.choice(_NOTICES),
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


questions = st.builds(random_question, st.randoms(use_true_random=True), st.sampled_from((1, 2, 4, 8, 8, 8, 8, 8)))
"""Hypothesis chooses the seed, and shrinks the size. Steered draw by draw, half of its examples were like others."""
