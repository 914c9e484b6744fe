"""Families live and die together (policy page, "Versions, attachments, families"; law 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleaner.model.reason import AttachedTo, ChildOf, GoesWith, NoRuleKeeps, OrphanLeftBehind, Undecided, Young
from tests.retention.builders import (
    NOTHING,
    Entry,
    attachment_tag,
    case,
    digest_of,
    judged,
    manifest,
    policy,
    protections,
    repo,
    rule,
)

KEEP_V2 = policy(rule("v2"), rule("v1", within="1d"))
"""Of the versions v1 and v2, v2 stays."""


def tag_of(name: str, suffix: str = ".sig") -> str:
    return attachment_tag(name, suffix)


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        pytest.param(
            [manifest("v2", children=["amd", "arm"]), manifest(name="amd"), manifest(name="arm")],
            {"v2", "amd", "arm"},
            id="the platforms of a kept index",
        ),
        pytest.param(
            [manifest("v2", children=["inner"]), manifest(name="inner", children=["leaf"]), manifest(name="leaf")],
            {"v2", "inner", "leaf"},
            id="the grandchild of a nested index",
        ),
        pytest.param([manifest("v2"), manifest(tag_of("v2"))], {"v2", tag_of("v2")}, id="a signature by its tag"),
        pytest.param(
            [manifest("v2"), manifest(tag_of("v2", ""), children=["sbom"]), manifest(name="sbom")],
            {"v2", tag_of("v2", ""), "sbom"},
            id="the fallback index of referrers, with what it lists",
        ),
        pytest.param([manifest("v2"), manifest(name="sbom", subject="v2")], {"v2", "sbom"}, id="a referrer"),
        pytest.param(
            [manifest("v2"), manifest(name="sbom", subject="v2"), manifest(tag_of("sbom"))],
            {"v2", "sbom", tag_of("sbom")},
            id="the signature of a referrer",
        ),
        pytest.param(
            [manifest("v2", children=["amd"]), manifest(name="amd"), manifest(tag_of("amd", ".att"))],
            {"v2", "amd", tag_of("amd", ".att")},
            id="the attestation of a child",
        ),
        pytest.param(
            [manifest("v2", children=["v1"]), manifest("v1")], {"v2", "v1"}, id="a child that is a version itself"
        ),
        pytest.param(
            [manifest("v2"), manifest("v1", subject="v2")], {"v2", "v1"}, id="an attachment that is a version itself"
        ),
        pytest.param(
            [manifest("v2", children=["amd"]), manifest("v1", children=["amd"]), manifest(name="amd")],
            {"v2", "amd"},
            id="a child of two indexes stays with either",
        ),
        pytest.param(
            [manifest("v1", children=["amd"]), manifest("v2"), manifest(name="amd", subject="v2")],
            {"v2", "amd"},
            id="a child of one that goes, attached to one that stays",
        ),
        pytest.param(
            [manifest("v1", children=["amd"]), manifest(name="amd"), manifest(tag_of("amd")), manifest("v2")],
            {"v2"},
            id="a whole family goes",
        ),
        pytest.param(
            [manifest("v1", children=["v2"]), manifest("v2"), manifest(name="sbom", subject="v1")],
            {"v2"},
            id="a kept child does not keep its index",
        ),
        pytest.param(
            [manifest("v2", children=["v1"]), manifest("v1", children=["amd"]), manifest(name="amd")],
            {"v2", "v1", "amd"},
            id="a condemned version in a kept family keeps its own children",
        ),
    ],
)
def test_who_stays_with_whom(entries: list[Entry], kept: set[str]) -> None:
    """Where v2 is kept and v1 is not, these stay; what v1 alone would keep goes with it."""
    assert judged(repo(*entries), KEEP_V2).kept == kept


def test_every_index_and_subject_that_stays_is_a_reason() -> None:
    """A child of two kept indexes names both, and not the one that goes."""
    shared = repo(
        manifest("v2.0", children=["amd"]),
        manifest("v2.1", "stable", children=["amd"]),
        manifest("v1", children=["amd"]),
        manifest(name="amd", subject="v2.0"),
    )
    outcome = judged(shared, policy(rule("v2.*"), rule("stable", "v1", within="1d")))
    assert set(outcome.reasons("amd")) == {
        ChildOf(digest_of("v2.0"), ("v2.0",)),
        ChildOf(digest_of("v2.1"), ("v2.1", "stable")),
        AttachedTo(digest_of("v2.0"), ("v2.0",)),
    }


def test_what_goes_with_its_family_names_all_of_it() -> None:
    """A dependent goes for the indexes and subjects that all go."""
    outcome = judged(
        repo(manifest("v1", children=["amd"]), manifest("v0", children=["amd"]), manifest(name="amd", subject="v0")),
        NOTHING,
    )
    indexes = sorted([digest_of("v0"), digest_of("v1")])
    assert outcome.reasons("amd") == (GoesWith(tuple(indexes), (digest_of("v0"),)),)


def test_a_child_has_no_subjects_and_an_attachment_no_indexes_to_go_with() -> None:
    """Each names the one bond that it has."""
    signature = attachment_tag("v1", ".sig")
    outcome = judged(repo(manifest("v1", children=["amd"]), manifest(name="amd"), manifest(signature)), NOTHING)
    assert outcome.reasons("amd") == (GoesWith((digest_of("v1"),), ()),)
    assert outcome.reasons(signature) == (GoesWith((), (digest_of("v1"),)),)


def test_a_version_in_a_family_that_goes_goes_for_its_own_sake() -> None:
    """A version has a fate of its own: no rule keeps it."""
    outcome = judged(repo(manifest("v1", children=["v0"]), manifest("v0")), NOTHING)
    assert [type(reason) for reason in outcome.reasons("v0")] == [NoRuleKeeps]


def test_a_young_child_stays_alone() -> None:
    """What stays for its own sake does not keep the index above it."""
    pushed_again = repo(manifest("v1", children=["amd", "arm"]), manifest(name="amd", age="1h"), manifest(name="arm"))
    outcome = judged(pushed_again, NOTHING, protections(grace="24h"))
    assert outcome.kept == {"amd"}
    assert [type(reason) for reason in outcome.reasons("amd")] == [Young]


def test_what_is_absent_is_reported_and_plays_no_part() -> None:
    """A child and a subject that the repository lacks are no family."""
    lonely = repo(manifest("v2", children=["amd", "arm"]), manifest(name="amd"), manifest(tag_of("v0"), subject="v3"))
    outcome = judged(lonely, policy(rule("v*"), untagged_within="1d"))
    assert outcome.kept == {"v2", "amd"}
    assert outcome.judgement.families.absent == {
        digest_of("v2"): (digest_of("arm"),),
        digest_of(tag_of("v0")): tuple(sorted([digest_of("v0"), digest_of("v3")])),
    }


def ring(*names: str) -> list[Entry]:
    """Manifests each of which is attached to the next by its tag, the last to the first."""
    following = [*names[1:], names[0]]
    return [manifest(tag_of(after, ".att"), name=name) for name, after in zip(names, following, strict=True)]


def test_a_ring_in_which_nothing_is_decided_stays() -> None:
    """Each waits for the other's fate, so none of them goes, and each says why."""
    outcome = judged(repo(*ring("a", "b", "c")), NOTHING)
    assert outcome.kept == {"a", "b", "c"}
    assert outcome.reasons("a") == (AttachedTo(digest_of("b"), (tag_of("c", ".att"),)), Undecided())


