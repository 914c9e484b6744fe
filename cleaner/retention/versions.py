"""Versions, and the highest of them (policy page, `semver`)."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from cleaner.retention.policy import SemverLimits

# A tag has at most 128 characters, so no number of a version has more digits.
_NUMBER = r"(0|[1-9][0-9]{0,127})"
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}")


class Version(NamedTuple):
    """A version of three numbers, without pre-release or build."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> Version | None:
    """The version that `text` spells as `X.Y.Z` or `vX.Y.Z`, in ASCII digits without leading zeros; else None."""
    match = _VERSION.fullmatch(text)
    return Version(int(match[1]), int(match[2]), int(match[3])) if match else None


def highest(versions: Iterable[Version], limits: SemverLimits) -> frozenset[Version]:
    """Those among the highest majors, of them among the highest minors, of them among the highest patches."""
    chosen = frozenset(versions)
    for depth, count in enumerate((limits.majors, limits.minors, limits.patches), start=1):
        if count is not None:
            chosen = _highest_at(depth, chosen, count)
    return chosen


def _highest_at(depth: int, versions: frozenset[Version], count: int) -> frozenset[Version]:
    """Those whose first `depth` numbers are among the `count` highest within their parent."""
    siblings: dict[tuple[int, ...], set[tuple[int, ...]]] = defaultdict(set)
    for version in versions:
        siblings[version[: depth - 1]].add(version[:depth])
    chosen = {prefix for prefixes in siblings.values() for prefix in heapq.nlargest(count, prefixes)}
    return frozenset(version for version in versions if version[:depth] in chosen)
