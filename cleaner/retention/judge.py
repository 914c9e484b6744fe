"""The judge: every manifest of one repository stays or goes, with all its reasons (policy page).

What stays by itself (a rule, a protection, ...) keeps what is below it; what is left without a reason goes, and takes
with it what has nothing else above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from cleaner.model.family import Families
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.model.reason import (
    AmongNewest,
    AttachedTo,
    ChildOf,
    GoesWith,
    GoReason,
    KeepReason,
    NoRuleKeeps,
    Undecided,
)
from cleaner.model.use import NOTHING_SEEN, TagMemory
from cleaner.model.verdict import Condemned, Judgement, Kept, Verdict
from cleaner.retention.age import boundary, own_time
from cleaner.retention.families import families_of
from cleaner.retention.fate import Fates, decide
from cleaner.retention.orphans import orphans_of, untagged_keeps, untagged_lets_go
from cleaner.retention.policy import Policy, Protections
from cleaner.retention.protection import protected
from cleaner.retention.rules import Ruling, apply_rules
from cleaner.retention.uses import UseReason


@dataclass(frozen=True, slots=True)
class Case:
    """What is particular to one judging of one repository.

    `now` is the start of the run. `in_use` gives what uses which of its digests; `deleted` gives, for those that our
    own ledger deleted from it, the children that they listed; `memory` what the ledger knows of its tags and manifests.
    """

    now: datetime
    in_use: Mapping[Digest, tuple[UseReason, ...]] = field(default_factory=dict)
    deleted: Mapping[Digest, tuple[Digest, ...]] = field(default_factory=dict)
    memory: TagMemory = NOTHING_SEEN


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the verdicts of one judging rest on.

    `times` are those of the manifests that have one; `orphans` gives for each orphan the deleted ones that left it
    behind.
    """

    manifests: Mapping[Digest, Manifest]
    times: Mapping[Digest, datetime]
    families: Families
    orphans: Mapping[Digest, tuple[Digest, ...]]
    ruling: Ruling
    policy: Policy
    protections: Protections
    case: Case

    def age(self, digest: Digest) -> timedelta | None:
        """How old it is at the start of the run; None where it has no time."""
        time = self.times.get(digest)
        return None if time is None else self.case.now - time


_Reasons: TypeAlias = Mapping[Digest, tuple[KeepReason, ...]]


def judge(
    listing: Listing, contents: Mapping[Digest, Content], policy: Policy, protections: Protections, case: Case
) -> Judgement:
    """Judge every manifest of one repository.

    Raises:
        KeyError: a manifest of the listing has no entry in `contents`; what it is must never be guessed (law 2).
    """
    facts = _gather(listing, contents, policy, protections, case)
    own = {digest: tuple(_own_reasons(facts, manifest)) for digest, manifest in facts.manifests.items()}
    seeds = _with_newest(facts, own)
    fates = _fates(facts, seeds)
    verdicts = {digest: _verdict(facts, fates, seeds[digest], manifest) for digest, manifest in facts.manifests.items()}
    return Judgement(listing.repository, verdicts, facts.families, facts.ruling.remarks)


def _gather(
    listing: Listing, contents: Mapping[Digest, Content], policy: Policy, protections: Protections, case: Case
) -> _Facts:
    families = families_of(listing, contents)
    times = ((manifest.digest, own_time(manifest, case.now, case.memory)) for manifest in listing.manifests)
    return _Facts(
        manifests=listing.by_digest(),
        times={digest: time for digest, time in times if time is not None},
        families=families,
        orphans=orphans_of(listing, contents, families, case.deleted),
        ruling=apply_rules(listing, policy.keep, case.now, case.memory, protections.zone),
        policy=policy,
        protections=protections,
        case=case,
    )


def _own_reasons(facts: _Facts, manifest: Manifest) -> Iterator[KeepReason]:
    """Why a manifest stays whatever becomes of all others."""
    digest, age = manifest.digest, facts.age(manifest.digest)
    yield from facts.ruling.kept.get(digest, ())
    if digest in facts.ruling.unmatched and not facts.policy.delete_unmatched:
        yield facts.ruling.unmatched[digest]
    yield from protected(manifest, age, facts.protections)
    yield from facts.case.in_use.get(digest, ())
    if digest in facts.orphans:
        yield from untagged_keeps(facts.orphans[digest], age, facts.policy.untagged_within)


def _with_newest(facts: _Facts, own: _Reasons) -> _Reasons:
    """`own`, and a reason more for the newest versions where fewer than `keep_at_least` would stay (law 5)."""
    count = facts.policy.limits.keep_at_least
    times = {digest: time for digest, time in facts.times.items() if facts.manifests[digest].is_version}
    if not times or len(times.keys() & _fates(facts, own).stay) >= count:
        return own
    oldest = boundary(times.values(), count)
    newest = {digest: (AmongNewest(count),) for digest, time in times.items() if time >= oldest}
    return {digest: reasons + newest.get(digest, ()) for digest, reasons in own.items()}


def _fates(facts: _Facts, own: _Reasons) -> Fates:
    """Who stays, where those with a reason of their own do."""
    independent = [digest for digest, m in facts.manifests.items() if m.is_version or digest in facts.orphans]
    return decide(facts.families, independent, frozenset(digest for digest, reasons in own.items() if reasons))


def _verdict(facts: _Facts, fates: Fates, own: tuple[KeepReason, ...], manifest: Manifest) -> Verdict:
    if manifest.digest in fates.stay:
        return Kept(manifest, (*own, *_family_reasons(facts, fates, manifest.digest)))
    return Condemned(manifest, tuple(_go_reasons(facts, manifest)))


def _family_reasons(facts: _Facts, fates: Fates, digest: Digest) -> Iterator[KeepReason]:
    """Every index and every subject that stays and keeps it."""
    for index in facts.families.indexes.get(digest, ()):
        if index in fates.stay:
            yield ChildOf(index, facts.manifests[index].tags)
    for subject in facts.families.subjects.get(digest, ()):
        if subject in fates.stay:
            yield AttachedTo(subject, facts.manifests[subject].tags)
    if digest in fates.undecided:
        yield Undecided()


def _go_reasons(facts: _Facts, manifest: Manifest) -> Iterator[GoReason]:
    """Why it goes. It has a time, for without one it stays."""
    digest, age = manifest.digest, facts.case.now - facts.times[manifest.digest]
    if manifest.is_version:
        yield NoRuleKeeps(manifest.version_tags, age, facts.ruling.missed.get(digest, ()))
    elif digest in facts.orphans:
        yield from untagged_lets_go(facts.orphans[digest], age, facts.policy.untagged_within)
    else:
        yield GoesWith(facts.families.indexes.get(digest, ()), facts.families.subjects.get(digest, ()))
