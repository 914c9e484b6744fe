"""The second engine's reading of time, tags, rules and their conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.model.use import SeenUse, TagMemory
from cleaner.retention.policy import Period, Policy, Protections, Rule, SemverLimits

Group = Mapping[Digest, list[str]]
"""The members of a rule (or of one value of its `per`) and the tags for which they are members."""

Version = tuple[int, int, int]

Ordered = TypeVar("Ordered", datetime, int)


@dataclass(frozen=True, slots=True)
class Question:
    """All that a verdict depends on."""

    listing: Listing
    contents: Mapping[Digest, Content]
    policy: Policy
    protections: Protections
    now: datetime
    uses: Sequence[SeenUse]
    deleted: Mapping[Digest, tuple[Digest, ...]]
    memory: TagMemory


# Age and order


def has_time(q: Question, m: Manifest) -> bool:
    """Its listing states when it was updated, and that is not in the future."""
    return m.updated_at is not None and m.updated_at <= q.now


def time(q: Question, m: Manifest) -> datetime:
    """Its own time: when it was updated or put back, any of its tags came, or (where it has none) the last one left."""
    left = [] if m.tags else [moment for digest, moment in q.memory.left.items() if digest == m.digest]
    return _last_of(q, m, [*left, *came(q, m.tags)])


def time_in_rule(q: Question, digest: Digest, tags: Iterable[str]) -> datetime:
    """Its time in a rule that selects these of its tags: when it was updated or put back, or the last of them came."""
    return next(_last_of(q, m, came(q, tags)) for m in q.listing.manifests if m.digest == digest)


def came(q: Question, tags: Iterable[str]) -> list[datetime]:
    """When these tags were seen to come, those of them that were."""
    return [q.memory.came[tag] for tag in tags if tag in q.memory.came]


def _last_of(q: Question, m: Manifest, seen: list[datetime]) -> datetime:
    """The last of these moments, of its `updated_at` and of its return; one later than now counts as now."""
    assert m.updated_at is not None
    back = [moment for digest, moment in q.memory.back.items() if digest == m.digest]
    return min(q.now, sorted([m.updated_at, *back, *seen])[-1])


def is_younger(q: Question, moment: datetime, limit: timedelta) -> bool:
    """Strictly younger than `limit`, counted from the start of the run."""
    return q.now - moment < limit


def number_above(value: Ordered, values: Iterable[Ordered]) -> int:
    """How many of `values` are strictly above `value`."""
    return sum(other > value for other in values)


# Tags


def named_by(tag: str) -> Digest | None:
    """The digest that an attachment tag names: `sha256-<64 hex>`, alone or with an ending; None of any other tag."""
    for ending in ("", ".sig", ".att", ".sbom"):
        hexadecimal = tag.removeprefix("sha256-").removesuffix(ending)
        if tag == f"sha256-{hexadecimal}{ending}" and _is_sha256(hexadecimal):
            return Digest(f"sha256:{hexadecimal}")
    return None


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def version_tags(m: Manifest) -> list[str]:
    """Its tags that are no attachment tags."""
    return [tag for tag in m.tags if named_by(tag) is None]


# Rules


def selects(rule: Rule, tag: str) -> bool:
    """It matches one of `tags` and none of `except`."""
    return any(p.matches(tag) for p in rule.tags) and not any(p.matches(tag) for p in rule.except_tags)


def group_value(rule: Rule, tag: str, group: str) -> str | None:
    """What the group captures in a selected tag, by the first pattern that matches it; None where nothing."""
    captures = next(p.captures(tag) for p in rule.tags if p.matches(tag))
    assert captures is not None
    return captures.get(group)


def kept_by_rules(q: Question) -> frozenset[Digest]:
    """OR between rules, AND between the conditions of one rule, each evaluated by itself over the rule's members."""
    return frozenset(
        digest
        for rule in q.policy.keep
        for members in groups(q, rule)
        for digest in members
        if all(conditions(q, rule, members, digest))
    )


def groups(q: Question, rule: Rule) -> list[Group]:
    """The members of the rule with the tags that make them members; one such group for each value of `per`.

    A manifest without a time is kept for that, and takes no slot: it is left out.
    """
    selected = {
        m.digest: [tag for tag in version_tags(m) if selects(rule, tag)] for m in q.listing.manifests if has_time(q, m)
    }
    values = {per_value(rule, tag) for tags in selected.values() for tag in tags}
    by_value = [
        {d: [t for t in tags if per_value(rule, t) == value] for d, tags in selected.items()} for value in values
    ]
    return [{d: tags for d, tags in members.items() if tags} for members in by_value]


def per_value(rule: Rule, tag: str) -> str:
    """The value of `per` for a selected tag; empty where it captured nothing, or where there is no `per`."""
    return (group_value(rule, tag, rule.per) or "") if rule.per else ""


def conditions(q: Question, rule: Rule, members: Group, digest: Digest) -> Iterable[bool]:
    """Whether each condition of the rule holds for this member."""
    times = {member: time_in_rule(q, member, tags) for member, tags in members.items()}
    if rule.last is not None:
        yield number_above(times[digest], times.values()) < rule.last
    if rule.within is not None:
        yield is_younger(q, times[digest], rule.within)
    if rule.calendar:
        yield any(calendar_keeps(q, period, n, times, digest) for period, n in rule.calendar.items())
    if rule.semver is not None:
        yield semver_keeps(rule, rule.semver, members, digest)


# Calendar

_PERIOD_NAMES = {
    Period.HOURLY: "%Y-%m-%d %H %z",  # the hour that a clock shows twice is two hours, told apart by the offset
    Period.DAILY: "%Y-%m-%d",
    Period.WEEKLY: "%G week %V",
    Period.MONTHLY: "%Y-%m",
    Period.YEARLY: "%Y",
}


def calendar_keeps(q: Question, period: Period, count: int, times: Mapping[Digest, datetime], digest: Digest) -> bool:
    """None in its period is newer, and fewer than `count` other periods have something newer."""

    def name(moment: datetime) -> str:
        return moment.astimezone(q.protections.zone).strftime(_PERIOD_NAMES[period])

    mine = times[digest]
    periods_of_newer = {name(other) for other in times.values() if other > mine}
    return name(mine) not in periods_of_newer and len(periods_of_newer) < count


# Semver


def semver_keeps(rule: Rule, limits: SemverLimits, members: Group, digest: Digest) -> bool:
    """One of its versions is among the highest, each level counted within its parent."""
    existing = {v for tags in members.values() for v in versions(rule, tags)}
    return any(_is_among_highest(limits, v, existing) for v in versions(rule, members[digest]))


def versions(rule: Rule, tags: Iterable[str]) -> set[Version]:
    """The versions that these selected tags are: their group `version` where captured, else the whole tag."""
    found = set()
    for tag in tags:
        captured = group_value(rule, tag, "version")
        text = tag if captured is None else captured
        numbers = text.removeprefix("v").split(".")
        if len(numbers) == 3 and all(re.fullmatch("0|[1-9][0-9]*", number) for number in numbers):
            found.add((int(numbers[0]), int(numbers[1]), int(numbers[2])))
    return found


def _is_among_highest(limits: SemverLimits, version: Version, existing: set[Version]) -> bool:
    """For each level: fewer than its limit of distinct numbers above this one stand beside it, under one parent."""
    return all(
        limit is None
        or number_above(version[level], {v[level] for v in existing if v[:level] == version[:level]}) < limit
        for level, limit in enumerate((limits.majors, limits.minors, limits.patches))
    )
