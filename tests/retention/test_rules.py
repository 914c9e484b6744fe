"""Rules: what they select, and how their conditions are put together (policy page, "Rules")."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cleaner.model.reason import KeptByRule, Last, NoRuleKeeps, Within
from cleaner.retention.policy import Rule
from tests.retention.builders import NOTHING, attachment_tag, judged, manifest, policy, repo, rule, span

AGES = {"a": "1d", "b": "2d", "c": "3d", "d": "4d"}
"""Four versions, the newest first."""


@pytest.mark.parametrize(
    ("each", "kept"),
    [
        pytest.param(rule("*"), "abcd", id="a rule without a condition keeps all its members"),
        pytest.param(rule("a", "c"), "ac", id="one of several patterns is enough"),
        pytest.param(rule("*", exclude=["b"]), "acd", id="except takes tags away"),
        pytest.param(rule("*", last=2), "ab", id="last keeps the newest"),
        pytest.param(rule("*", last=9), "abcd", id="last keeps all where there are fewer"),
        pytest.param(rule("[bcd]", last=2), "bc", id="last counts the members of its rule alone"),
        pytest.param(rule("*", within="3d"), "ab", id="within is strict: exactly as old is too old"),
        pytest.param(rule("*", within="73h"), "abc", id="within keeps what is younger"),
        pytest.param(
            rule("*", last=3, within="3d"), "ab", id="conditions of one rule are joined by AND: within decides"
        ),
        pytest.param(rule("*", last=1, within="3d"), "a", id="conditions of one rule are joined by AND: last decides"),
        pytest.param(
            rule("[cd]", last=1, within="3d"), "", id="each condition sees all members: the newest is too old"
        ),
    ],
)
def test_a_rule_keeps_what_it_says(each: Rule, kept: str) -> None:
    """One rule over four versions that are 1, 2, 3 and 4 days old."""
    versions = repo(*(manifest(tag, age=age) for tag, age in AGES.items()))
    assert judged(versions, policy(each, delete_unmatched=True)).kept == set(kept)


def test_rules_are_joined_by_or() -> None:
    """What one rule keeps stays, whatever another one says."""
    versions = repo(*(manifest(tag, age=age) for tag, age in AGES.items()))
    assert judged(versions, policy(rule("*", last=1), rule("d"), rule("*", within="1s"))).kept == {"a", "d"}


def test_keep_n_is_not_counted_among_what_age_condemned() -> None:
    """`last` counts all the members, not only those that `within` would let go (acr-cli 644)."""
    versions = repo(*(manifest(tag, age=age) for tag, age in AGES.items()))
    assert judged(versions, policy(rule("*", last=2), rule("*", within="36h"))).kept == {"a", "b"}


def test_ties_with_the_last_one_are_kept() -> None:
    """What is exactly as new as the last one kept is kept too: equal times never delete at random (harbor 10555)."""
    versions = repo(
        manifest("a", age="1d"),
        manifest("b", age="2d"),
        manifest("c", age="2d"),
        manifest("d", age="2d"),
        manifest("e"),
    )
    assert judged(versions, policy(rule("*", last=2))).kept == {"a", "b", "c", "d"}
    assert judged(versions, policy(rule("*", last=1))).kept == {"a"}


def test_a_digest_with_two_tags_stays_for_either() -> None:
    """Any kept tag keeps the manifest; the other goes on living with it (harbor 2663, 6994, 8717)."""
    versions = repo(manifest("v1", "pr-1"), manifest("pr-2"))
    assert judged(versions, policy(rule("v*"), rule("pr-*", within="1d"))).kept == {"v1"}


def test_a_digest_with_two_tags_is_one_member() -> None:
    """Members are manifests, each counted once: two tags take one slot of `last`."""
    versions = repo(manifest("v1", "v1.0", age="1d"), manifest("v2", age="2d"), manifest("v3", age="3d"))
    assert judged(versions, policy(rule("v*", last=2))).kept == {"v1", "v2"}


def test_except_takes_tags_away_and_never_manifests() -> None:
    """A manifest with an excepted tag is still a member by its other tag."""
    versions = repo(manifest("v1", "latest", age="1d"), manifest("latest-2", age="2d"))
    outcome = judged(versions, policy(rule("*", exclude=["latest*"]), delete_unmatched=True))
    assert outcome.kept == {"v1"}


def test_what_is_kept_for_other_reasons_fills_slots() -> None:
    """A version that another rule keeps takes its slot of `last` all the same."""
    versions = repo(manifest("main", age="1d"), manifest("a", age="2d"), manifest("b", age="3d"))
    assert judged(versions, policy(rule("main"), rule("*", last=2))).kept == {"main", "a"}


@pytest.mark.parametrize("age", [None, "-1h"])
def test_what_has_no_time_takes_no_slot(age: str | None) -> None:
    """Without a readable time, or with one in the future, a manifest stays and leaves the slots to others."""
    versions = repo(manifest("x", age=age), manifest("v1", age="1d"), manifest("v2", age="2d"))
    for each in (rule("*", last=1), rule("*", calendar={"yearly": 1})):
        assert judged(versions, policy(each)).kept == {"x", "v1"}


@pytest.mark.parametrize("age", [None, "-1h"])
def test_what_has_no_time_takes_no_slot_of_versions(age: str | None) -> None:
    """The highest version, where it has no time, leaves its slot of `semver` to the next."""
    versions = repo(manifest("3.0.0", age=age), manifest("2.0.0"), manifest("1.0.0"))
    assert judged(versions, policy(rule("*", semver={"majors": 1}))).kept == {"3.0.0", "2.0.0"}


def test_untagged_manifests_never_take_slots() -> None:
    """Children of indexes are no versions: "keep 2" is two builds, whole (docr-image-remove)."""
    builds = [
        (
            manifest(f"v{n}", age=f"{n}d", children=[f"amd{n}", f"arm{n}"]),
            manifest(name=f"amd{n}", age=f"{n}d"),
            manifest(name=f"arm{n}", age=f"{n}d"),
        )
        for n in range(1, 5)
    ]
    outcome = judged(repo(*(each for build in builds for each in build)), policy(rule("*", last=2)))
    assert outcome.kept == {"v1", "amd1", "arm1", "v2", "amd2", "arm2"}


def test_attachment_tags_are_never_matched_and_never_counted() -> None:
    """`*` selects no signature, and a signature takes no slot."""
    signature = attachment_tag("v1", ".sig")
    signed = repo(manifest("v1", age="2d"), manifest(signature, age="1d"), manifest("v0", age="3d"))
    assert judged(signed, policy(rule("*", last=1))).kept == {"v1", signature}
    assert judged(signed, policy(rule("sha256-*"), delete_unmatched=True)).kept == set()


def test_a_version_with_a_tag_that_no_rule_selects_is_kept() -> None:
    """A tag that nobody speaks of keeps its version, though rules let its other tag go."""
    versions = repo(manifest("pr-1"), manifest("pr-2", "demo"), manifest("demo-2"))
    rules = rule("pr-*", within="1d")
    assert judged(versions, policy(rules)).kept == {"pr-2", "demo-2"}
    assert judged(versions, policy(rules, delete_unmatched=True)).kept == set()


def test_a_rule_that_selects_nothing_keeps_nothing() -> None:
    """Rules only keep: one that selects nothing leaves all versions unmatched."""
    assert judged(repo(manifest("a")), NOTHING).kept == set()
    assert judged(repo(manifest("a")), policy(rule("b"))).kept == {"a"}


PULL_REQUESTS = r"re:pr-(?P<pr>\d+)(-[0-9a-f]{7})?"


@pytest.mark.parametrize(
    ("each", "kept"),
    [
        pytest.param(rule(PULL_REQUESTS, last=1, per="pr"), {"pr-1", "pr-2"}, id="last for each value"),
        pytest.param(rule(PULL_REQUESTS, last=1), {"pr-1"}, id="without per over all"),
        pytest.param(rule(PULL_REQUESTS, last=2, within="3d", per="pr"), {"pr-1", "pr-1-aaaaaaa"}, id="and still AND"),
    ],
)
def test_per_makes_one_rule_of_each_value(each: Rule, kept: set[str]) -> None:
    """Each pull request has its own slots."""
    versions = repo(
        manifest("pr-1", age="1d"),
        manifest("pr-1-aaaaaaa", age="2d"),
        manifest("pr-2", age="3d"),
        manifest("pr-2-bbbbbbb", age="4d"),
        manifest("pr-1-ccccccc", age="5d"),
    )
    assert judged(versions, policy(each)).kept == kept


def test_per_of_a_group_that_captured_nothing_is_the_empty_value() -> None:
    """Plain versions are a variant by themselves."""
    each = rule(r"re:\d+(?P<variant>-[a-z]+)?", last=1, per="variant")
    versions = repo(
        manifest("1", age="2d"), manifest("2", age="1d"), manifest("1-slim", age="4d"), manifest("2-slim", age="3d")
    )
    assert judged(versions, policy(each)).kept == {"2", "2-slim"}


def test_a_manifest_with_tags_in_two_groups_is_a_member_of_both() -> None:
    """It takes a slot in each, and either one keeps it."""
    each = rule(PULL_REQUESTS, last=1, per="pr")
    versions = repo(
        manifest("pr-1", age="1d"), manifest("pr-1-aaaaaaa", "pr-2", age="2d"), manifest("pr-2-bbbbbbb", age="3d")
    )
    assert judged(versions, policy(each)).kept == {"pr-1", "pr-1-aaaaaaa"}


def test_a_kept_version_says_which_rules_keep_it_and_for_what() -> None:
    """The rule's number, the selected tags, the patterns, the conditions, all of which hold; no group without `per`."""
    rules = rule("w*"), rule("v*", "main", last=2, within="3d"), rule("*", exclude=["v*"])
    versions = repo(manifest("v1", "main", "beta", age="1d"))
    assert judged(versions, policy(*rules)).reasons("v1") == (
        KeptByRule(2, ("v1", "main"), ("v*", "main"), (Last(2), Within(span("3d"), span("1d")))),
        KeptByRule(3, ("main", "beta"), ("*",), ()),
    )


