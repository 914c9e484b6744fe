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
    """Each literal tag under a condition that neither a protection nor an unconditional rule keeps besides."""
    for registry, node in zip(registries, root.child("registries").items, strict=True):
        for policy, below in zip(registry.policies, node.child("policies").items, strict=True):
            yield from _conditional_literals(policy, registry.protections.tags, below)


def _conditional_literals(policy: Policy, protected: Sequence[Pattern], node: Node) -> Iterator[Problem]:
    unconditional = [rule for rule in policy.keep if not _is_conditional(rule)]
    for rule, below in zip(policy.keep, node.child("keep").items, strict=True):
        literals = [p for p in rule.tags if p.is_literal and _is_conditional(rule) and _selects(rule, p.text)]
        for pattern in literals:
            kept = any(_selects(other, pattern.text) for other in unconditional)
            if not kept and not any(other.matches(pattern.text) for other in protected):
                place = below.at(("tags", rule.tags.index(pattern))).place
                yield place.problem(*_words(pattern.text, rule))


def _is_conditional(rule: Rule) -> bool:
    return any((rule.last, rule.within, rule.calendar, rule.semver))


def _selects(rule: Rule, tag: str) -> bool:
    return any(p.matches(tag) for p in rule.tags) and not any(p.matches(tag) for p in rule.except_tags)


def _words(tag: str, rule: Rule) -> tuple[str, str]:
    age = "" if rule.within is None else f", for instance when it is not pushed for {duration_text(rule.within)}"
    message = f"the tag '{printable(tag)}' stands under a condition: it goes once that no longer holds{age}"
    return message, "to keep it always, name it in a rule without a condition"
