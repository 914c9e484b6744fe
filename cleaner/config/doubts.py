"""What a file without errors may not mean: the warnings that need no look at a registry (policy page)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from cleaner.config.settings import RegistrySettings
from cleaner.config.tree import Node, printable
from cleaner.config.units import duration_text
from cleaner.errors import Problem
from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Rule


def doubts(registries: Sequence[RegistrySettings], root: Node) -> Iterator[Problem]:
    """Each optional part that the file needs and that is not installed; each literal tag that may go all the same."""
    for source in root.child("protect").child("in_use").items:
        if "kubernetes" in source.fields:
            yield from _lacking("kubernetes", "lightkube", "no cluster can be read, and so nothing is deleted", source)
    if root.child("notify").items:
        yield from _lacking("notify", "apprise", "nobody is told", root.child("notify"))
    for registry, node in zip(registries, root.child("registries").items, strict=True):
        for policy, below in zip(registry.policies, node.child("policies").items, strict=True):
            yield from _conditional_literals(policy, registry.protections.tags, below)


def _lacking(extra: str, module: str, consequence: str, node: Node) -> Iterator[Problem]:
    if find_spec(module) is None:
        message = f"{extra} needs {module}, which is not installed: {consequence}"
        yield node.place.problem(message, f"install it: pip install 'registry-cleaner[{extra}]'")


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