def test_each_value_that_keeps_a_manifest_is_a_reason_of_its_own() -> None:
    """The reasons of one rule stand in the order of their values, the empty one first, each with its tags."""
    each = rule(r"re:v(?P<line>\d+)?[a-z]*", last=2, per="line")
    versions = repo(manifest("v2x", age="1d"), manifest("v2", "v", "v1", "v2a", age="2d"))
    reasons = judged(versions, policy(each)).reasons("v2")
    assert [(r.group, r.tags) for r in reasons if isinstance(r, KeptByRule)] == [
        ("", ("v",)),
        ("1", ("v1",)),
        ("2", ("v2", "v2a")),
    ]


def test_what_a_manifest_misses_in_two_groups_is_said_once() -> None:
    """A rule stands once among those that missed a manifest, where it missed it for the same in each value."""
    each = rule(PULL_REQUESTS, last=1, per="pr")
    versions = repo(manifest("pr-1", age="1d"), manifest("pr-2", age="2d"), manifest("pr-1-aaaaaaa", "pr-2-bbbbbbb"))
    reasons = judged(versions, policy(each)).reasons("pr-1-aaaaaaa")
    assert [r.missed for r in reasons if isinstance(r, NoRuleKeeps)] == [((1, (Last(1),)),)]


def test_of_several_patterns_that_match_the_first_speaks() -> None:
    """The value of `per` comes from the first pattern, as written, that matches the tag."""
    by_letter, by_number = r"re:(?P<x>[a-z])\d*", r"re:[a-z](?P<x>\d*)"
    versions = repo(manifest("a1", age="1d"), manifest("a2", age="2d"), manifest("b1", age="3d"))
    assert judged(versions, policy(rule(by_letter, by_number, last=1, per="x"))).kept == {"a1", "b1"}
    assert judged(versions, policy(rule(by_number, by_letter, last=1, per="x"))).kept == {"a1", "a2"}


