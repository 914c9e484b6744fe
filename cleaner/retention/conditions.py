"""The conditions of a rule, each evaluated by itself over all of the rule's members (policy page, "Rules")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cleaner.model.manifest import Digest
from cleaner.model.reason import Calendar, Condition, Last, Semver, Within
from cleaner.retention.age import boundary
from cleaner.retention.periods import newest_of_periods
from cleaner.retention.policy import Period, Rule, SemverLimits
from cleaner.retention.versions import Version, highest


@dataclass(frozen=True, slots=True)
class Member:
    """A manifest with a time, as one rule sees it: the tags that the rule selects, and their versions."""

    digest: Digest
    time: datetime
    tags: tuple[str, ...]
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a member meets a condition."""

    met: bool
    condition: Condition


def evaluate(rule: Rule, members: Sequence[Member], now: datetime, zone: ZoneInfo) -> list[tuple[Finding, ...]]:
    """For each member, in order, what each condition of the rule finds: nothing where the rule has none."""
    columns: list[Iterator[Finding]] = []
    if rule.last is not None:
        columns.append(_last(members, rule.last))
    if rule.within is not None:
        columns.append(_within(members, rule.within, now))
    if rule.calendar:
        columns.append(_calendar(members, rule.calendar, zone))
    if rule.semver is not None:
        columns.append(_semver(members, rule.semver))
    return list(zip(*columns, strict=True)) if columns else [()] * len(members)


def _last(members: Sequence[Member], count: int) -> Iterator[Finding]:
    oldest = boundary((member.time for member in members), count)
    for member in members:
        yield Finding(member.time >= oldest, Last(count))


def _within(members: Sequence[Member], limit: timedelta, now: datetime) -> Iterator[Finding]:
    for member in members:
        age = now - member.time
        yield Finding(age < limit, Within(limit, age))


def _calendar(members: Sequence[Member], counts: Mapping[Period, int], zone: ZoneInfo) -> Iterator[Finding]:
    times = [member.time for member in members]
    newest = {
        f"{period} {counts[period]}": newest_of_periods(times, period, counts[period], zone)
        for period in Period
        if period in counts
    }
    for member in members:
        met = tuple(name for name, kept in newest.items() if member.time in kept)
        yield Finding(bool(met), Calendar(met or tuple(newest)))


def _semver(members: Sequence[Member], limits: SemverLimits) -> Iterator[Finding]:
    kept = highest((version for member in members for version in member.versions), limits)
    for member in members:
        met = tuple(str(version) for version in member.versions if version in kept)
        yield Finding(bool(met), Semver(met or tuple(str(version) for version in member.versions)))
