"""Events as a daemon tells them, short to write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from cleaner.daemon import metric_labels as labels
from cleaner.daemon.sources import SourceKind
from cleaner.docr.endpoints import Endpoint
from cleaner.model.audit import Finding, FindingKind
from cleaner.model.collection import Collection
from cleaner.model.deletion import Restorable
from cleaner.model.event import (
    Breaker,
    BreakerTripped,
    BudgetWaited,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    Event,
    HeldBackLate,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RateLimitSeen,
    RegistryWatched,
    RepositoriesListed,
    RepositoryListed,
    RequestEnded,
    RunBegan,
    RunEnded,
    RunNotBegun,
    RunScheduled,
    StorageSeen,
    Warned,
)
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Plan
from cleaner.model.reason import OrphanOld
from cleaner.model.registry import Storage
from cleaner.model.report import Report
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import (
    Audited,
    CollectionWithheld,
    ManifestRestored,
    RestoreFailed,
    SourceFailed,
    SourceRead,
)
from tests.house import START

MOMENT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DIGEST = Digest("sha256:" + "a" * 64)
FREED = Freed(5000, 3)
GONE = Restorable(7, "run-0", "shop", DIGEST, ("v1",), (), MOMENT, None)
SOURCES = {
    "app_platform": SourceKind.APP_PLATFORM,
    "kubernetes prod": SourceKind.KUBERNETES,
    "kubernetes test": SourceKind.KUBERNETES,
    "file images.txt": SourceKind.FILE,
}
"""The in-use sources of a registry, by name."""
FINDINGS = (
    Finding(FindingKind.BROKEN_TAG, "shop", "shop:v1", "a child is not there"),
    Finding(FindingKind.MISSING_IMAGE, "shop", "shop:v2", "no such tag", "kubernetes prod: prod/web/deployment/web"),
    Finding(FindingKind.MISSING_IMAGE, "shop", "shop:v3", "no such tag", "kubernetes prod: prod/web/deployment/api"),
)
EXIT_CODES = {"success": 0, "held_back": 3, "failed": 1, "stopped": 130}


def deletion(mode: Mode = Mode.ENFORCE, tags: tuple[str, ...] = ("v1",)) -> Deletion:
    """An orphan that is too old."""
    manifest = Manifest("shop", DIGEST, MOMENT, tags)
    return Deletion(manifest, mode, (OrphanOld(timedelta(days=20), timedelta(days=14)),))


def plan(registry: str = "acme", freed: Freed | None = FREED, warnings: tuple[str, ...] = ()) -> Plan:
    """Ten manifests: four stay, three go, one of them in mode plan, and three are held back."""
    goes = (deletion(), deletion(), deletion(Mode.PLAN))
    held = (HeldBack("shop", HoldReason.SHARE, "more than 50%", 2), HeldBack(None, HoldReason.CAP, "limits", 1))
    return Plan(registry, 10, 4, goes, held, freed, warnings, ())


def report(outcome: str = "success", registry: str = "acme") -> Report:
    """The report of a run with this outcome."""
    error = "the token is wrong" if outcome == "failed" else None
    return Report(registry, error, EXIT_CODES[outcome], (), (), (), (), None, None, ())


def ended(
    outcome: str = "success", kind: RunKind = RunKind.CLEAN, registry: str = "acme", duration: timedelta = SECOND
) -> RunEnded:
    """A run's end."""
    return RunEnded(registry, "run-1", kind, report(outcome, registry), duration)


def collection(status: str, uuid: str = "one", created_at: datetime | None = MOMENT, freed: int = 700) -> Collection:
    """A garbage collection in this state."""
    return Collection(uuid, status, created_at, MOMENT, freed, 3)


def everything(registry: str) -> Iterator[Event]:
    """One event of each kind, and of each value that a label of the metrics can take."""
    for kind in RunKind:
        yield RunBegan(registry, "run-1", kind)
        yield from (ended(outcome, kind, registry) for outcome in EXIT_CODES)
        yield RunScheduled(registry, Schedule.CLEANING, kind, MOMENT, timedelta(days=1))
    yield RunNotBegun(registry, RunKind.CLEAN, "another run holds it")
    yield from (ConfigurationReloaded(error) for error in (None, "config.yaml:1:1: unknown key"))
    yield from (RepositoriesListed(registry, 1), RepositoryListed(registry, "shop", 2), ManifestsWanted(registry, 2))
    yield from (ManifestRead(registry, "shop", DIGEST, readable=True), Planned(plan(registry), START))
    yield HeldBackLate(registry, HeldBack("shop", HoldReason.LISTING, "a page failed", 2))
    yield from (ManifestDeleted(registry, deletion()), DeletionFailed(registry, deletion(), "500"))
    yield DeletionSkipped(registry, deletion(), "already gone")
    yield from (BreakerTripped(registry, breaker, "as it was") for breaker in Breaker)
    yield from _collections(registry)
    yield from _safeguards(registry)
    yield StorageSeen(registry, Storage(5 * 2**30, 15 * 2**30, 10 * 2**30, 2.0))
    yield from (RequestEnded(registry, *each, SECOND) for each in product(Endpoint, _statuses()))
    yield from (RateLimitSeen(registry, 5000, 4000), BudgetWaited(registry, SECOND), Warned(registry, "mind this"))


def _collections(registry: str) -> Iterator[Event]:
    for status in labels.ACTIVE.values:
        yield CollectionStarted(registry, collection(status), adopted=True)
        yield CollectionPolled(registry, collection(status))
    for status in labels.ENDED.values:
        yield CollectionEnded(registry, collection(status), adopted=False, predicted=Freed(900, 4))
    yield RegistryWatched(registry, None)


def _safeguards(registry: str) -> Iterator[Event]:
    for source in SOURCES:
        yield from (SourceRead(registry, source, 3), SourceFailed(registry, source, "no answer"))
    yield ManifestRestored(registry, GONE, "an index lists it")
    yield RestoreFailed(registry, GONE, "its blobs are gone")
    yield CollectionWithheld(registry, "it would take what is needed")
    yield Audited(registry, FINDINGS)


def _statuses() -> Iterator[int | None]:
    for label in labels.HTTP_STATUS.values:
        yield None if label == labels.NO_ANSWER else int(label.replace("xx", "99"))
