"""What the log says of each event: a level, a short fixed phrase, and the facts. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, assert_never

from cleaner.figures import rfc3339
from cleaner.model.collection import CollectionState
from cleaner.model.event import (
    BreakerTripped,
    BudgetWaited,
    CollectionEnded,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    HeldBackLate,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    RateLimitSeen,
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
from cleaner.model.plan import Deletion, HeldBack, Plan
from cleaner.model.run import RunOutcome
from cleaner.retention.words import say

Fact: TypeAlias = str | int | float | list[str] | None

OfRuns: TypeAlias = RunBegan | RunEnded | RunNotBegun | RunScheduled
OfDeletions: TypeAlias = ManifestDeleted | DeletionFailed | DeletionSkipped
OfTrouble: TypeAlias = HeldBackLate | BreakerTripped | Warned
OfReading: TypeAlias = RepositoriesListed | RepositoryListed | ManifestsWanted | ManifestRead
OfTheProvider: TypeAlias = RequestEnded | RateLimitSeen | BudgetWaited | StorageSeen

_OUTCOME_LEVELS = {RunOutcome.FAILED: logging.ERROR, RunOutcome.HELD_BACK: logging.WARNING}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log: its level, a short fixed phrase, and the facts; one that is None is left out."""

    level: int
    phrase: str
    facts: dict[str, Fact]


def line(level: int, phrase: str, **facts: Fact) -> Line:
    """A line, its facts by name."""
    return Line(level, phrase, facts)


def of_a_reload(event: ConfigurationReloaded) -> Line:
    """The configuration was read anew, or stays."""
    if event.error is None:
        return line(logging.INFO, "configuration reloaded")
    return line(logging.ERROR, "configuration not reloaded: the old one stays in force", error=event.error)


def of_a_run(event: OfRuns) -> Line:
    """A run begins, ends, or is due."""
    match event:
        case RunBegan(kind=kind):
            return line(logging.INFO, "run began", kind=kind)
        case RunEnded():
            return _end_of_run(event)
        case RunNotBegun(_, kind, error):
            return line(logging.ERROR, "run not begun", kind=kind, error=error)
        case RunScheduled(_, schedule, kind, due):
            phrase = "next run due" if due else "no longer scheduled"
            return line(logging.INFO, phrase, kind=kind, schedule=schedule, due=rfc3339(due) if due else None)
        case _:
            assert_never(event)


def _end_of_run(event: RunEnded) -> Line:
    report, outcome = event.report, event.report.outcome
    return line(
        _OUTCOME_LEVELS.get(outcome, logging.INFO),
        "run ended",
        kind=event.kind,
        outcome=outcome,
        deleted=len(report.deleted),
        failed=len(report.failed),
        skipped=len(report.skipped),
        held_back=sum(held.manifests for held in report.held_back),
        predicted_freed_bytes=report.predicted.bytes if report.predicted else None,
        freed_bytes=report.collection.freed_bytes if report.collection else None,
        duration_seconds=_seconds(event.duration),
        error=report.error,
    )


def of_a_forecast(plan: Plan) -> Iterator[Line]:
    """What the next run would do, in figures: the run itself will tell more."""
    yield line(logging.INFO, "forecast made", **_figures(plan))


def of_a_plan(plan: Plan) -> Iterator[Line]:
    """What a run will do, what is held back, what a person should know; at debug, each manifest that goes."""
    yield line(logging.INFO, "plan made", **_figures(plan))
    for held_back in plan.held_back:
        yield _held_back(held_back)
    for warning in plan.warnings:
        yield line(logging.WARNING, "warning", detail=warning)
    for deletion in plan.deletions:
        yield line(logging.DEBUG, "manifest condemned", mode=deletion.mode, **_manifest(deletion))


def _figures(plan: Plan) -> dict[str, Fact]:
    return {
        "manifests": plan.manifests,
        "kept": plan.kept,
        "condemned": len(plan.deletions),
        "held_back": sum(held.manifests for held in plan.held_back),
        "predicted_freed_bytes": plan.freed.bytes if plan.freed else None,
    }


