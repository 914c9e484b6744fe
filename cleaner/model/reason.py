"""Why a manifest is kept, and why one goes: values, put into words by `retention/words.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from cleaner.model.manifest import Digest


@dataclass(frozen=True, slots=True)
class Last:
    """Met or missed `last: count`."""

    count: int


@dataclass(frozen=True, slots=True)
class Within:
    """Met or missed `within: limit`, at that age."""

    limit: timedelta
    age: timedelta


@dataclass(frozen=True, slots=True)
class Calendar:
    """Met the named periods of a `calendar` (such as `daily 7`); missed all where `periods` is what was asked."""

    periods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Semver:
    """Met or missed a `semver` condition with these versions; none where no selected tag is a version."""

    versions: tuple[str, ...]


Condition: TypeAlias = Last | Within | Calendar | Semver


@dataclass(frozen=True, slots=True)
class KeptByRule:
    """A rule (numbered from 1 within its policy) selects `tags`, and all its conditions hold.

    `group` is the value that `per` captured, None where the rule has no `per`.
    """

    rule: int
    tags: tuple[str, ...]
    patterns: tuple[str, ...]
    met: tuple[Condition, ...]
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A version with tags that no rule of its policy selects."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Young:
    """Younger than `grace`."""

    age: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class NoTime:
    """Its time is missing, unreadable, before 1970 or in the future."""

    future: bool


@dataclass(frozen=True, slots=True)
class ProtectedTag:
    """A tag that matches a pattern of `protect.tags`."""

    tag: str
    pattern: str


@dataclass(frozen=True, slots=True)
class ProtectedDigest:
    """Named by `protect.digests`."""


@dataclass(frozen=True, slots=True)
class InUse:
    """Something runs it, or will roll back to it: the source and where exactly."""

    source: str
    where: str


@dataclass(frozen=True, slots=True)
class WasInUse:
    """Something ran it until `last_seen`, and may roll back to it (`protect.remember`)."""

    source: str
    where: str
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class TagMovedOn:
    """Something uses the image by `tag`, which pointed here until `until`: it may still run this one."""

    tag: str
    source: str
    where: str
    until: datetime


@dataclass(frozen=True, slots=True)
class AmongNewest:
    """One of the `keep_at_least` newest versions of a repository in which fewer would stay."""

    count: int


@dataclass(frozen=True, slots=True)
class OrphanKept:
    """An orphan: `untagged` keeps all (`limit` None) or those younger than `limit`."""

    limit: timedelta | None
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class ChildOf:
    """A child of an index that stays; `tags` are the index's."""

    index: Digest
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttachedTo:
    """Attached to a subject that stays; `tags` are the subject's."""

    subject: Digest
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """In a ring of manifests each of which waits for another's fate: nothing in it is decided, so it stays."""


KeepReason: TypeAlias = (
    KeptByRule
    | Unmatched
    | Young
    | NoTime
    | ProtectedTag
    | ProtectedDigest
    | InUse
    | WasInUse
    | TagMovedOn
    | AmongNewest
    | OrphanKept
    | ChildOf
    | AttachedTo
    | Undecided
)


@dataclass(frozen=True, slots=True)
class NoRuleKeeps:
    """A version that no rule keeps: its age, its newest tag as listed, and the rules that select it and what they miss.

    `missed` pairs a rule's number with its conditions that do not hold; empty where no rule selects any of its tags.
    """

    tags: tuple[str, ...]
    age: timedelta
    missed: tuple[tuple[int, tuple[Condition, ...]], ...]


@dataclass(frozen=True, slots=True)
class GoesWith:
    """Shares the fate of indexes and subjects that all go."""

    indexes: tuple[Digest, ...]
    subjects: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class OrphanOld:
    """An orphan that is not younger than `untagged.within`."""

    age: timedelta
    limit: timedelta


@dataclass(frozen=True, slots=True)
class OrphanLeftBehind:
    """An orphan whose index or subject our own ledger deleted: an interrupted deletion is completed."""

    deleted: tuple[Digest, ...]


GoReason: TypeAlias = NoRuleKeeps | GoesWith | OrphanOld | OrphanLeftBehind
