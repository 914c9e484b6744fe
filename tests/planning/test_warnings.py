"""The warnings of a plan, word for word (policy page, "Errors and warnings at load")."""

from __future__ import annotations

import pytest

from cleaner.model.plan import HoldReason
from cleaner.planning.survey import LeftAlone
from cleaner.planning.warnings import warnings
from cleaner.retention.policy import Policy
from tests.planning.builders import listed, place, survey
from tests.retention.builders import Entry, attachment_tag, digest_of, manifest, policy, rule

MAIN = policy(rule("main"))
MAIN_ONLY = policy(rule("main"), delete_unmatched=True)
VERSIONS = policy(rule("*", semver={"majors": 1}))


@pytest.mark.parametrize(
    ("by", "tags", "warning"),
    [
        (MAIN, ["beta"], "shop/api: no rule selects 1 tag (beta), which `unmatched` keeps"),
        (MAIN, ["beta", "alpha"], "shop/api: no rule selects 2 tags (alpha, beta), which `unmatched` keeps"),
        (
            MAIN_ONLY,
            ["beta"],
            "shop/api: no rule selects 1 tag (beta), which `unmatched` deletes, if nothing else keeps it",
        ),
        (MAIN, list("edcba"), "shop/api: no rule selects 5 tags (a, b, c, d, e), which `unmatched` keeps"),
        (MAIN, list("fedcba"), "shop/api: no rule selects 6 tags (a, b, c, d, e and 1 more), which `unmatched` keeps"),
        (
            MAIN,
            list("hgfedcba"),
            "shop/api: no rule selects 8 tags (a, b, c, d, e and 3 more), which `unmatched` keeps",
        ),
        (VERSIONS, ["v2-rc"], "shop/api: no version X.Y.Z, and so not kept by its semver rule: 2 tags (main, v2-rc)"),
    ],
)
def test_a_repository_names_the_tags_that_a_person_may_have_forgotten(
    by: Policy, tags: list[str], warning: str
) -> None:
    """Beside `main`: tags that no rule selects, and those under a semver rule that are no version; at most five."""
    tagged = place("shop/api", by, *(manifest(tag) for tag in ("main", *tags)))
    assert warnings(survey(tagged), (by,)) == (warning,)


def lacking(*entries: Entry) -> tuple[str, ...]:
    return warnings(survey(place("shop/api", MAIN, *entries)), (MAIN,))


def test_what_a_repository_lacks_is_named_once() -> None:
    """A child that two indexes list and the repository lacks, and a subject that it lacks: sorted, each once."""
    first, second = sorted([digest_of("arm"), digest_of("gone")])
    assert lacking(
        manifest("main", children=["arm"]),
        manifest(name="other", children=["arm"]),
        manifest(attachment_tag("gone", ".sig")),
    ) == (f"shop/api: manifests name 2 digests ({first}, {second}) as child or subject that this repository lacks",)
    assert lacking(manifest("main", children=["arm"])) == (
        f"shop/api: manifests name 1 digest ({digest_of('arm')}) as child or subject that this repository lacks",
    )


def test_nothing_to_say_is_nothing_said() -> None:
    """Where every rule selects something and every tag is selected, there is no warning."""
    assert lacking(manifest("main", children=["amd"]), manifest(name="amd")) == ()


def test_a_rule_is_idle_only_if_it_selects_nothing_in_any_repository_of_its_policy() -> None:
    """What another policy's rule of the same number selects does not count, what another repository holds does."""
    by, other = policy(rule("main"), rule("v*", "re:rel-.+"), rule("w*")), policy(rule("*"), rule("*"), rule("*"))
    places = (
        place("shop/api", by, manifest("main")),
        place("shop/web", by, manifest("w1")),
        place("base", other, manifest("v1")),
    )
    assert warnings(survey(*places), (by, other)) == ("policy 1, rule 2 (v*, re:rel-.+) selects nothing",)


def test_a_policy_under_which_nothing_was_judged_is_named_instead_of_its_rules() -> None:
    """Be it that no repository falls under it, or that none of them could be read."""
    unread = LeftAlone("shop/web", MAIN, HoldReason.LISTING, "a page is missing")
    other = policy(rule("*"))
    judged = place("shop/api", other, manifest("v1"))
    assert warnings(survey(judged, left_alone=[unread]), (MAIN, other)) == (
        "policy 1 speaks of no repository that could be judged",
    )


def test_a_repository_under_no_policy_is_named() -> None:
    """So that nobody believes it cleaned."""
    assert warnings(survey(unmanaged=[listed("old", manifest("v1")), listed("older")]), ()) == (
        "repository old is under no policy: nothing in it is touched",
        "repository older is under no policy: nothing in it is touched",
    )


def test_policies_come_first_then_their_repositories_then_those_under_none() -> None:
    """Policies by number; repositories as surveyed, each with all of its remarks together."""
    idle, by = policy(rule("x", "y")), policy(rule("v*", semver={"majors": 1}))
    places = [
        place("web", by, manifest("v1", "beta", children=["arm"])),
        place("api", by, manifest("v2")),
        place("idle", idle),
    ]
    assert warnings(survey(*places, unmanaged=[listed("old")]), (by, idle)) == (
        "policy 2, rule 1 (x, y) selects nothing",
        "web: no rule selects 1 tag (beta), which `unmatched` keeps",
        "web: no version X.Y.Z, and so not kept by its semver rule: 1 tag (v1)",
        f"web: manifests name 1 digest ({digest_of('arm')}) as child or subject that this repository lacks",
        "api: no version X.Y.Z, and so not kept by its semver rule: 1 tag (v2)",
        "repository old is under no policy: nothing in it is touched",
    )


def test_names_from_outside_cannot_steer_a_terminal() -> None:
    """Repositories, tags and patterns are shown with their controls escaped."""
    by = policy(rule("\x1b*"), rule("\u202e*"))
    hostile = place("shop\n", by, manifest("\x1b1"), manifest("a\x9b"))
    assert warnings(survey(hostile, unmanaged=[listed("old\r")]), (by,)) == (
        "policy 1, rule 2 (\\u202e*) selects nothing",
        "shop\\n: no rule selects 1 tag (a\\x9b), which `unmatched` keeps",
        "repository old\\r is under no policy: nothing in it is touched",
    )