@pytest.mark.parametrize(
    ("tags", "selecting", "no_versions", "unmatched"),
    [
        (["v1.0.0"], {1}, (), ()),
        (["v1.0.0", "v2.0.0-rc1", "v3"], {1}, ("v2.0.0-rc1", "v3"), ()),
        (["main", "demo", "beta"], {2}, (), ("beta", "demo")),
        ([], set(), (), ()),
    ],
)
def test_what_a_judge_remarks(
    tags: list[str], selecting: set[int], no_versions: tuple[str, ...], unmatched: tuple[str, ...]
) -> None:
    """Rules that select something, tags under `semver` that are no version, tags that no rule selects: all sorted."""
    rules = policy(rule("v*", semver={"majors": 2}), rule("main"))
    for each in (rules, policy(*rules.keep, delete_unmatched=True)):
        remarks = judged(repo(*(manifest(tag) for tag in tags)), each).judgement.remarks
        assert remarks.selecting == selecting
        assert remarks.no_versions == no_versions
        assert remarks.unmatched == unmatched


def test_a_rule_selects_what_has_no_time_too() -> None:
    """A rule whose only tag is on a manifest without a time is not reported as selecting nothing."""
    remarks = judged(repo(manifest("v1", age=None)), policy(rule("v*", semver={"majors": 1}))).judgement.remarks
    assert remarks.selecting == {1}
    assert remarks.no_versions == ("v1",)


EXAMPLES: Mapping[str, tuple[Rule, list[str], set[str]]] = {
    "base images": (
        rule(r"re:(?P<line>.+)-\d{8}", last=1, per="line"),
        ["22-slim-20261124", "22-slim-20261101", "22-20261101", "22-20261001"],
        {"22-slim-20261124", "22-20261101"},
    ),
    "variants": (
        rule(
            r"re:(?P<version>\d+\.\d+\.\d+)(?P<variant>-[a-z0-9.-]+)?", semver={"majors": 1, "minors": 1}, per="variant"
        ),
        ["22.11.0", "22.11.0-slim", "22.10.0", "22.10.0-slim", "22.9.0-alpine"],
        {"22.11.0", "22.11.0-slim", "22.9.0-alpine"},
    ),
}


@pytest.mark.parametrize(("each", "tags", "kept"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_examples_of_the_policy_page(each: Rule, tags: list[str], kept: set[str]) -> None:
    """The rules with `per` that the policy page shows mean what it says of them; tags newest first."""
    versions = repo(*(manifest(tag, age=f"{days}d") for days, tag in enumerate(tags, start=1)))
    assert judged(versions, policy(each)).kept == kept
