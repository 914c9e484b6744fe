"""What time counts: `updated_at`, or what the ledger has seen of the tags since (policy page, "Age and order")."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cleaner.model.reason import KeepReason, KeptByRule, NoRuleKeeps, NoTime, OrphanKept, OrphanOld, Within, Young
from cleaner.model.use import NOTHING_SEEN, TagMemory
from cleaner.retention.policy import Rule
from tests.retention.builders import (
    NOW,
    Entry,
    attachment_tag,
    case,
    judged,
    manifest,
    policy,
    protections,
    repo,
    rule,
    seen,
    span,
)

NONE_YOUNG_ENOUGH = rule("*", within="1s")


@pytest.mark.parametrize(
    ("memory", "age"),
    [
        pytest.param(NOTHING_SEEN, "100d", id="on the first look, updated_at alone speaks"),
        pytest.param(seen(came={"v1": "3d"}), "3d", id="a retag counts from the look that saw it"),
        pytest.param(seen(came={"v1": "101d"}), "100d", id="a push after the retag counts from the push"),
        pytest.param(seen(came={"v1": "3d", "v1.0": "2d"}), "2d", id="of several tags the last to come"),
        pytest.param(seen(came={"v1": "3d", "main": "2d"}), "3d", id="not a tag that the rule does not select"),
        pytest.param(seen(came={"main": "2d"}), "100d", id="nothing where only such a tag came"),
        pytest.param(seen(came={"v2": "2d"}), "100d", id="not a tag of another manifest"),
        pytest.param(seen(came={"v1": "-1h"}), "0s", id="a moment later than now counts as now"),
        pytest.param(seen(left={"v1": "2d"}), "100d", id="no leaving where it has tags"),
        pytest.param(seen(pointed={"v1": {"v1": "2d"}}), "100d", id="not what a tag pointed to"),
        pytest.param(seen(back={"v1": "2d"}), "2d", id="what was put back was pushed then"),
        pytest.param(seen(back={"v1": "2d"}, came={"v1": "1d"}), "1d", id="a tag that came after that"),
        pytest.param(seen(back={"v2": "2d"}), "100d", id="not the return of another manifest"),
    ],
)
def test_a_rule_counts_from_when_the_tags_that_it_selects_came(memory: TagMemory, age: str) -> None:
    """A member's time is its `updated_at`, or the coming of one of its selected tags, whichever is later."""
    versions = repo(manifest("v1", "v1.0", "main", age="100d"), manifest("v2", age="1d"))
    outcome = judged(versions, policy(rule("v*", within="200d"), rule("main")), at=case(memory=memory))
    by_rule = outcome.reasons("v1")[0]
    assert isinstance(by_rule, KeptByRule)
    assert by_rule.met == (Within(span("200d"), span(age)),)


AGES = {"a": "1d", "b": "2d", "c": "3d", "d": "4d"}
"""Four versions, the newest first."""


@pytest.mark.parametrize(
    ("each", "came", "kept"),
    [
        pytest.param(rule("*", within="36h"), {"d": "1h"}, "ad", id="within: young again by its tag"),
        pytest.param(rule("*", within="36h"), {"d": "36h"}, "a", id="within: strict here too"),
        pytest.param(rule("*", last=2), {"d": "1h"}, "ad", id="last: what was tagged last is the newest"),
        pytest.param(rule("*", last=1), {"d": "1d"}, "ad", id="last: as new as the newest, and ties keep"),
        pytest.param(rule("*", last=1), {"c": "-2h", "d": "-1h"}, "cd", id="last: later than now is now for all"),
        pytest.param(rule("*", calendar={"daily": 1}), {"d": "1h"}, "d", id="calendar: it counts in that day"),
        pytest.param(rule("*", calendar={"daily": 2}), {"d": "47h"}, "ad", id="calendar: the newest of another day"),
        pytest.param(rule("*", last=1, within="36h"), {"d": "2h"}, "d", id="all conditions see the same time"),
        pytest.param(rule("[abc]", last=1), {"d": "1h"}, "a", id="what the rule does not select takes no slot"),
    ],
)
def test_every_condition_counts_from_the_same_time(each: Rule, came: dict[str, str], kept: str) -> None:
    """`within`, `last` and `calendar` over four versions of 1 to 4 days, some of whose tags were put on later."""
    versions = repo(*(manifest(tag, age=age) for tag, age in AGES.items()))
    outcome = judged(versions, policy(each, delete_unmatched=True), at=case(memory=seen(came=came)))
    assert outcome.kept == set(kept)


