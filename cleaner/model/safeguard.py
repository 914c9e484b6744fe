"""Events of what guards against a loss: in-use sources, what was brought back, what an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.audit import Finding
from cleaner.model.deletion import Restorable


@dataclass(frozen=True, slots=True)
class SourceRead:
    """An in-use source told which images of this registry are in use: so many."""

    registry: str
    source: str
    images: int


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """An in-use source could not be read: what it could have vetoed is not deleted (law 6)."""

    registry: str
    source: str
    error: str


@dataclass(frozen=True, slots=True)
class ManifestRestored:
    """A manifest that we had deleted was brought back, and why."""

    registry: str
    manifest: Restorable
    because: str


@dataclass(frozen=True, slots=True)
class RestoreFailed:
    """A manifest that we deleted could not be brought back."""

    registry: str
    manifest: Restorable
    error: str


@dataclass(frozen=True, slots=True)
class CollectionWithheld:
    """No collection is started, for it could take what is needed: the alarm of the last look before one."""

    registry: str
    detail: str


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit of the registry is done, with all that it found."""

    registry: str
    findings: tuple[Finding, ...]


Safeguard: TypeAlias = SourceRead | SourceFailed | ManifestRestored | RestoreFailed | CollectionWithheld | Audited