def of_a_deletion(event: OfDeletions) -> Line:
    """What became of one manifest, and why it was to go."""
    facts = _manifest(event.deletion)
    match event:
        case ManifestDeleted():
            return line(logging.INFO, "manifest deleted", **facts)
        case DeletionFailed(error=error):
            return line(logging.ERROR, "deletion failed", **facts, error=error)
        case DeletionSkipped(reason=reason):
            return line(logging.INFO, "deletion skipped", **facts, skipped_because=reason)
        case _:
            assert_never(event)


def _manifest(deletion: Deletion) -> dict[str, Fact]:
    return {
        "repository": deletion.manifest.repository,
        "digest": deletion.manifest.digest,
        "tags": list(deletion.manifest.tags),
        "reasons": [say(reason) for reason in deletion.reasons],
    }


def of_trouble(event: OfTrouble) -> Line:
    """Something stopped deletions, or a person should know of it."""
    match event:
        case HeldBackLate(_, held_back):
            return _held_back(held_back)
        case BreakerTripped(_, breaker, detail):
            return line(logging.ERROR, "breaker tripped", breaker=breaker, detail=detail)
        case Warned(_, text):
            return line(logging.WARNING, "warning", detail=text)
        case _:
            assert_never(event)


def _held_back(held: HeldBack) -> Line:
    trouble = held.reason.is_trouble
    return line(
        logging.WARNING if trouble else logging.INFO,
        "deletions held back" if trouble else "deletions announced",
        repository=held.repository,
        reason=held.reason,
        detail=held.detail,
        manifests=held.manifests,
    )


def of_the_end_of_a_collection(event: CollectionEnded) -> Line:
    """How a garbage collection ended, and what it freed."""
    collection, predicted = event.collection, event.predicted
    return line(
        logging.INFO if collection.state is CollectionState.SUCCEEDED else logging.WARNING,
        "garbage collection ended",
        collection=collection.uuid,
        status=collection.status,
        freed_bytes=collection.freed_bytes,
        blobs_deleted=collection.blobs_deleted,
        predicted_freed_bytes=predicted.bytes if predicted else None,
    )


def of_reading(event: OfReading) -> Line:
    """A step on the way to the plan."""
    match event:
        case RepositoriesListed(_, repositories):
            return line(logging.DEBUG, "repositories listed", repositories=repositories)
        case RepositoryListed(_, repository, manifests):
            phrase = "repository not listed" if manifests is None else "repository listed"
            return line(logging.DEBUG, phrase, repository=repository, manifests=manifests)
        case ManifestsWanted(_, manifests):
            return line(logging.DEBUG, "manifests wanted", manifests=manifests)
        case ManifestRead(_, repository, digest, readable):
            phrase = "manifest read" if readable else "manifest not readable"
            return line(logging.DEBUG, phrase, repository=repository, digest=digest)
        case _:
            assert_never(event)


def of_the_provider(event: OfTheProvider) -> Line:
    """A request and what its answer said beside its content."""
    match event:
        case RequestEnded(_, endpoint, status, duration):
            seconds = _seconds(duration)
            return line(logging.DEBUG, "request ended", endpoint=endpoint, status=status, duration_seconds=seconds)
        case RateLimitSeen(_, limit, remaining):
            return line(logging.DEBUG, "rate limit seen", limit=limit, remaining=remaining)
        case BudgetWaited(_, duration):
            return line(logging.DEBUG, "waited for the rate limit's budget", duration_seconds=_seconds(duration))
        case StorageSeen(_, storage):
            account, included = storage.used_by_account, storage.included
            return line(
                logging.DEBUG,
                "storage seen",
                used_bytes=storage.used,
                account_used_bytes=account,
                included_bytes=included,
            )
        case _:
            assert_never(event)


def _seconds(duration: timedelta) -> float:
    return round(duration.total_seconds(), 3)