def test_a_manifest_has_in_each_rule_the_time_of_the_tags_that_this_rule_selects() -> None:
    """One rule finds it new, by the tag that came; another finds it as old as its push."""
    by = policy(rule("stable", within="2d"), rule("sha-*", within="2d"))
    outcome = judged(repo(manifest("sha-1", "stable", age="9d")), by, at=case(memory=seen(came={"sha-1": "1d"})))
    assert outcome.reasons("sha-1") == (KeptByRule(2, ("sha-1",), ("sha-*",), (Within(span("2d"), span("1d")),)),)


def test_with_per_only_the_tags_of_the_group_count() -> None:
    """`per` makes one rule of each value: a tag of one pull request does not make it new in another's."""
    versions = repo(manifest("pr-1", "pr-2", age="9d"), manifest("pr-1-b", age="5d"), manifest("pr-2-b", age="5d"))
    by = policy(rule(r"re:pr-(?P<pr>\d)(-b)?", last=1, per="pr"))
    assert judged(versions, by).kept == {"pr-1-b", "pr-2-b"}
    outcome = judged(versions, by, at=case(memory=seen(came={"pr-1": "1d"})))
    assert outcome.kept == {"pr-1", "pr-2-b"}
    assert [type(reason) for reason in outcome.reasons("pr-1")] == [KeptByRule]


SIGNATURE = attachment_tag("gone", ".sig")


@pytest.mark.parametrize(
    ("entry", "memory", "age"),
    [
        pytest.param(manifest("v1"), seen(came={"v1": "3h"}), "3h", id="a tag came"),
        pytest.param(manifest("v1", "v2"), seen(came={"v2": "3h", "v1": "9h"}), "3h", id="the last of its tags"),
        pytest.param(manifest("v1"), seen(came={"v1": "-3h"}), "0s", id="later than now"),
        pytest.param(manifest(SIGNATURE, name="v1"), seen(came={SIGNATURE: "3h"}), "3h", id="an attachment tag too"),
        pytest.param(manifest(name="v1"), seen(left={"v1": "3h"}), "3h", id="its last tag left"),
        pytest.param(manifest(name="v1"), seen(left={"v1": "-3h"}), "0s", id="it left later than now"),
        pytest.param(manifest(name="v1", age="2h"), seen(left={"v1": "3h"}), "2h", id="pushed since it left"),
        pytest.param(manifest("v1"), seen(back={"v1": "3h"}), "3h", id="it was put back"),
        pytest.param(manifest(name="v1"), seen(back={"v1": "3h"}, left={"v1": "9h"}), "3h", id="put back, untagged"),
        pytest.param(manifest("v1"), seen(back={"v1": "-3h"}), "0s", id="put back later than now"),
    ],
)
def test_grace_counts_from_what_was_seen_last(entry: Entry, memory: TagMemory, age: str) -> None:
    """Whatever tag came onto a manifest, or the last one left it, it is young from then."""
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    kept = judged(repo(entry), by, protections(grace="12h"), case(memory=memory)).reasons("v1")
    assert Young(span(age), span("12h")) in kept


