"""The JSON of `plan` and `apply`, key for key as contracts.md has it."""

from __future__ import annotations

from collections.abc import Iterable

from cleaner.cli.outcome import Outcome
from cleaner.documents import Document, announced_document, deletion_document, held_back_document, unmanaged_document
from cleaner.errors import CleanerError, Problem
from cleaner.model.collection import Collection
from cleaner.model.plan import Plan
from cleaner.model.report import Report


def plan_document(outcomes: Iterable[Outcome[Plan]], warnings: Iterable[Problem]) -> Document:
    """What `plan` says; `warnings` are those of the file, which hold for each of its registries."""
    of_the_file = [str(problem) for problem in warnings]
    return {"registries": [{**_planned(outcome), "warnings": of_the_file + _warnings(outcome)} for outcome in outcomes]}


def apply_document(outcomes: Iterable[Outcome[Report]], warnings: Iterable[Problem]) -> Document:
    """What `apply` says; `warnings` are those of the file, which hold for each of its registries."""
    of_the_file = [str(problem) for problem in warnings]
    return {"registries": [{**_applied(outcome), "warnings": of_the_file + _warnings(outcome)} for outcome in outcomes]}


def collection_document(collection: Collection) -> Document:
    """A garbage collection as `apply` reports it."""
    return {
        "uuid": collection.uuid,
        "status": collection.status,
        "freed_bytes": collection.freed_bytes,
        "blobs_deleted": collection.blobs_deleted,
    }


def _warnings(outcome: Outcome[Plan] | Outcome[Report]) -> list[str]:
    return [] if isinstance(outcome.result, CleanerError) else list(outcome.result.warnings)


def _planned(outcome: Outcome[Plan]) -> Document:
    plan = outcome.result
    if isinstance(plan, CleanerError):
        nothing: Document = {"manifests": 0, "kept": 0, "deletions": [], "held_back": [], "freed_bytes": None}
        return {"name": outcome.registry, "error": str(plan), **nothing, "unmanaged": [], "announced": []}
    return {
        "name": plan.registry,
        "error": None,
        "manifests": plan.manifests,
        "kept": plan.kept,
        "deletions": [deletion_document(deletion) for deletion in plan.deletions],
        "held_back": [held_back_document(held_back) for held_back in plan.held_back],
        "freed_bytes": plan.freed.bytes if plan.freed else None,
        "unmanaged": [unmanaged_document(unmanaged) for unmanaged in plan.unmanaged],
        "announced": [announced_document(announced) for announced in plan.announced],
    }


def _applied(outcome: Outcome[Report]) -> Document:
    report = outcome.result
    if isinstance(report, CleanerError):
        nothing: Document = {"deleted": [], "failed": [], "skipped": [], "restored": [], "held_back": []}
        error = {"name": outcome.registry, "error": str(report)}
        return {**error, **nothing, "predicted_freed_bytes": None, "garbage_collection": None}
    failed = [{"repository": f.repository, "digest": f.digest, "error": f.error} for f in report.failed]
    skipped = [{"repository": s.repository, "digest": s.digest, "reason": s.reason} for s in report.skipped]
    return {
        "name": report.registry,
        "error": report.error,
        "deleted": [{"repository": gone.repository, "digest": gone.digest} for gone in report.deleted],
        "failed": failed,
        "skipped": skipped,
        "restored": [{"repository": back.repository, "digest": back.digest} for back in report.restored],
        "held_back": [held_back_document(held_back) for held_back in report.held_back],
        "predicted_freed_bytes": report.predicted.bytes if report.predicted else None,
        "garbage_collection": collection_document(report.collection) if report.collection else None,
    }
