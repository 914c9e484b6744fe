"""What happens in a run, told as it happens; reports, progress, logs and metrics are listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.collection import Collection
from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion, Freed, HeldBack, Plan


@dataclass(frozen=True, slots=True)
class RepositoriesListed:
    """The registry has so many repositories."""

    registry: str
    repositories: int


@dataclass(frozen=True, slots=True)
class RepositoryListed:
    """A repository's listing is complete, or was given up (`manifests` None)."""

    registry: str
    repository: str
    manifests: int | None


@dataclass(frozen=True, slots=True)
class ManifestsWanted:
    """So many manifests are not known yet and are read from the data plane now."""

    registry: str
    manifests: int


@dataclass(frozen=True, slots=True)
class ManifestRead:
    """One manifest was read from the data plane, or could not be."""

    registry: str
    repository: str
    digest: Digest
    readable: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class ManifestDeleted:
    """The provider deleted a manifest at our request."""

    registry: str
    deletion: Deletion


@dataclass(frozen=True, slots=True)
class DeletionFailed:
    """A deletion was refused, or its answer says nothing."""

    registry: str
    deletion: Deletion
    error: str


@dataclass(frozen=True, slots=True)
class DeletionSkipped:
    """A planned deletion was not carried out, or was found done already (404)."""

    registry: str
    deletion: Deletion
    reason: str


@dataclass(frozen=True, slots=True)
class HeldBackLate:
    """The second judgement, or a failed look before it, holds back what the plan let through."""

    registry: str
    held_back: HeldBack


@dataclass(frozen=True, slots=True)
class CollectionStarted:
    """A garbage collection is active: started by us, or found active and followed (`adopted`)."""

    registry: str
    collection: Collection
    adopted: bool


@dataclass(frozen=True, slots=True)
class CollectionPolled:
    """One look at an active garbage collection."""

    registry: str
    collection: Collection


@dataclass(frozen=True, slots=True)
class CollectionEnded:
    """A garbage collection ended; `predicted` is what it should have freed, None for one that is not ours."""

    registry: str
    collection: Collection
    adopted: bool
    predicted: Freed | None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know, in plain words."""

    registry: str
    text: str


Event: TypeAlias = (
    RepositoriesListed
    | RepositoryListed
    | ManifestsWanted
    | ManifestRead
    | Planned
    | ManifestDeleted
    | DeletionFailed
    | DeletionSkipped
    | HeldBackLate
    | CollectionStarted
    | CollectionPolled
    | CollectionEnded
    | Warned
)

Listener: TypeAlias = Callable[[Event], None]
"""Hears each event at once; it must not raise, and decides nothing."""
