"""What a file without errors may not mean: the warnings that need no look at a registry (policy page)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cleaner.config.settings import RegistrySettings
from cleaner.config.tree import Node, printable
from cleaner.config.units import duration_text
from cleaner.errors import Problem
from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Rule


def doubts(registries: Sequence[RegistrySettings], root: Node) -> Iterator[Problem]:
    """Each literal tag under a condition that nothing keeps besides, and each in-use source that cannot be read yet."""
    for source in root.child("protect").child("in_use").items:
        message = "this version has no reader for in-use sources: while one is configured, nothing is deleted"
        yield source.place.problem(message, "write in_use: none, if nothing needs protecting")
    for registry, node in zip(registries, root.child("registries").items, strict=True):
        for policy, below in zip(registry.policies, node.child("policies").items, strict=True):
            yield from _conditional_literals(policy, registry.protections.tags, below)


def _conditional_literals(policy: Policy, protected: Sequence[Pattern], node: Node) -> Iterator[Problem]:
    always = [rule for rule in policy.keep if not _is_conditional(rule)]
    for rule, below in zip(policy.keep, node.child("keep").items, strict=True):
        written = below.child("tags").items if _is_conditional(rule) else ()
        for pattern, tag in zip(rule.tags, written, strict=False):  # tags that are the default stand nowhere
            kept = any(p.matches(tag.text) for p in protected) or any(_selects(other, tag.text) for other in always)
            if pattern.is_literal and _selects(rule, tag.text) and not kept:
                yield tag.place.problem(*_words(tag.text, rule))


def _is_conditional(rule: Rule) -> bool:
    return any((rule.last, rule.within, rule.calendar, rule.semver))


def _selects(rule: Rule, tag: str) -> bool:
    return any(p.matches(tag) for p in rule.tags) and not any(p.matches(tag) for p in rule.except_tags)


def _words(tag: str, rule: Rule) -> tuple[str, str]:
    age = "" if rule.within is None else f", for instance when it is not pushed for {duration_text(rule.within)}"
    message = f"the tag '{printable(tag)}' stands under a condition: it goes once that no longer holds{age}"
    return message, "to keep it always, name it in a rule without a condition"
