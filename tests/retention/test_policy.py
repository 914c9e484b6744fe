"""Which policy a repository falls under (policy page, "Which policy")."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleaner.retention.patterns import compile_pattern
from cleaner.retention.policy import Policy, policy_for
from tests.retention.builders import policy, rule


def for_repositories(*patterns: str) -> Policy:
    return replace(policy(rule("*")), repositories=tuple(compile_pattern(pattern) for pattern in patterns))


POLICIES = tuple(for_repositories(*patterns) for patterns in (["shop/*", "api"], ["shop/web", "preview/*"], ["base"]))


@pytest.mark.parametrize(
    ("repository", "number"),
    [("shop/web", 1), ("api", 1), ("preview/pr", 2), ("base", 3), ("base/node", None), ("API", None)],
)
def test_a_repository_falls_under_the_first_policy_that_matches_its_name(repository: str, number: int | None) -> None:
    """One of a policy's patterns is enough; under none, nothing in the repository is touched."""
    assert policy_for(repository, POLICIES) is (None if number is None else POLICIES[number - 1])