@pytest.mark.parametrize(
    ("entry", "memory"),
    [
        pytest.param(manifest("v1"), seen(left={"v1": "1h"}), id="a leaving, and it has a tag again"),
        pytest.param(manifest("v1"), seen(came={"v2": "1h"}), id="the tag of another"),
        pytest.param(manifest(name="v1"), seen(left={"v2": "1h"}), id="the leaving of another"),
        pytest.param(manifest("v1"), seen(came={"v1": "12h"}), id="exactly as old as grace"),
    ],
)
def test_grace_counts_from_nothing_else(entry: Entry, memory: TagMemory) -> None:
    """What was seen of other manifests, or is over, makes nothing young."""
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    assert judged(repo(entry), by, protections(grace="12h"), case(memory=memory)).gone == {"v1"}


def test_untagged_counts_from_when_the_last_tag_left() -> None:
    """What lost its tag yesterday is kept as long as what was pushed untagged yesterday."""
    orphans = repo(manifest(name="new", age="99d"), manifest(name="old", age="99d"), manifest(name="unseen", age="99d"))
    memory = seen(left={"new": "13d", "old": "14d"})
    outcome = judged(orphans, policy(rule("*"), untagged_within="14d"), at=case(memory=memory))
    assert outcome.reasons("new") == (OrphanKept(span("14d"), span("13d")),)
    assert outcome.reasons("old") == (OrphanOld(span("14d"), span("14d")),)
    assert outcome.reasons("unseen") == (OrphanOld(span("99d"), span("14d")),)


def test_keep_at_least_keeps_what_was_tagged_last() -> None:
    """The newest versions are those by their own time, by whichever tag it came."""
    versions = repo(manifest("a", age="1d"), manifest("b", age="2d"), manifest("c", "d", age="3d"))
    by = policy(NONE_YOUNG_ENOUGH, keep_at_least=1)
    assert judged(versions, by).kept == {"a"}
    assert judged(versions, by, at=case(memory=seen(came={"d": "1h"}))).kept == {"c"}
    assert judged(versions, by, at=case(memory=seen(came={"d": "1d"}))).kept == {"a", "c"}
    assert judged(versions, by, at=case(memory=seen(back={"b": "1h"}))).kept == {"b"}


@pytest.mark.parametrize(("age", "reason"), [(None, NoTime(future=False)), ("-1h", NoTime(future=True))])
def test_without_a_readable_time_it_is_kept_whatever_was_seen(age: str | None, reason: KeepReason) -> None:
    """A moment that was seen is no substitute: what has no `updated_at` stays, and takes no slot (law 4)."""
    memory = seen(came={"x": "1h"}, left={"y": "1h"}, back={"x": "1h"})
    versions = repo(manifest("x", age=age), manifest(name="y", age=age), manifest("a", age="9d"))
    outcome = judged(versions, policy(rule("*", last=1), untagged_within="1d"), at=case(memory=memory))
    assert outcome.reasons("x") == (reason,)
    assert outcome.reasons("y")[0] == reason
    assert outcome.kept == {"x", "y", "a"}


RETAGGED = seen(came={"moved": "3h"})


def test_a_condemned_version_tells_its_own_age_and_the_rules() -> None:
    """It is as old as its last tag; a rule that selects an older one says what it counted."""
    versions = repo(manifest("v1", "moved", age="9d"))
    outcome = judged(versions, policy(rule("v*", within="2d"), rule("*", within="1h")), at=case(memory=RETAGGED))
    missed = ((1, (Within(span("2d"), span("9d")),)), (2, (Within(span("1h"), span("3h")),)))
    assert outcome.reasons("v1") == (NoRuleKeeps(("v1", "moved"), span("3h"), missed),)


def test_what_was_seen_after_an_earlier_now_counts_as_that_now() -> None:
    """Judged as of yesterday, by what was seen today, it is brand-new: never older than it was."""
    yesterday = case(memory=RETAGGED, now=NOW - timedelta(days=1))
    outcome = judged(repo(manifest("moved", age="9d")), policy(NONE_YOUNG_ENOUGH), at=yesterday)
    assert outcome.reasons("moved") == (KeptByRule(1, ("moved",), ("*",), (Within(span("1s"), span("0s")),)),)
