"""Places of the file that contradict one another, and what a file without errors may not mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import SMALLEST, problems, settings, with_rule

KEEP_ALL = 'keep: [{tags: ["*"]}]'


def _policies(*repositories: str) -> str:
    lines = [f"      - {{repositories: {patterns}, {KEEP_ALL}}}" for patterns in repositories]
    return "\n".join(["registries:", "  - name: acme", "    policies:", *lines])


def test_all_problems_come_at_once_in_the_files_order(tmp_path: Path) -> None:
    """A slip in the syntax of a key hides no contradiction elsewhere."""
    text = """registries:
  - name: acme
    mode: enforce
    policies:
      - repositories: ["*"]
        keep: [{within: 6m}, {per: line, lst: 1}]
      - repositories: [api]
        keep: []
  - {name: acme, name: ACME, policies: 1}
grace: soon
grace: 24h
protect: {digests: [x]}
"""
    places = [problem.split(" ")[0] for problem in problems(tmp_path, text)]
    assert places == [
        "3:11:",
        "6:36:",
        "6:42:",
        "7:23:",
        "8:15:",
        "9:12:",
        "9:18:",
        "9:40:",
        "10:8:",
        "11:1:",
        "12:21:",
    ]


@pytest.mark.parametrize(
    ("top", "registry", "policy", "place"),
    [
        ("enforce", None, None, "1:7"),
        (None, "enforce", None, "4:11"),
        (None, None, "enforce", "6:60"),
        ("plan", "enforce", None, "4:11"),
        ("enforce", "plan", "enforce", "6:60"),
        ("enforce", "plan", None, None),
        ("enforce", None, "plan", None),
        (None, "enforce", "plan", None),
        (None, None, None, None),
    ],
)
def test_enforcing_needs_a_word_on_what_is_in_use(
    tmp_path: Path, top: str | None, registry: str | None, policy: str | None, place: str | None
) -> None:
    """A policy's mode goes before the registry's, and that before the file's; whichever enforces needs in_use."""
    text = f"""{f"mode: {top}" if top else ""}
registries:
  - name: acme
    {f"mode: {registry}" if registry else ""}
    policies:
      - {{repositories: ["*"], {KEEP_ALL}{f", mode: {policy}" if policy else ""}}}
"""
    hint = "(write in_use: none under protect, or a list of sources)"
    message = f"{place}: mode: enforce needs protect.in_use, which says how to tell what is running {hint}"
    assert problems(tmp_path, text) == ([message] if place else [])
    assert problems(tmp_path, f"{text}protect: {{in_use: none}}\n") == []


@pytest.mark.parametrize(
    "repositories",
    [
        ('["*"]', "[api]"),
        ('[web, "*"]', '["re:.+"]'),
        ('["**"]', "[api]"),
        ("[api, web]", "[web, api]"),
        ("[api]", "[web]", "[api, web]"),
        ('["shop/*"]', "[shop/api, shop/web]"),
        ("['re:a.*']", '[api, "app"]'),
        ('["shop/*"]', '["shop/web*"]'),
    ],
)
def test_a_policy_that_nothing_can_reach_is_an_error(tmp_path: Path, repositories: tuple[str, ...]) -> None:
    """Behind a literal `*`, or where earlier policies have each of its patterns or match each of its literal names."""
    (found,) = problems(tmp_path, _policies(*repositories))
    assert found.startswith(f"{3 + len(repositories)}:24: no repository can reach this policy")


@pytest.mark.parametrize(
    "repositories",
    [
        ("[api]", '["*"]'),
        ('["shop/*"]', '["shop/**", api]'),
        ("[api]", "[api, web]"),
        ('["re:.*"]', '["*"]'),
        ('["a*b"]', '["a*bb"]'),
        ('["ab*"]', '["a*"]'),
        ('["a?*"]', '["ab*"]'),
    ],
)
def test_a_policy_that_something_may_reach_is_none(tmp_path: Path, repositories: tuple[str, ...]) -> None:
    """Whether one wildcard covers another is told of a single `*` at the end only, and else not guessed at."""
    assert problems(tmp_path, _policies(*repositories)) == []


def test_one_registry_has_one_entry(tmp_path: Path) -> None:
    """A second entry of the same name would be a second judge over the same repositories."""
    (found,) = problems(tmp_path, f'{SMALLEST[:-1]}, {{name: acme, policies: [{{repositories: ["*"], {KEEP_ALL}}}]}}]')
    assert found.startswith("1:93: the registry 'acme' stands here twice, first on line 1")


@pytest.mark.parametrize(("grace", "within"), [("24h", "1d"), ("0s", "1s"), ("2d", "48h")])
def test_within_may_be_as_long_as_grace(tmp_path: Path, grace: str, within: str) -> None:
    """Only a shorter one is a slip."""
    assert problems(tmp_path, f"{with_rule(f'{{within: {within}}}')}grace: {grace}") == []


def test_within_is_held_against_the_grace_that_the_file_says(tmp_path: Path) -> None:
    """Rules' and untagged's alike."""
    text = f"{with_rule('{within: 2d}')}        untagged: {{within: 3d}}\ngrace: 4d\n"
    assert [problem.split(" ")[0] for problem in problems(tmp_path, text)] == ["5:25:", "6:28:"]


@pytest.mark.parametrize(
    ("rule", "place", "tag"),
    [
        ("{tags: [main], within: 60d}", "5:24", "main"),
        ('{tags: ["v*", stable], last: 3}', "5:30", "stable"),
        ("{tags: [main], calendar: {daily: 7}}", "5:24", "main"),
        ("{tags: [v1.2.3], semver: {majors: 1}}", "5:24", "v1.2.3"),
    ],
)
def test_a_literal_tag_under_a_condition_is_a_warning(tmp_path: Path, rule: str, place: str, tag: str) -> None:
    """`main` under `within: 60d` goes when it is not pushed for 60 days."""
    (warning,) = settings(tmp_path, with_rule(rule)).warnings
    assert f"config.yaml:{place}: the tag '{tag}' stands under a condition" in str(warning)


@pytest.mark.parametrize(
    "rules",
    [
        "{tags: [main]}",
        "{tags: ['re:main'], within: 60d}",
        '{tags: ["ma?n"], within: 60d}',
        "{tags: [main], within: 60d}, {tags: [main]}",
        '{tags: [main], within: 60d}, {tags: ["m*"]}',
        "{tags: [latest], within: 60d}",
        "{tags: [main], except: [main], within: 60d}",
    ],
)
def test_a_literal_tag_that_is_kept_anyway_is_none(tmp_path: Path, rules: str) -> None:
    """By a rule without a condition, or by a protection; a pattern is no literal tag."""
    assert settings(tmp_path, with_rule(rules)).warnings == ()


def test_an_unconditional_rule_that_excepts_the_tag_keeps_it_not(tmp_path: Path) -> None:
    """What `except` takes away, the rule does not keep."""
    loaded = settings(tmp_path, with_rule('{tags: [main], within: 60d}, {tags: ["*"], except: [main]}'))
    assert [warning.line for warning in loaded.warnings] == [5]
