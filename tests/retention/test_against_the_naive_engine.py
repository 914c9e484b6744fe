"""The judge and a second engine, written from the policy page alone, answer the same to random questions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings

from cleaner.model.verdict import Judgement, Kept
from cleaner.retention.judge import Case, judge
from cleaner.retention.uses import in_use
from tests.retention.naive import stays
from tests.retention.naive_rules import Question
from tests.retention.worlds import questions, random_question
from tests.scale import scaled


def judged(q: Question) -> Judgement:
    used = in_use(q.listing, q.contents, q.uses, q.memory)
    case = Case(now=q.now, in_use=used, deleted=q.deleted, memory=q.memory)
    return judge(q.listing, q.contents, q.policy, q.protections, case)


def kept(judgement: Judgement) -> frozenset[str]:
    return frozenset(digest for digest, verdict in judgement.verdicts.items() if isinstance(verdict, Kept))


def naively(q: Question) -> frozenset[str]:
    return stays(
        q.listing, q.contents, q.policy, q.protections, now=q.now, uses=q.uses, deleted=q.deleted, memory=q.memory
    )


@settings(max_examples=scaled(150))
@given(questions)
def test_the_judge_keeps_what_the_naive_engine_keeps(q: Question) -> None:
    """Both engines keep the same manifests of any repository under any policy."""
    assert kept(judged(q)) == naively(q)


@pytest.mark.parametrize("start", range(0, scaled(2000), 200))
def test_the_judge_keeps_what_the_naive_engine_keeps_of_seeded_repositories(start: int) -> None:
    """Both engines keep the same manifests of two thousand seeded repositories."""
    for seed in range(start, start + 200):
        q = random_question(random.Random(seed))
        assert kept(judged(q)) == naively(q), f"seed {seed}"


@settings(max_examples=scaled(50))
@given(questions)
def test_the_judge_gives_every_manifest_a_verdict_with_a_reason(q: Question) -> None:
    """No manifest of a listing is without a verdict, no verdict without a reason."""
    verdicts = judged(q).verdicts
    assert set(verdicts) == {manifest.digest for manifest in q.listing.manifests}
    assert all(verdict.reasons for verdict in verdicts.values())
