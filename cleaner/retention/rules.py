"""What the rules of a policy say of a repository's versions. Rules only keep (policy page, "Rules")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.reason import Condition, KeptByRule, Unmatched
from cleaner.model.use import TagMemory
from cleaner.model.verdict import Remarks
from cleaner.retention.age import time_by
from cleaner.retention.conditions import Finding, Member, evaluate
from cleaner.retention.policy import Rule
from cleaner.retention.selection import Selected, match_all, select

Missed: TypeAlias = tuple[int, tuple[Condition, ...]]
"""A rule that selects a manifest and does not keep it: its number, and the conditions that do not hold."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say, by digest; a manifest that no rule selects has no entry in `kept` and `missed`.

    `unmatched` are the versions with tags that no rule selects.
    """

    kept: Mapping[Digest, tuple[KeptByRule, ...]]
    missed: Mapping[Digest, tuple[Missed, ...]]
    unmatched: Mapping[Digest, Unmatched]
    remarks: Remarks


def apply_rules(listing: Listing, rules: Sequence[Rule], now: datetime, memory: TagMemory, zone: ZoneInfo) -> Ruling:
    """Select the tags of the listing by each rule, and evaluate each rule over its members."""
    matches = match_all(rules, (tag for manifest in listing.manifests for tag in manifest.version_tags))
    selections = [(rule, select(rule, matches)) for rule in rules]
    said: dict[Digest, list[KeptByRule | Missed]] = defaultdict(list)
    for rule, selection in selections:
        for digest, outcome in _outcomes(rule, _groups(listing, selection, now, memory), now, zone):
            said[digest].append(outcome)
    unmatched = _unmatched(listing, frozenset(tag for _, selection in selections for tag in selection))
    return Ruling(
        kept={digest: tuple(o for o in outcomes if isinstance(o, KeptByRule)) for digest, outcomes in said.items()},
        missed={digest: _distinct_misses(outcomes) for digest, outcomes in said.items()},
        unmatched=unmatched,
        remarks=_remarks(selections, unmatched),
    )


def _distinct_misses(outcomes: Sequence[KeptByRule | Missed]) -> tuple[Missed, ...]:
    """The misses among the outcomes, each once: in two groups of one rule, a manifest can miss the same twice."""
    return tuple(dict.fromkeys(outcome for outcome in outcomes if not isinstance(outcome, KeptByRule)))


def _groups(
    listing: Listing, selection: Mapping[str, Selected], now: datetime, memory: TagMemory
) -> dict[str | None, list[Member]]:
    """The rule's members for each value of its `per` (None alone without `per`), the values sorted."""
    groups: dict[str | None, list[Member]] = defaultdict(list)
    for manifest in listing.manifests:
        for group, selected in _by_group(manifest, selection).items():
            time = time_by((each.tag for each in selected), manifest, now, memory)
            if time is not None:
                groups[group].append(_member(manifest.digest, time, selected))
    return {group: groups[group] for group in sorted(groups, key=lambda group: group or "")}


def _by_group(manifest: Manifest, selection: Mapping[str, Selected]) -> dict[str | None, list[Selected]]:
    by_group: dict[str | None, list[Selected]] = defaultdict(list)
    for tag in manifest.version_tags:
        if tag in selection:
            by_group[selection[tag].group].append(selection[tag])
    return by_group


def _member(digest: Digest, time: datetime, selected: Sequence[Selected]) -> Member:
    versions = dict.fromkeys(each.version for each in selected if each.version is not None)
    return Member(digest, time, tuple(each.tag for each in selected), tuple(versions))


def _outcomes(
    rule: Rule, groups: Mapping[str | None, Sequence[Member]], now: datetime, zone: ZoneInfo
) -> Iterator[tuple[Digest, KeptByRule | Missed]]:
    for group, members in groups.items():
        for member, findings in zip(members, evaluate(rule, members, now, zone), strict=True):
            yield member.digest, _outcome(rule, group, member, findings)


def _outcome(rule: Rule, group: str | None, member: Member, findings: Sequence[Finding]) -> KeptByRule | Missed:
    missed = tuple(finding.condition for finding in findings if not finding.met)
    if missed:
        return rule.number, missed
    patterns = tuple(pattern.text for pattern in rule.tags)
    return KeptByRule(rule.number, member.tags, patterns, tuple(finding.condition for finding in findings), group)


def _unmatched(listing: Listing, selected: frozenset[str]) -> dict[Digest, Unmatched]:
    tags = {m.digest: tuple(tag for tag in m.version_tags if tag not in selected) for m in listing.manifests}
    return {digest: Unmatched(unselected) for digest, unselected in tags.items() if unselected}


def _remarks(
    selections: Sequence[tuple[Rule, Mapping[str, Selected]]], unmatched: Mapping[Digest, Unmatched]
) -> Remarks:
    by_semver = (each for rule, selection in selections if rule.semver is not None for each in selection.values())
    return Remarks(
        selecting=frozenset(rule.number for rule, selection in selections if selection),
        no_versions=tuple(sorted({each.tag for each in by_semver if each.version is None})),
        unmatched=tuple(sorted({tag for version in unmatched.values() for tag in version.tags})),
    )
