"""Which tags a rule selects, and what it reads off them (policy page, "Rules")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Rule
from cleaner.retention.versions import Version, parse_version

Captures: TypeAlias = Mapping[str, str]
Matches: TypeAlias = Mapping[Pattern, Mapping[str, Captures]]


@dataclass(frozen=True, slots=True)
class Selected:
    """A tag that a rule selects.

    `group` is its value of `per`, None where the rule has no `per`; `version` what a `semver` condition reads, None
    where that is no version.
    """

    tag: str
    group: str | None
    version: Version | None


def match_all(rules: Iterable[Rule], tags: Iterable[str]) -> Matches:
    """For each pattern of the rules, the tags that it matches and what it captures: each pair is tried once."""
    distinct = tuple(dict.fromkeys(tags))
    patterns = dict.fromkeys(pattern for rule in rules for pattern in (*rule.tags, *rule.except_tags))
    return {pattern: _matched(pattern, distinct) for pattern in patterns}


def select(rule: Rule, matches: Matches) -> dict[str, Selected]:
    """The tags that match one of `tags` and none of `except`; of several that match, the first pattern speaks."""
    unwanted = frozenset(tag for pattern in rule.except_tags for tag in matches[pattern])
    selected: dict[str, Selected] = {}
    for pattern in rule.tags:
        for tag, captures in matches[pattern].items():
            if tag not in selected and tag not in unwanted:
                selected[tag] = _read(rule, tag, captures)
    return selected


def _matched(pattern: Pattern, tags: Iterable[str]) -> dict[str, Captures]:
    attempts = ((tag, pattern.captures(tag)) for tag in tags)
    return {tag: captures for tag, captures in attempts if captures is not None}


def _read(rule: Rule, tag: str, captures: Captures) -> Selected:
    group = captures.get(rule.per, "") if rule.per is not None else None
    return Selected(tag, group, parse_version(captures.get("version", tag)))
