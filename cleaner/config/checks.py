"""What no single value can show: places of the file that contradict one another.

These look at the tree, not at the models, so that they speak up in a file that has other errors as well.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from datetime import timedelta

from cleaner.config.models import File
from cleaner.config.protect import UNNAMED_CLUSTER
from cleaner.config.scalars import parse_pattern
from cleaner.config.tree import Kind, Node, printable
from cleaner.config.units import NotAsExpected, duration_text, parse_duration
from cleaner.errors import Problem
from cleaner.model.plan import Mode
from cleaner.retention.patterns import Pattern, compile_pattern

MOST_PATTERNS = 2_000
"""The most patterns that the rules of one policy may hold together."""


def contradictions(root: Node) -> Iterator[Problem]:
    """Every contradiction in the file; a value that cannot be read contradicts nothing."""
    grace = _duration(root.child("grace")) if "grace" in root.fields else File.model_fields["grace"].default
    yield from _enforced_blindly(root)
    yield from _same_sources(root.child("protect").child("in_use").items)
    yield from _same_names(root.child("registries").items)
    for registry in root.child("registries").items:
        policies = registry.child("policies").items
        yield from _unreachable(policies)
        for policy in policies:
            yield from _too_many_patterns(policy)
            yield from _shorter_than(grace or timedelta(0), policy)
            for rule in policy.child("keep").items:
                yield from _lacking_groups(rule)


def _too_many_patterns(policy: Node) -> Iterator[Problem]:
    """Each tag is held against each pattern, so their number is bounded."""
    rules = policy.child("keep").items
    patterns = sum(len(rule.child(key).items) for rule in rules for key in ("tags", "except"))
    if patterns > MOST_PATTERNS:
        message = f"the rules of this policy hold {patterns:,} patterns, more than {MOST_PATTERNS:,}"
        yield policy.child("keep").place.problem(message, "say it with wildcards or a regular expression")


def _enforced_blindly(root: Node) -> Iterator[Problem]:
    if "in_use" in root.child("protect").fields:
        return
    for registry in root.child("registries").items:
        for policy in registry.child("policies").items:
            mode = next((node.child("mode") for node in (policy, registry, root) if "mode" in node.fields), None)
            if mode is not None and mode.text == Mode.ENFORCE:
                message = "mode: enforce needs protect.in_use, which says how to tell what is running"
                yield mode.place.problem(message, "write in_use: none under protect, or a list of sources")


def _same_names(registries: Sequence[Node]) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for name in (registry.child("name") for registry in registries):
        if name.text and name.text in lines:
            message = f"the registry {name.shown} stands here twice, first on line {lines[name.text]}"
            yield name.place.problem(message, "put all its policies under one entry")
        lines.setdefault(name.text, name.place.line)


def _same_sources(entries: Sequence[Node]) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for entry in entries:
        for name, hint in _source_names(entry):
            if name in lines:
                message = f"{name} stands here twice, first on line {lines[name]}"
                yield entry.place.problem(message, hint)
            lines.setdefault(name, entry.place.line)


def _source_names(entry: Node) -> Iterator[tuple[str, str]]:
    """What an entry reads, and how to write it so that no other entry reads the same."""
    if "app_platform" in entry.fields:
        yield "app_platform", "keep one of them: it speaks for all apps of the account"
    if "kubernetes" in entry.fields:
        cluster = entry.child("kubernetes")
        name = cluster.child("cluster").text or cluster.child("context").text or UNNAMED_CLUSTER
        yield f"the cluster '{printable(name)}'", "give each a name of its own: {kubernetes: {cluster: …}}"
    if path := entry.child("file").text:
        yield f"the file '{printable(os.path.normpath(path))}'", "name each file once"


def _unreachable(policies: Sequence[Node]) -> Iterator[Problem]:
    texts: set[str] = set()
    wildcards: list[Pattern] = []
    for policy in policies:
        repositories = policy.child("repositories")
        patterns = _patterns(repositories)
        readable = bool(patterns) and len(patterns) == len(repositories.items)
        if readable and all(_is_covered(pattern, texts, wildcards) for pattern in patterns):
            message = "no repository can reach this policy: earlier ones match all that it matches"
            yield repositories.place.problem(message, "the first policy that matches counts: move it up, or drop it")
        texts.update(pattern.text for pattern in patterns)
        wildcards += [pattern for pattern in patterns if not pattern.is_literal]


def _is_covered(pattern: Pattern, texts: set[str], wildcards: Sequence[Pattern]) -> bool:
    if pattern.text in texts or any(set(other.text) == {"*"} for other in wildcards):
        return True
    if pattern.text.startswith("re:"):
        return False
    begin_alike = any(pattern.text.startswith(prefix) for prefix in _prefixes(wildcards))
    return begin_alike or (pattern.is_literal and any(other.matches(pattern.text) for other in wildcards))


def _prefixes(wildcards: Sequence[Pattern]) -> Iterator[str]:
    """Of the globs that end in their only wildcard, `*`, what stands before it: they match all that begins so."""
    for pattern in wildcards:
        prefix = pattern.text.removesuffix("*")
        if prefix and prefix != pattern.text and not prefix.startswith("re:") and not set("*?[") & set(prefix):
            yield prefix


def _shorter_than(grace: timedelta, policy: Node) -> Iterator[Problem]:
    for node in (*policy.child("keep").items, policy.child("untagged")):
        within = node.child("within")
        duration = _duration(within)
        if duration and duration < grace:
            message = f"within: {within.text} is shorter than grace ({duration_text(grace)}), which keeps more already"
            minutes = f"{within.text} is {within.text[:-1]} minutes, not months: six months are 26w"
            hint = minutes if within.text.endswith("m") else f"write at least {duration_text(grace)}, or shorten grace"
            yield within.place.problem(message, hint)


def _lacking_groups(rule: Node) -> Iterator[Problem]:
    per, tags = rule.child("per"), rule.child("tags")
    if per.kind is not Kind.STRING:
        return
    if "tags" not in rule.fields:
        message = f"per: {printable(per.text)} needs patterns that capture this group, and this rule has no tags"
        yield per.place.problem(message, f"write tags: ['re:(?P<{printable(per.text)}>…)…']")
    for node in tags.items:
        for pattern in _pattern(node):
            if per.text not in pattern.groups:
                message = f"the pattern {node.shown} has no group '{printable(per.text)}', by which per divides"
                yield node.place.problem(message, f"capture it: re:(?P<{printable(per.text)}>…)…")


def _duration(node: Node) -> timedelta | None:
    try:
        return parse_duration(node.text)
    except NotAsExpected:
        return None


def _patterns(node: Node) -> list[Pattern]:
    return [pattern for item in node.items for pattern in _pattern(item)]


def _pattern(node: Node) -> Iterator[Pattern]:
    try:
        yield compile_pattern(parse_pattern(node.text))
    except NotAsExpected:
        return
