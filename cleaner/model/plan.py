"""What goes, in which order, what holds it back, and what it frees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cleaner.model.manifest import Digest, Manifest
from cleaner.model.reason import GoReason


class Mode(StrEnum):
    """Whether a policy is only reported on, or carried out."""

    PLAN = "plan"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Deletion:
    """One manifest that goes, the mode of its policy, and the deletions of its repository that must precede it.

    `after` holds the condemned indexes that list it and the condemned subjects that it is attached to (law 10).
    """

    manifest: Manifest
    mode: Mode
    reasons: tuple[GoReason, ...]
    after: tuple[Digest, ...] = ()
    children: tuple[Digest, ...] = ()


class HoldReason(StrEnum):
    """Why condemned manifests stay for now (contracts, `held_back`)."""

    SHARE = "share"
    CAP = "cap"
    SOURCE = "source"
    LISTING = "listing"
    MANIFEST = "manifest"
    NOTICE = "notice"
    """Condemned, and announced: it goes once the policy's `notice` has run out."""

    @property
    def is_trouble(self) -> bool:
        """Whether a person should look (exit code 3); a notice runs out by itself."""
        return self is not HoldReason.NOTICE


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Manifests that a limit, or something unreadable, holds back.

    `repository` is None for a source that could not be read and speaks for all, or holds nothing back.
    """

    repository: str | None
    reason: HoldReason
    detail: str
    manifests: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A condemned manifest that stays for now, and what holds it back; `goes_at` is when its notice runs out."""

    deletion: Deletion
    reason: HoldReason
    goes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Freed:
    """What a collection will free, in bytes, each blob counted once over the whole registry.

    `unsized` counts the blobs among them whose size nobody states: `bytes` is then a lower bound.
    """

    bytes: int
    blobs: int
    unsized: int = 0


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A repository under no policy: nothing in it is touched. `bytes` are those of its blobs, each counted once."""

    repository: str
    manifests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for one registry: `manifests` = `kept` + `deletions` + what is held back.

    `deletions` stand repository by repository, each in its order of deletion. `waiting` are the condemned manifests
    among those held back, in the same order. `freed` is None where any repository could not be read.
    """

    registry: str
    manifests: int
    kept: int
    deletions: tuple[Deletion, ...]
    held_back: tuple[HeldBack, ...]
    freed: Freed | None
    warnings: tuple[str, ...]
    unmanaged: tuple[Unmanaged, ...]
    waiting: tuple[Waiting, ...] = ()

    @property
    def announced(self) -> tuple[Waiting, ...]:
        """What only waits for its notice to run out."""
        return tuple(each for each in self.waiting if each.reason is HoldReason.NOTICE)
