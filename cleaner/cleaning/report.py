"""The report of a run: a listener that folds its events."""

from __future__ import annotations

from dataclasses import dataclass, field

from cleaner.model.collection import Collection
from cleaner.model.event import (
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    DeletionFailed,
    DeletionSkipped,
    Event,
    HeldBackLate,
    ManifestDeleted,
    Planned,
    Warned,
)
from cleaner.model.plan import Freed, HeldBack
from cleaner.model.report import DeletedManifest, FailedDeletion, Report, SkippedDeletion
from cleaner.model.safeguard import ManifestRestored


@dataclass(slots=True)
class Reporter:
    """Hears one run's events, and reports on them at any point of it."""

    registry: str
    deleted: list[DeletedManifest] = field(default_factory=list)
    failed: list[FailedDeletion] = field(default_factory=list)
    skipped: list[SkippedDeletion] = field(default_factory=list)
    held_back: list[HeldBack] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    restored: list[DeletedManifest] = field(default_factory=list)
    collection: Collection | None = None
    ours: str | None = None

    def hear(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Planned(plan):
                self.held_back += plan.held_back
                self.warnings += plan.warnings
            case ManifestDeleted(_, deletion):
                self.deleted.append(DeletedManifest(deletion.manifest.repository, deletion.manifest.digest))
            case DeletionFailed(_, deletion, error):
                self.failed.append(FailedDeletion(deletion.manifest.repository, deletion.manifest.digest, error))
            case DeletionSkipped(_, deletion, reason):
                self.skipped.append(SkippedDeletion(deletion.manifest.repository, deletion.manifest.digest, reason))
            case HeldBackLate(_, held_back):
                self.held_back.append(held_back)
            case ManifestRestored(_, manifest):
                self.restored.append(DeletedManifest(manifest.repository, manifest.digest))
            case Warned(_, text):
                self.warnings.append(text)
            case CollectionStarted(adopted=False, collection=collection):
                self.ours, self.collection = collection.uuid, collection
            case CollectionPolled(_, collection) | CollectionEnded(_, collection) if collection.uuid == self.ours:
                self.collection = collection
            case _:
                pass  # the others tell of progress

    def report(self, error: str | None, predicted: Freed | None) -> Report:
        """What the run has come to, and the exit code that it deserves (contracts, "Exit codes")."""
        trouble = any(held.reason.is_trouble for held in self.held_back)
        return Report(
            registry=self.registry,
            error=error,
            exit_code=1 if error or self.failed else 3 if trouble else 0,
            deleted=tuple(self.deleted),
            failed=tuple(self.failed),
            skipped=tuple(self.skipped),
            held_back=tuple(self.held_back),
            predicted=predicted,
            collection=self.collection,
            warnings=tuple(self.warnings),
            restored=tuple(self.restored),
        )
