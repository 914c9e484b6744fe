"""A policy in plain words, for `cleaner check`."""

from __future__ import annotations

from cleaner.config.units import share_text
from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Rule, SemverLimits
from cleaner.retention.words import safe, say_limit


def describe(number: int, policy: Policy) -> list[str]:
    """What a policy means, line by line; `number` is its place in the file, from 1."""
    untagged = (
        "kept" if policy.untagged_within is None else f"kept for {say_limit(policy.untagged_within)}, then they go"
    )
    unmatched = "go" if policy.delete_unmatched else "are kept"
    limits = policy.limits
    cap = "" if limits.deletions is None else f", and at most {limits.deletions} manifests for this policy"
    return [
        f"policy {number} (mode {policy.mode}) for {_patterns(policy.repositories)}",
        *(f"  keeps {_rule(rule)}" for rule in policy.keep),
        f"  versions that no rule selects {unmatched}; orphans (untagged) are {untagged}",
        f"  a run takes at most {share_text(limits.share)} of a repository{cap}; "
        f"{limits.keep_at_least} versions stay at least",
    ]


def _rule(rule: Rule) -> str:
    excepted = f" except {_patterns(rule.except_tags)}" if rule.except_tags else ""
    each = f", for each {safe(rule.per)}" if rule.per else ""
    return f"{_patterns(rule.tags)}{excepted}: {' and '.join(_conditions(rule)) or 'always'}{each}"


def _conditions(rule: Rule) -> list[str]:
    conditions: list[str] = []
    if rule.last is not None:
        conditions.append(f"the {rule.last} newest")
    if rule.within is not None:
        conditions.append(f"younger than {say_limit(rule.within)}")
    if rule.calendar:
        periods = ", ".join(f"{count} {period}" for period, count in rule.calendar.items())
        conditions.append(f"the newest of each period ({periods})")
    if rule.semver is not None:
        conditions.append(_versions(rule.semver))
    return conditions


def _versions(limits: SemverLimits) -> str:
    levels = (("majors", limits.majors), ("minors", limits.minors), ("patches", limits.patches))
    counts = ", ".join(f"{'all' if count is None else count} {name}" for name, count in levels)
    return f"the highest versions ({counts})"


def _patterns(patterns: tuple[Pattern, ...]) -> str:
    return ", ".join(safe(pattern.text) for pattern in patterns)