def test_a_ring_stays_though_a_condemned_index_lists_some_of_it() -> None:
    """What goes takes nothing with it that waits for something else too."""
    assert judged(repo(manifest("v1", children=["a"]), *ring("a", "b")), NOTHING).gone == {"v1"}


def test_a_ring_keeps_what_is_below_it() -> None:
    """What hangs on an undecided ring stays too, a version that no rule keeps among it, and all that it keeps."""
    entries = [*ring("a", "b"), manifest("v1", subject="a", children=["amd"]), manifest(name="amd"), manifest("v0")]
    outcome = judged(repo(*entries), NOTHING)
    assert outcome.gone == {"v0"}
    assert outcome.reasons("v1") == (AttachedTo(digest_of("a"), (tag_of("b", ".att"),)),)


def test_a_ring_below_something_kept_is_decided() -> None:
    """Where an index that stays lists one of a ring, all of it stays with the index, and nothing is undecided."""
    outcome = judged(repo(manifest("v2", children=["a"]), *ring("a", "b")), KEEP_V2)
    assert outcome.kept == {"v2", "a", "b"}
    assert Undecided() not in outcome.reasons("a") + outcome.reasons("b")


def test_nothing_is_its_own_family() -> None:
    """What names itself, as a child, as a subject and by a tag, is an orphan and no ring."""
    itself = manifest(tag_of("a"), name="a", children=["a"], subject="a")
    assert judged(repo(itself), policy(rule("*"), untagged_within="1d")).gone == {"a"}


def test_a_ring_through_a_version_is_decided_by_it() -> None:
    """A version that lists what it is attached to has a fate of its own, and its child goes with it."""
    outcome = judged(repo(manifest("v1", tag_of("amd"), children=["amd"]), manifest(name="amd")), NOTHING)
    assert outcome.gone == {"v1", "amd"}


@pytest.mark.parametrize("untagged_within", [None, "1000d"])
def test_an_orphan_left_behind_goes_whatever_untagged_says(untagged_within: str | None) -> None:
    """A deletion that was interrupted is completed: what our ledger deleted leaves its family to go."""
    interrupted = repo(manifest(name="amd"), manifest(tag_of("v1")), manifest(tag_of("amd")), manifest(name="other"))
    by = policy(rule("*"), untagged_within=untagged_within)
    outcome = judged(interrupted, by, at=case(deleted={"v1": ["amd", "arm"]}))
    assert outcome.kept == {"other"}
    assert outcome.reasons("amd") == (OrphanLeftBehind((digest_of("v1"),)),)
    assert outcome.reasons(tag_of("v1")) == (OrphanLeftBehind((digest_of("v1"),)),)


def test_an_orphan_left_behind_stays_where_anything_else_keeps_it() -> None:
    """What our ledger deleted says nothing of what another index lists, or of what is young."""
    left = repo(manifest("v2", children=["amd"]), manifest(name="amd"), manifest(name="arm", age="1h"))
    outcome = judged(left, KEEP_V2, protections(grace="2h"), case(deleted={"v1": ["amd", "arm"]}))
    assert outcome.kept == {"v2", "amd", "arm"}


def test_an_index_whose_child_was_deleted_is_no_orphan_left_behind() -> None:
    """Only what is below a deleted manifest is left behind."""
    outcome = judged(repo(manifest(name="index", children=["amd"])), policy(rule("*")), at=case(deleted={"amd": []}))
    assert outcome.kept == {"index"}


def test_a_manifest_that_was_not_read_is_never_taken_for_a_plain_one() -> None:
    """Where one manifest's content is missing, nothing is judged (law 2)."""
    unread = repo(manifest("v1"), manifest("v2"))
    contents = {digest_of("v2"): unread.contents[digest_of("v2")]}
    with pytest.raises(KeyError, match=digest_of("v1")):
        judged(replace(unread, contents=contents), NOTHING)
