"""The plan and a second reading of the limits, taken from the policy page alone, answer random surveys alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given

from cleaner.model.family import Families
from cleaner.model.manifest import Digest
from cleaner.model.plan import HoldReason, Plan
from cleaner.planning.plan import make_plan
from tests.planning import naive
from tests.planning.worlds import Question, questions, random_question
from tests.scale import scaled


def by_repository(keys: list[naive.Key]) -> dict[str, list[Digest]]:
    found: dict[str, list[Digest]] = {}
    for repository, digest in keys:
        found.setdefault(repository, []).append(digest)
    return found


def going(plan: Plan) -> dict[str, list[Digest]]:
    return by_repository([(d.manifest.repository, d.manifest.digest) for d in plan.deletions])


def held(plan: Plan, reason: HoldReason) -> dict[str, int]:
    return {h.repository: h.manifests for h in plan.held_back if h.reason is reason and h.repository is not None}


def families(question: Question) -> dict[str, Families]:
    return {place.listing.repository: place.judgement.families for place in question[0].judged}


def reached(families: Families, start: Digest) -> set[Digest]:
    """All that is above `start`, over any number of steps."""
    found: set[Digest] = set()
    while more := {above for d in {start} | found for above in families.above(d)} - found:
        found |= more
    return found


def pairs(families: Families) -> list[tuple[Digest, Digest]]:
    """Each index with each of its children, and each subject with each attachment, but for those in one ring."""
    return [
        (above, digest)
        for digest in sorted({*families.indexes, *families.subjects})
        for above in families.above(digest)
        if digest not in reached(families, above)
    ]


def rings(question: Question) -> bool:
    return any(
        digest in reached(p.judgement.families, digest)
        for p in question[0].judged
        for digest in p.judgement.condemned()
    )


def check_what_goes(question: Question) -> None:
    plan = make_plan(*question)
    assert going(plan) == by_repository(naive.goes(*question))
    assert held(plan, HoldReason.SHARE) == naive.left_whole(question[0], question[2])


@given(questions)
def test_the_plan_chooses_and_orders_what_the_naive_limits_do(question: Question) -> None:
    """The same manifests go, in the same order, and the same repositories are left whole."""
    assume(not rings(question))
    check_what_goes(question)


@pytest.mark.parametrize("start", range(0, scaled(500), 100))
def test_the_plan_chooses_and_orders_what_the_naive_limits_do_in_seeded_surveys(start: int) -> None:
    """The same manifests go, in the same order, in five hundred seeded surveys."""
    seeded = [random_question(random.Random(seed)) for seed in range(start, start + 100)]
    compared = [question for question in seeded if not rings(question)]
    assert len(compared) > 50
    for question in compared:
        check_what_goes(question)


@given(questions)
def test_an_index_goes_before_what_it_lists(question: Question) -> None:
    """In every order of deletion, rings included, an index stands before each child that goes as well."""
    for repository, order in going(make_plan(*question)).items():
        for index, children in families(question)[repository].children.items():
            for child in children:
                assert child not in order or index not in order or order.index(index) < order.index(child)


@given(questions)
def test_a_subject_goes_before_what_is_attached_to_it(question: Question) -> None:
    """Where no ring says otherwise, what is above a deletion stands before it; if it waits, so does the deletion."""
    for repository, order in going(make_plan(*question)).items():
        place = {digest: number for number, digest in enumerate(order)}
        for above, digest in pairs(families(question)[repository]):
            assert digest not in place or place[above] < place[digest]


@given(questions)
def test_a_deletion_names_what_must_precede_it(question: Question) -> None:
    """`after` is each index and subject above a deletion that goes as well, and all of them stand before it."""
    plan = make_plan(*question)
    for number, deletion in enumerate(plan.deletions):
        repository, digest = deletion.manifest.repository, deletion.manifest.digest
        before = {d.manifest.digest for d in plan.deletions[:number] if d.manifest.repository == repository}
        above = {above for above, below in pairs(families(question)[repository]) if below == digest}
        assert above <= set(deletion.after) <= before & set(families(question)[repository].above(digest))


@given(questions)
def test_everything_is_kept_or_goes_or_is_held_back(question: Question) -> None:
    """The plan's numbers add up: nothing is counted twice, nothing is forgotten."""
    survey, _, terms = question
    plan = make_plan(*question)
    condemned = sum(len(place.judgement.condemned()) for place in survey.judged if place.policy.mode in terms.modes)
    assert len(plan.deletions) + sum(h.manifests for h in plan.held_back) == condemned
    assert plan.kept + condemned == plan.manifests
