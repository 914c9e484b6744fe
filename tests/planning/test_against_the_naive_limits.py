"""The plan and a second reading of the limits, taken from the policy page alone, answer random surveys alike."""

from __future__ import annotations

import random
from collections import Counter

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


def waiting(plan: Plan) -> dict[naive.Key, naive.Wait]:
    return {(w.deletion.manifest.repository, w.deletion.manifest.digest): (w.reason, w.goes_at) for w in plan.waiting}


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
    assert waiting(plan) == naive.waits(*question)


@given(questions)
def test_the_plan_chooses_and_orders_what_the_naive_limits_do(question: Question) -> None:
    """The same manifests go, in the same order, and the others wait for the same reason as long."""
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
    gone = [(d.manifest.repository, d.manifest.digest) for d in plan.deletions]
    condemned = {key for p in survey.judged if p.policy.mode in terms.modes for key in naive.condemned(p)}
    assert len(gone) + len(waiting(plan)) == len(gone) + len(plan.waiting) == len({*gone, *waiting(plan)})
    assert {*gone, *waiting(plan)} <= condemned
    assert terms.only is not None or {*gone, *waiting(plan)} == condemned
    assert sum(held.manifests for held in plan.held_back) == len(plan.waiting)
    assert plan.kept + len(plan.deletions) + sum(held.manifests for held in plan.held_back) == plan.manifests


@given(questions)
def test_each_count_is_that_of_what_waits(question: Question) -> None:
    """What `held_back` counts by repository and reason is listed in `waiting`, in order of deletion."""
    plan = make_plan(*question)
    whole = {HoldReason.SOURCE for veto in question[2].vetoes if not veto.repositories}
    waits = [(None if w.reason in whole else w.deletion.manifest.repository, w.reason) for w in plan.waiting]
    counts = Counter[tuple[str | None, HoldReason]]()
    for held in plan.held_back:
        counts[held.repository, held.reason] += held.manifests
    assert Counter(waits) == counts
    assert [w.deletion.manifest.repository for w in plan.waiting] == sorted(
        repository for repository, _ in waiting(plan)
    )


@given(questions)
def test_nothing_goes_before_what_must_precede_it(question: Question) -> None:
    """Whatever holds a condemned manifest back holds back all below it; in a ring a cap may part what stands alone."""
    plan = make_plan(*question)
    for place in question[0].judged:
        gone = {key for key in naive.condemned(place) if key[1] in going(plan).get(key[0], ())}
        for key in gone:
            direct = {(key[0], above) for above in place.judgement.families.above(key[1])} & naive.condemned(
                place
            ).keys()
            assert all(upper in gone or key in naive.above(place, upper) for upper in direct)


@given(questions)
def test_nothing_goes_before_its_notice(question: Question) -> None:
    """Not by approval, not by being let through: a look at least so long ago condemned it."""
    survey, _, terms = question
    notices = {place.listing.repository: place.policy.notice for place in survey.judged}
    for deletion in make_plan(*question).deletions:
        repository, digest = deletion.manifest.repository, deletion.manifest.digest
        since = terms.since.get(repository, {}).get(digest, terms.now)
        assert not notices[repository] or since + notices[repository] <= terms.now


@given(questions)
def test_nothing_goes_that_a_person_has_not_reviewed(question: Question) -> None:
    """Where a person has reviewed a plan, all else counts as kept."""
    terms, plan = question[2], make_plan(*question)
    touched = {*waiting(plan), *((d.manifest.repository, d.manifest.digest) for d in plan.deletions)}
    assert terms.only is None or touched <= terms.only


@given(questions)
def test_nothing_goes_where_a_source_that_speaks_for_it_cannot_be_read(question: Question) -> None:
    """An unread source stops its repositories, and those alone (law 6)."""
    survey, _, terms = question
    stopped = {p.listing.repository for p in survey.judged if any(v.covers(p.listing.repository) for v in terms.vetoes)}
    plan = make_plan(*question)
    assert not stopped & going(plan).keys()
    assert {w.deletion.manifest.repository for w in plan.waiting if w.reason is HoldReason.SOURCE} <= stopped


@given(questions)
def test_a_repository_loses_no_more_than_its_share_but_for_what_a_person_let_through(question: Question) -> None:
    """What nobody approved meets the share by itself, whatever else goes (law 5)."""
    survey, _, terms = question
    plan = make_plan(*question)
    for place in survey.judged:
        name, limits = place.listing.repository, place.policy.limits
        lost = [d for d in going(plan).get(name, ()) if not naive.is_approved(place, (name, d), terms)]
        assert name in terms.allowed or len(lost) <= limits.share * len(place.listing.manifests)


@given(questions)
def test_no_policy_goes_past_the_cap_but_for_the_first_and_what_a_person_let_through(question: Question) -> None:
    """What a cap counts is within it, or is one version with all that goes with it."""
    survey, _, terms = question
    plan = make_plan(*question)
    for mode in terms.modes:
        places = [p for p in survey.judged if p.policy.mode is mode and p.listing.repository not in terms.allowed]
        counted = [
            manifest
            for place in places
            for key, manifest in naive.condemned(place).items()
            if key[1] in going(plan).get(key[0], ()) and not naive.is_approved(place, key, terms)
        ]
        assert len(counted) <= terms.deletions or sum(manifest.is_version for manifest in counted) <= 1
