"""What holds of every judgement, whatever the repository and the policy (design page, laws 1, 2, 4 and 5)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cleaner.model.manifest import Digest
from cleaner.model.reason import AttachedTo, ChildOf, InUse, TagMovedOn, WasInUse
from cleaner.model.use import NOTHING_SEEN, TagMemory
from cleaner.model.verdict import Judgement, Kept
from cleaner.retention.judge import Case, judge
from cleaner.retention.policy import Policy, Protections, Rule
from cleaner.retention.words import say_verdict
from tests.retention.builders import (
    NOW,
    Entry,
    Repo,
    attachment_tag,
    case,
    judged,
    manifest,
    policy,
    protections,
    repo,
    rule,
    seen,
)

NAMES = ["a", "b", "c", "d", "e", "f"]
AGES = st.sampled_from([None, "-1h", "0s", "1h", "1d", "2d", "9d", "40d"])
OTHERS = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
BOOLEANS = st.booleans()
SUBJECTS = st.none() | st.sampled_from([*NAMES, "absent"])
VERSIONS = {
    name: st.lists(st.sampled_from([f"{name}-x", f"1.0.{number}", f"v2.{number}.0"]), max_size=2, unique=True)
    for number, name in enumerate(NAMES)
}


@st.composite
def entries(draw: st.DrawFn, name: str) -> Entry:
    """A manifest with any tags, of any age, that may name any others: rings among them, and itself."""
    versions = draw(VERSIONS[name])
    attachments = [attachment_tag(other) for other in draw(OTHERS)] if draw(BOOLEANS) else []
    return manifest(
        *versions,
        *attachments,
        name=name,
        age=draw(AGES),
        children=draw(OTHERS) if draw(BOOLEANS) else [],
        subject=draw(SUBJECTS),
    )


REPOS = st.tuples(*(entries(name) for name in NAMES)).map(lambda drawn: repo(*drawn))
COUNTS = st.integers(1, 3)
RULES = st.builds(
    rule,
    st.sampled_from(["*", "[ab]-x", "1.*", "v*", "re:(?P<letter>[a-f])-x|.*"]),
    last=st.none() | COUNTS,
    within=st.none() | st.sampled_from(["2h", "2d", "30d"]),
    calendar=st.none() | st.dictionaries(st.sampled_from(["hourly", "daily", "weekly", "yearly"]), COUNTS, min_size=1),
    semver=st.none() | st.dictionaries(st.sampled_from(["majors", "minors", "patches"]), COUNTS, min_size=1),
)
POLICIES = st.builds(
    lambda rules, keep_at_least, untagged_within, delete_unmatched: policy(
        *rules, keep_at_least=keep_at_least, untagged_within=untagged_within, delete_unmatched=delete_unmatched
    ),
    st.lists(RULES, min_size=1, max_size=3),
    st.integers(0, 3),
    st.none() | st.sampled_from(["1h", "2d"]),
    st.booleans(),
)
PROTECTIONS = st.builds(
    protections,
    grace=st.sampled_from(["0s", "2h"]),
    tags=st.lists(st.sampled_from(["a-*", "sha256-*"]), max_size=1),
    digests=st.lists(st.sampled_from(NAMES), max_size=1),
)
SEEN_AGES = st.sampled_from(["-1h", "0s", "1h", "1d", "5d", "40d"])
MEMORIES = st.builds(
    seen,
    came=st.dictionaries(
        st.sampled_from([f"{name}-x" for name in NAMES] + ["1.0.0", "v2.1.0"] + [attachment_tag(n) for n in NAMES]),
        SEEN_AGES,
        max_size=4,
    ),
    left=st.dictionaries(st.sampled_from(NAMES), SEEN_AGES, max_size=3),
)
USES = st.sampled_from(
    [InUse("file", "images.txt"), WasInUse("file", "images.txt", NOW), TagMovedOn("x", "file", "images.txt", NOW)]
)
CASES = st.builds(
    case,
    in_use=st.dictionaries(st.sampled_from(NAMES), USES, max_size=1),
    deleted=st.dictionaries(st.sampled_from(["absent", *NAMES]), OTHERS, max_size=2),
    memory=MEMORIES,
)


def unlimited(by: Policy) -> Policy:
    """The policy without `keep_at_least`, which speaks only where other reasons fall silent."""
    return replace(by, limits=replace(by.limits, keep_at_least=0))


def kept(judgement: Judgement) -> set[Digest]:
    return set(judgement.verdicts) - set(judgement.condemned())


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_whatever_stays_keeps_its_children_and_its_attachments(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """No child and no attachment of a kept manifest goes, at any depth (law 2)."""
    judgement = judged(repository, by, protected, at).judgement
    staying = kept(judgement)
    for digest in staying:
        assert staying.issuperset(judgement.families.below(digest))


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_every_manifest_has_one_verdict_with_reasons(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """Nothing stays or goes without a reason, and each reason can be read and printed."""
    judgement = judged(repository, by, protected, at).judgement
    verdicts = judgement.verdicts
    assert judgement.repository == repository.listing.repository
    assert list(verdicts) == [each.digest for each in repository.listing.manifests]
    assert [verdict.manifest for verdict in verdicts.values()] == list(repository.listing.manifests)
    for verdict in verdicts.values():
        assert verdict.reasons
        assert all(line.isprintable() for line in say_verdict(verdict))


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_a_family_reason_names_something_that_stays(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """Who stays for an index or a subject stays for one that stays itself."""
    judgement = judged(repository, by, protected, at).judgement
    for verdict in judgement.verdicts.values():
        for reason in verdict.reasons:
            match reason:
                case ChildOf(above, _) | AttachedTo(above, _):
                    assert isinstance(judgement.verdicts[above], Kept)
                case _:
                    pass


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_what_is_protected_young_without_a_time_or_in_use_never_goes(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """No policy, and nothing that our ledger deleted, outweighs a protection (laws 1 and 4)."""
    for digest, verdict in judged(repository, by, protected, at).judgement.condemned().items():
        time = verdict.manifest.updated_at
        assert time is not None
        seen = [time, *(at.memory.came.get(tag, time) for tag in verdict.manifest.tags)]
        seen += () if verdict.manifest.tags else [at.memory.left.get(digest, time)]
        # A look may be later than the `now` that is judged by: it counts as now.
        assert all(min(moment, NOW) <= NOW - protected.grace for moment in seen)
        assert digest not in protected.digests
        assert digest not in at.in_use
        assert not any(pattern.matches(tag) for pattern in protected.tags for tag in verdict.manifest.tags)


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_at_least_keep_at_least_versions_stay(repository: Repo, by: Policy, protected: Protections, at: Case) -> None:
    """Of the versions with a time, `keep_at_least` stay, or all where there are fewer (law 5)."""
    staying = kept(judged(repository, by, protected, at).judgement)
    manifests = repository.listing.manifests
    timed = {m.digest for m in manifests if m.is_version and m.updated_at is not None and m.updated_at <= NOW}
    assert len(timed & staying) >= min(by.limits.keep_at_least, len(timed))


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_a_dependent_goes_only_with_all_that_is_above_it(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """What goes, version or not, leaves no index and no subject behind that stays (law 10 can be kept)."""
    judgement = judged(repository, by, protected, at).judgement
    condemned = judgement.condemned()
    for digest in condemned:
        assert condemned.keys() >= set(judgement.families.above(digest))


@given(REPOS, POLICIES, RULES, PROTECTIONS, CASES)
def test_one_rule_more_never_condemns_more(
    repository: Repo, by: Policy, more: Rule, protected: Protections, at: Case
) -> None:
    """Rules only keep. Only `unmatched: keep` and `keep_at_least` fall silent where a rule speaks."""
    by = replace(unlimited(by), delete_unmatched=True)
    with_more = replace(by, keep=(*by.keep, replace(more, number=len(by.keep) + 1)))
    before = judged(repository, by, protected, at)
    assert judged(repository, with_more, protected, at).kept >= before.kept


@given(REPOS, POLICIES, PROTECTIONS, CASES, st.sampled_from(NAMES))
def test_one_protection_more_never_condemns_more(
    repository: Repo, by: Policy, protected: Protections, at: Case, name: str
) -> None:
    """Where something more is in use, at least as much stays, and that with it."""
    more = replace(at, in_use={**at.in_use, **case(in_use={name: InUse("file", "more.txt")}).in_use})
    before = judged(repository, unlimited(by), protected, at).kept
    assert judged(repository, unlimited(by), protected, more).kept >= before | {name}


def later_of(memory: TagMemory, other: TagMemory) -> TagMemory:
    """What either of them has seen, of two moments the later."""
    return TagMemory(
        came={tag: max(m.came[tag] for m in (memory, other) if tag in m.came) for tag in {**memory.came, **other.came}},
        left={d: max(m.left[d] for m in (memory, other) if d in m.left) for d in {**memory.left, **other.left}},
        pointed={},
    )


def without_ranks(by: Policy) -> Policy:
    """The policy without what weighs one manifest's age against another's: `last`, `calendar`, `keep_at_least`."""
    return replace(unlimited(by), keep=tuple(replace(each, last=None, calendar={}) for each in by.keep))


@given(REPOS, POLICIES, PROTECTIONS, CASES, MEMORIES)
def test_what_was_seen_more_or_later_never_condemns_more(
    repository: Repo, by: Policy, protected: Protections, at: Case, more: TagMemory
) -> None:
    """To grace, `within` and `untagged` a manifest gets only younger by it."""
    later = replace(at, memory=later_of(at.memory, more))
    by = without_ranks(by)
    assert judged(repository, by, protected, later).kept >= judged(repository, by, protected, at).kept


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_what_was_seen_before_the_last_push_plays_no_part(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """Where `updated_at` is the later, everything is judged as on the first look."""
    long_ago = NOW - timedelta(days=400)
    earlier = TagMemory(dict.fromkeys(at.memory.came, long_ago), dict.fromkeys(at.memory.left, long_ago), {})
    first_look = replace(at, memory=NOTHING_SEEN)
    assert judged(repository, by, protected, replace(at, memory=earlier)) == judged(
        repository, by, protected, first_look
    )


@given(REPOS, POLICIES, PROTECTIONS, CASES, st.integers(0, 100))
def test_an_earlier_now_never_condemns_more(
    repository: Repo, by: Policy, protected: Protections, at: Case, days: int
) -> None:
    """Where nothing is pushed or tagged, time only lets go: what stays at a later moment stays at an earlier one."""
    later = replace(at, now=NOW + timedelta(days=days) + timedelta(hours=1))
    earlier = replace(at, now=NOW + timedelta(hours=1))
    assert (
        judged(repository, unlimited(by), protected, earlier).kept
        >= judged(repository, unlimited(by), protected, later).kept
    )


@given(REPOS, POLICIES, PROTECTIONS, CASES, st.randoms(use_true_random=False))
def test_the_order_of_the_listing_plays_no_part(
    repository: Repo, by: Policy, protected: Protections, at: Case, shuffler: random.Random
) -> None:
    """The same manifests in another order get the same verdicts, for the same reasons."""
    manifests = list(repository.listing.manifests)
    shuffler.shuffle(manifests)
    shuffled = replace(repository.listing, manifests=tuple(manifests))
    assert judge(shuffled, repository.contents, by, protected, at) == judged(repository, by, protected, at).judgement


@given(REPOS, POLICIES, PROTECTIONS, CASES)
def test_judging_changes_nothing_that_it_is_given(
    repository: Repo, by: Policy, protected: Protections, at: Case
) -> None:
    """The arguments are the same before and after, and so are two judgements of them."""
    before = repr((repository, by, protected, at))
    first = judged(repository, by, protected, at)
    assert judged(repository, by, protected, at) == first
    assert repr((repository, by, protected, at)) == before
