"""What decides which manifests a policy condemns, as one short text: two policies that decide alike have the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta

from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Protections, Rule


def fingerprint(policy: Policy, protections: Protections) -> str:
    """The SHA-256, in hexadecimal, of all that decides; not of how it is spelled, nor of mode, notice and caps."""
    decisive = {
        "repositories": _unordered(policy.repositories),
        "keep": sorted(_canonical(_rule(rule)) for rule in policy.keep),
        "untagged": _seconds(policy.untagged_within),
        "unmatched": policy.delete_unmatched,
        "keep_at_least": policy.limits.keep_at_least,
        "grace": _seconds(protections.grace),
        "protected_tags": _unordered(protections.tags),
        "protected_digests": sorted(protections.digests),
        "zone": protections.zone.key,
    }
    return hashlib.sha256(_canonical(decisive).encode()).hexdigest()


def _rule(rule: Rule) -> dict[str, object]:
    """A rule without its number: rules are joined by OR. The first of its tags that matches speaks for `per`."""
    levels = rule.semver and (rule.semver.majors, rule.semver.minors, rule.semver.patches)
    return {
        "tags": [pattern.text for pattern in rule.tags],
        "except": _unordered(rule.except_tags),
        "last": rule.last,
        "within": _seconds(rule.within),
        "calendar": dict(rule.calendar),
        "semver": levels,
        "per": rule.per,
    }


def _unordered(patterns: Iterable[Pattern]) -> list[str]:
    return sorted({pattern.text for pattern in patterns})


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
