"""`semver`: by version, not by age (policy page, "Rules")."""

from __future__ import annotations

import pytest

from cleaner.model.reason import KeptByRule, NoRuleKeeps, Semver
from cleaner.retention.versions import Version, parse_version
from tests.retention.builders import judged, manifest, policy, repo, rule


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", Version(1, 2, 3)),
        ("v1.2.3", Version(1, 2, 3)),
        ("0.0.0", Version(0, 0, 0)),
        ("10.20.300", Version(10, 20, 300)),
        ("2024.1.15", Version(2024, 1, 15)),
        ("2024.01.15", None),
        ("01.2.3", None),
        ("V1.2.3", None),
        ("vv1.2.3", None),
        ("1.2", None),
        ("1.2.3.4", None),
        ("1.2.3-rc1", None),
        ("1.2.3+build", None),
        ("1.2.3\n", None),
        (" 1.2.3", None),
        ("-1.2.3", None),
        ("1.2.٣", None),
        ("1..3", None),
        ("", None),
        ("9" * 5000 + ".0.0", None),
    ],
)
def test_what_is_a_version(text: str, version: Version | None) -> None:
    """Three numbers with dots, an optional `v`, ASCII digits, no leading zeros, nothing else."""
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        pytest.param({"majors": 1}, {"3.0.0"}, id="a level left out is unlimited"),
        pytest.param({"majors": 2}, {"3.0.0", "2.9.0", "2.10.0", "2.10.1", "2.1.0"}, id="majors"),
        pytest.param(
            {"majors": 2, "minors": 1}, {"3.0.0", "2.10.0", "2.10.1"}, id="minors within each major, as numbers"
        ),
        pytest.param({"majors": 2, "minors": 1, "patches": 1}, {"3.0.0", "2.10.1"}, id="patches within each minor"),
        pytest.param({"minors": 1}, {"3.0.0", "2.10.0", "2.10.1", "1.0.0"}, id="minors of every major"),
        pytest.param({"patches": 1}, {"3.0.0", "2.9.0", "2.10.1", "2.1.0", "1.0.0"}, id="patches of every minor"),
    ],
)
def test_semver_keeps_the_highest_within_their_parent(limits: dict[str, int], kept: set[str]) -> None:
    """The newest by time is the lowest version here: age plays no part."""
    tags = ["1.0.0", "2.1.0", "2.9.0", "2.10.0", "2.10.1", "3.0.0", "nightly"]
    versions = repo(*(manifest(tag, age=f"{days}d") for days, tag in enumerate(tags, start=1)))
    assert judged(versions, policy(rule("*", semver=limits))).kept == kept


def test_equal_versions_all_count() -> None:
    """`v1.2.3` and `1.2.3` are one version; both manifests stay, and take one slot."""
    versions = repo(manifest("v2.0.0"), manifest("2.0.0"), manifest("1.0.0"), manifest("0.1.0"))
    assert judged(versions, policy(rule("*", semver={"majors": 2}))).kept == {"v2.0.0", "2.0.0", "1.0.0"}


def test_a_manifest_counts_for_each_of_its_versions() -> None:
    """One manifest with two versions fills two slots, and any of them keeps it."""
    versions = repo(manifest("3.0.0", "1.0.0"), manifest("2.0.0"), manifest("0.1.0"))
    assert judged(versions, policy(rule("*", semver={"majors": 2}))).kept == {"3.0.0", "2.0.0"}
    versions = repo(manifest("0.2.0", "3.0.0"), manifest("2.0.0"))
    assert judged(versions, policy(rule("*", semver={"majors": 1}))).kept == {"0.2.0"}


def test_a_semver_condition_tells_which_versions_met_or_missed_it() -> None:
    """Met, it names those of a manifest's versions that are among the highest; missed, all that it has."""
    versions = repo(manifest("v3.0.0", "1.0.0"), manifest("2.1.0", "2.0.0"), manifest("nightly"))
    outcome = judged(versions, policy(rule("*", semver={"majors": 1})))
    assert [
        reason.met if isinstance(reason, KeptByRule) else reason.missed[0][1]
        for tag in ("v3.0.0", "2.1.0", "nightly")
        for reason in outcome.reasons(tag)
        if isinstance(reason, KeptByRule | NoRuleKeeps)
    ] == [(Semver(("3.0.0",)),), (Semver(("2.1.0", "2.0.0")),), (Semver(()),)]


def test_only_selected_tags_are_versions() -> None:
    """A version that the rule does not select takes no slot of it."""
    versions = repo(manifest("9.0.0"), manifest("v2.0.0"), manifest("v1.0.0"))
    assert judged(versions, policy(rule("v*", semver={"majors": 1}), delete_unmatched=True)).kept == {"v2.0.0"}


def test_the_version_is_the_group_of_that_name() -> None:
    """Where the pattern captures `version`, that is the version; else it is the whole tag."""
    each = rule(r"re:rel-(?P<version>.+)", "*", semver={"majors": 1})
    versions = repo(manifest("rel-2.0.0"), manifest("rel-1.0.0"), manifest("1.5.0"), manifest("rel-x"))
    assert judged(versions, policy(each)).kept == {"rel-2.0.0"}
    optional = rule(r"re:(rel-(?P<version>.+)|.*)", semver={"majors": 1})
    assert judged(versions, policy(optional)).kept == {"rel-2.0.0"}
    assert judged(repo(manifest("rel-2.0.0"), manifest("3.5.0")), policy(optional)).kept == {"3.5.0"}


def test_semver_and_last_must_both_hold() -> None:
    """Each condition is evaluated over all members; what meets both stays."""
    versions = repo(manifest("1.0.0", age="1d"), manifest("2.0.0", age="2d"), manifest("3.0.0", age="3d"))
    assert judged(versions, policy(rule("*", semver={"majors": 2}, last=2))).kept == {"2.0.0"}
