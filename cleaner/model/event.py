"""What happens, told as it happens: reports, progress, logs, metrics and pages are listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from cleaner.model.collection import Collection
from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion, Freed, HeldBack, Plan
from cleaner.model.registry import Storage
from cleaner.model.report import Report
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import Safeguard


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A run holds its registry and begins; what is told of this registry until it ends belongs to it."""

    registry: str
    run: str
    kind: RunKind


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended, whatever came of it; `duration` is how long it took."""

    registry: str
    run: str
    kind: RunKind
    report: Report
    duration: timedelta


@dataclass(frozen=True, slots=True)
class RunNotBegun:
    """A run that was due could not begin: another holds the registry (`is_held`), or the state cannot be written."""

    registry: str
    kind: RunKind
    error: str
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class RunScheduled:
    """When a schedule is due next, and the longest time between two of its due moments; None where it has none."""

    registry: str
    schedule: Schedule
    kind: RunKind
    due: datetime | None
    period: timedelta | None


@dataclass(frozen=True, slots=True)
class ConfigurationReloaded:
    """The configuration was read anew; `error` says why the old one stays in force, None where the new one is."""

    error: str | None


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
    """The plan is made, as of a moment: that of the run, or for a forecast the moment at which the next run is due."""

    plan: Plan
    as_of: datetime


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


class Breaker(StrEnum):
    """What stops deletions that go wrong."""

    SHARE = "share"
    """A repository would have lost more than its share, and is left whole."""
    FAILURES = "failures"
    """Too many deletions failed in a row, and the run asks no further (law 12)."""


@dataclass(frozen=True, slots=True)
class BreakerTripped:
    """A breaker stopped deletions of a run."""

    registry: str
    breaker: Breaker
    detail: str


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
class RegistryWatched:
    """A look from outside any run: the active garbage collection, whosesoever, None where there is none."""

    registry: str
    active: Collection | None


@dataclass(frozen=True, slots=True)
class StorageSeen:
    """What the registry's storage is, and what it costs."""

    registry: str
    storage: Storage


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """One request to the provider has ended; `status` is None where no whole answer came.

    `endpoint` is one of a closed set of names (`docr/endpoints.py`), `duration` from sending to the whole answer.
    """

    registry: str
    endpoint: str
    status: int | None
    duration: timedelta


@dataclass(frozen=True, slots=True)
class RateLimitSeen:
    """What an answer says of the token's rate limit: requests a window, and how many of them remain."""

    registry: str
    limit: int
    remaining: int


@dataclass(frozen=True, slots=True)
class BudgetWaited:
    """A request waited so long for its place in the rate limit's budget (law 13)."""

    registry: str
    duration: timedelta


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know, in plain words."""

    registry: str
    text: str


Event: TypeAlias = (
    RunBegan
    | RunEnded
    | RunNotBegun
    | RunScheduled
    | ConfigurationReloaded
    | RepositoriesListed
    | RepositoryListed
    | ManifestsWanted
    | ManifestRead
    | Planned
    | ManifestDeleted
    | DeletionFailed
    | DeletionSkipped
    | HeldBackLate
    | BreakerTripped
    | CollectionStarted
    | CollectionPolled
    | CollectionEnded
    | Safeguard
    | RegistryWatched
    | StorageSeen
    | RequestEnded
    | RateLimitSeen
    | BudgetWaited
    | Warned
)

Listener: TypeAlias = Callable[[Event], None]
"""Hears each event at once; it must not raise, and decides nothing."""


def registry_of(event: Event) -> str | None:
    """The registry that an event tells of; None where it tells of the whole process."""
    match event:
        case ConfigurationReloaded():
            return None
        case Planned(plan):
            return plan.registry
        case _:
            return event.registry
