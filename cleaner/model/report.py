"""What one run did, for people and machines."""

from __future__ import annotations

from dataclasses import dataclass

from cleaner.model.collection import Collection
from cleaner.model.manifest import Digest
from cleaner.model.plan import Freed, HeldBack
from cleaner.model.run import RunOutcome, outcome_of


@dataclass(frozen=True, slots=True)
class DeletedManifest:
    """A manifest that the server's answer says is gone by our request, or was so until it was brought back."""

    repository: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class FailedDeletion:
    """A deletion that was refused or whose answer says nothing."""

    repository: str
    digest: Digest
    error: str


@dataclass(frozen=True, slots=True)
class SkippedDeletion:
    """A planned deletion that was not carried out, or was found done already."""

    repository: str
    digest: Digest
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run on one registry (contracts, `apply`). `predicted` counts what really went; None where unknown.

    `error` is the error that ended the run early, None where it ran to its end. `restored` was deleted by an earlier
    run or by this one, turned out to be needed before it was collected, and was brought back.
    """

    registry: str
    error: str | None
    exit_code: int
    deleted: tuple[DeletedManifest, ...]
    failed: tuple[FailedDeletion, ...]
    skipped: tuple[SkippedDeletion, ...]
    held_back: tuple[HeldBack, ...]
    predicted: Freed | None
    collection: Collection | None
    warnings: tuple[str, ...]
    restored: tuple[DeletedManifest, ...] = ()

    @property
    def outcome(self) -> RunOutcome:
        """What came of the run, in one word."""
        return outcome_of(self.exit_code)
