"""What keeps besides the rules: grace, protections, use, `untagged`, `keep_at_least` (policy page; laws 1, 4, 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cleaner.model.reason import (
    AmongNewest,
    InUse,
    KeptByRule,
    NoRuleKeeps,
    NoTime,
    OrphanKept,
    OrphanOld,
    ProtectedDigest,
    ProtectedTag,
    TagMovedOn,
    WasInUse,
    Young,
)
from cleaner.retention.uses import UseReason
from tests.retention.builders import (
    NOTHING,
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
    span,
)

NONE_YOUNG_ENOUGH = rule("*", within="1s")


@pytest.mark.parametrize("entry", [manifest("v1", age="1h"), manifest(name="orphan", age="1h")])
def test_younger_than_grace_stays(entry: Entry) -> None:
    """Whatever is strictly younger than grace stays, version or not."""
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    outcome = judged(repo(entry), by, protections(grace="61m"))
    assert outcome.reasons(entry.name) == (Young(span("1h"), span("61m")),)
    assert judged(repo(entry), by, protections(grace="1h")).gone == {entry.name}


@pytest.mark.parametrize(
    ("age", "reason"),
    [(None, NoTime(future=False)), ("-1s", NoTime(future=True)), (timedelta(microseconds=-1), NoTime(future=True))],
)
@pytest.mark.parametrize("tags", [("v1",), ()])
def test_without_a_time_it_stays(age: str | timedelta | None, reason: NoTime, tags: tuple[str, ...]) -> None:
    """A time that is missing or in the future keeps the manifest, version or not (law 4)."""
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    assert judged(repo(manifest(*tags, name="x", age=age)), by).reasons("x") == (reason,)


def test_this_very_moment_is_a_time() -> None:
    """A manifest pushed at the start of the run has a time, and the age zero."""
    outcome = judged(repo(manifest("v1", age="0s"), manifest("v2")), policy(rule("*", last=1)))
    assert outcome.kept == {"v1"}


def test_a_protected_tag_stays() -> None:
    """Each tag that matches each pattern is a reason; attachment tags count here."""
    signature = attachment_tag("gone", ".sig")
    protected = protections(tags=["latest", "hold-*", "sha256-*.sig"])
    versions = repo(manifest("v1", "latest", "hold-1"), manifest("v2"), manifest(signature))
    outcome = judged(versions, policy(NONE_YOUNG_ENOUGH, untagged_within="1s"), protected)
    assert outcome.gone == {"v2"}
    assert outcome.reasons("v1") == (ProtectedTag("latest", "latest"), ProtectedTag("hold-1", "hold-*"))
    assert outcome.reasons(signature) == (ProtectedTag(signature, "sha256-*.sig"),)


def test_a_protected_digest_and_what_is_in_use_stay_with_their_families() -> None:
    """A manifest that nobody tagged can be what somebody deploys; what it lists stays with it."""
    use = InUse("app_platform", "app shop, service web")
    versions = repo(
        manifest("v1"),
        manifest(name="pinned", children=["amd"]),
        manifest(name="amd"),
        manifest(name="running", children=["arm"]),
        manifest(name="arm"),
    )
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    outcome = judged(versions, by, protections(digests=["pinned"]), case(in_use={"running": use}))
    assert outcome.gone == {"v1"}
    assert outcome.reasons("pinned") == (ProtectedDigest(),)
    assert outcome.reasons("running") == (use,)


def test_orphans_stay_unless_the_policy_says_otherwise() -> None:
    """`untagged: keep` is the default: all orphans stay, and no version does for it."""
    outcome = judged(repo(manifest(name="orphan"), manifest("v1")), NOTHING)
    assert outcome.kept == {"orphan"}
    assert outcome.reasons("orphan") == (OrphanKept(None, span("100d")),)


def test_orphans_stay_while_they_are_younger_than_untagged_within() -> None:
    """`untagged: {within: D}` is strict; a signature of nothing is an orphan too."""
    signature = attachment_tag("gone", ".sig")
    orphans = repo(manifest(name="new", age="13d"), manifest(name="old", age="14d"), manifest(signature, age="15d"))
    outcome = judged(orphans, policy(rule("*"), untagged_within="14d"))
    assert outcome.reasons("new") == (OrphanKept(span("14d"), span("13d")),)
    assert outcome.reasons("old") == (OrphanOld(span("14d"), span("14d")),)
    assert outcome.reasons(signature) == (OrphanOld(span("15d"), span("14d")),)


def aged(**ages: str | None) -> list[Entry]:
    """A version of each of these ages."""
    return [manifest(tag, age=age) for tag, age in ages.items()]


@pytest.mark.parametrize(
    ("keep_at_least", "entries", "kept"),
    [
        pytest.param(1, aged(a="1d", b="2d"), {"a"}, id="the newest"),
        pytest.param(2, aged(a="1d", b="2d", c="3d"), {"a", "b"}, id="the two newest"),
        pytest.param(9, aged(a="1d", b="2d"), {"a", "b"}, id="all where there are fewer"),
        pytest.param(1, aged(a="1d", b="1d", c="3d"), {"a", "b"}, id="ties are kept"),
        pytest.param(1, aged(keep="9d", a="1d"), {"keep"}, id="enough stay, whatever their age"),
        pytest.param(2, aged(keep="9d", a="1d", b="2d", c="3d"), {"keep", "a", "b"}, id="the newest stay besides"),
        pytest.param(1, aged(x=None, y="-1d", a="1d", b="2d"), {"x", "y", "a"}, id="those without a time do not count"),
        pytest.param(1, [*aged(a="1d"), manifest(name="orphan")], {"a", "orphan"}, id="orphans do not count"),
        pytest.param(1, [manifest(name="orphan")], {"orphan"}, id="no versions at all"),
        pytest.param(
            1,
            [manifest("a", age="1d", children=["amd"]), manifest(name="amd"), *aged(b="2d")],
            {"a", "amd"},
            id="they stay with their families",
        ),
        pytest.param(
            2,
            [manifest("keep", children=["a"]), *aged(a="9d", b="1d")],
            {"keep", "a"},
            id="what its family keeps counts",
        ),
    ],
)
def test_at_least_so_many_versions_stay(keep_at_least: int, entries: list[Entry], kept: set[str]) -> None:
    """Where fewer than `keep_at_least` versions with a time stay, the newest of them stay too (law 5)."""
    by = policy(rule("keep"), rule("*", exclude=["keep"], within="1s"), keep_at_least=keep_at_least)
    assert judged(repo(*entries), by).kept == kept


def test_keep_at_least_is_a_reason_only_where_it_speaks() -> None:
    """Those among the newest say so when too few stay, whatever else keeps them; else none does."""
    versions = repo(manifest("keep", age="1d"), manifest("a", age="2d"), manifest("b", age="3d"))
    rules = (rule("keep"), rule("*", exclude=["keep"], within="1s"))
    too_few = judged(versions, policy(*rules, keep_at_least=2))
    assert [type(reason) for reason in too_few.reasons("keep")] == [KeptByRule, AmongNewest]
    assert too_few.reasons("a") == (AmongNewest(2),)
    enough = judged(versions, policy(*rules, keep_at_least=1))
    assert [type(reason) for reason in enough.reasons("keep")] == [KeptByRule]


def test_a_condemned_version_says_which_rules_missed_it_and_by_what() -> None:
    """Every rule that selects it stands with those of its conditions that do not hold."""
    by = policy(rule("v*", last=1, within="50d"), rule("*", within="200d", last=1), rule("w*"))
    reasons = judged(repo(manifest("v2", age="1d"), manifest("v1")), by).reasons("v1")
    assert len(reasons) == 1
    assert isinstance(reasons[0], NoRuleKeeps)
    assert reasons[0].tags == ("v1",)
    assert reasons[0].age == span("100d")
    missed = [(number, [type(condition).__name__ for condition in missed]) for number, missed in reasons[0].missed]
    assert missed == [(1, ["Last", "Within"]), (2, ["Last"])]


def test_a_condemned_version_that_no_rule_selects_was_missed_by_none() -> None:
    """Its tags and its age are all that there is to say."""
    reasons = judged(repo(manifest("beta", "v1")), NOTHING).reasons("beta")
    assert reasons == (NoRuleKeeps(("beta", "v1"), span("100d"), ()),)


@pytest.mark.parametrize(
    "use", [InUse("file", "images.txt"), WasInUse("file", "images.txt", NOW), TagMovedOn("v0", "file", "line 1", NOW)]
)
def test_what_is_used_was_used_or_had_the_tag_that_is_used_stays(use: UseReason) -> None:
    """Each of the three is a reason to stay, version or not."""
    versions = repo(manifest("v1"), manifest(name="untagged"), manifest("v2"), manifest(name="orphan"))
    by = policy(NONE_YOUNG_ENOUGH, untagged_within="1s")
    outcome = judged(versions, by, at=case(in_use={"v1": use, "untagged": use}))
    assert outcome.gone == {"v2", "orphan"}
    assert outcome.reasons("v1") == outcome.reasons("untagged") == (use,)


def test_every_reason_is_told_in_a_fixed_order() -> None:
    """Rules by number, then protections, then use, then `keep_at_least`."""
    use = InUse("file", "images.txt")
    by = policy(rule("v*", last=1), rule("v*"), rule("x"), keep_at_least=2)
    protected = protections(grace="2h", tags=["v1"], digests=["v1"])
    reasons = judged(repo(manifest("v1", age="1h")), by, protected, case(in_use={"v1": use})).reasons("v1")
    names = [type(reason).__name__ for reason in reasons]
    assert names == ["KeptByRule", "KeptByRule", "Young", "ProtectedTag", "ProtectedDigest", "InUse", "AmongNewest"]
