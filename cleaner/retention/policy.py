"""A retention policy as values: what the configuration compiles into and the judge reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from cleaner.model.manifest import Digest
from cleaner.model.plan import Mode
from cleaner.retention.patterns import Pattern


class Period(StrEnum):
    """A period of a `calendar` condition, in the registry's time zone; weeks are ISO weeks."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(frozen=True, slots=True)
class SemverLimits:
    """Of the `majors` highest majors the `minors` highest minors of the `patches` highest patches; None: unlimited."""

    majors: int | None = None
    minors: int | None = None
    patches: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `keep`: it selects tags, and keeps its members for which all its conditions hold.

    `number` counts from 1 within the policy. `calendar` maps each period to its count, empty for none. `per`
    names the group that makes one rule of each value it captures.
    """

    number: int
    tags: tuple[Pattern, ...]
    except_tags: tuple[Pattern, ...] = ()
    last: int | None = None
    within: timedelta | None = None
    calendar: Mapping[Period, int] = field(default_factory=dict)
    semver: SemverLimits | None = None
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What stands between a slip and a loss, for one policy's repositories.

    `deletions` caps the policy's repositories together, besides the registry's cap; None: only the registry's.
    `share` is of a repository's versions, and of its manifests. `keep_at_least` counts versions.
    """

    share: Fraction = Fraction(1, 2)
    keep_at_least: int = 2
    deletions: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One entry of `policies`.

    `untagged_within` None keeps every orphan; `delete_unmatched` lets a version go whose tags no rule selects.
    `notice` is how long before its deletion a manifest must have been condemned already, under the same policy text:
    one that decides alike has the same `fingerprint`, whatever its mode and its notice.
    """

    repositories: tuple[Pattern, ...]
    keep: tuple[Rule, ...]
    mode: Mode = Mode.PLAN
    limits: Limits = Limits()
    untagged_within: timedelta | None = None
    delete_unmatched: bool = False
    notice: timedelta = timedelta(0)
    fingerprint: str = ""

    def covers(self, repository: str) -> bool:
        """Whether one of its patterns matches the repository's name."""
        return any(pattern.matches(repository) for pattern in self.repositories)


@dataclass(frozen=True, slots=True)
class Protections:
    """What keeps besides the rules, the same for every policy of a registry.

    `zone` is the registry's time zone, in which calendar periods begin and end.
    """

    zone: ZoneInfo
    grace: timedelta = timedelta(hours=24)
    tags: tuple[Pattern, ...] = ()
    digests: frozenset[Digest] = frozenset()


def policy_for(repository: str, policies: tuple[Policy, ...]) -> Policy | None:
    """The first policy whose patterns match the repository's name; under None nothing in it is touched."""
    return next((policy for policy in policies if policy.covers(repository)), None)
