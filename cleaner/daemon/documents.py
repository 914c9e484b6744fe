"""The status page's facts as JSON: times RFC 3339 UTC, sizes in bytes, costs in US dollars (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cleaner.daemon.board import Active, Due, Known, RegistryFacts, Running, SourceFacts
from cleaner.daemon.forecast import by_repository, first_to_go, kinds_of_reasons
from cleaner.daemon.past import Past
from cleaner.daemon.safeguards import counted, known_sources
from cleaner.documents import (
    Document,
    announced_document,
    deletion_document,
    held_back_document,
    unmanaged_document,
)
from cleaner.figures import rfc3339, rfc3339_or_none
from cleaner.ledger.history import PastRun
from cleaner.model.audit import Finding
from cleaner.model.plan import Deletion, Plan
from cleaner.model.registry import Storage
from cleaner.model.run import outcome_of

DELETIONS = 1000
"""The most deletions of a plan that are listed one by one, and the most that are announced."""


def account_document(
    registries: Iterable[RegistryFacts], past: Past, reloaded: Known[str | None] | None, now: datetime
) -> Document:
    """Every registry, without its single runs and deletions."""
    reload = None if reloaded is None else {"at": rfc3339(reloaded.at), "error": reloaded.value}
    return {
        "now": rfc3339(now),
        "last_reload": reload,
        "history_error": past.error,
        "registries": [_registry(facts, past, now) for facts in registries],
    }


def registry_document(facts: RegistryFacts, past: Past, now: datetime) -> Document:
    """One registry, with its latest runs and the deletions of its plan."""
    deletions = facts.plan.value.deletions if facts.plan else ()
    announced = facts.plan.value.announced if facts.plan else ()
    return {
        **_registry(facts, past, now),
        "history_error": past.error,
        "runs": [_run(run) for run in past.of(facts)],
        "deletions": [deletion_document(deletion) for deletion in deletions[:DELETIONS]],
        "deletions_left_out": max(0, len(deletions) - DELETIONS),
        "announced": [announced_document(each) for each in announced[:DELETIONS]],
        "announced_left_out": max(0, len(announced) - DELETIONS),
    }


def _registry(facts: RegistryFacts, past: Past, now: datetime) -> Document:
    last = past.last(facts)
    return {
        "name": facts.name,
        "mode": "enforce" if facts.settings.enforces else "plan",
        "storage": None if facts.storage is None else _storage(facts.storage),
        "running": None if facts.running is None else _running(facts.running),
        "last_run": None if last is None else _run(last),
        "next_runs": [_due(due) for due in facts.due],
        "active_collection": None if facts.active is None else _active(facts, facts.active, now),
        "collection_withheld": None if facts.withheld is None else _told(facts.withheld),
        "in_use": [_source(name, source) for name, source in known_sources(facts).items()],
        "audit": None if facts.audit is None else _audit(facts.audit),
        "plan": None if facts.plan is None else _plan(facts.plan, facts.plan_as_of or facts.plan.at),
        "warnings": [_told(known) for known in facts.warnings],
    }


def _storage(known: Known[Storage]) -> Document:
    storage, cents = known.value, known.value.overage_cents
    return {
        "used_bytes": storage.used,
        "account_used_bytes": storage.used_by_account,
        "included_bytes": storage.included,
        "overage_dollars_per_month": None if cents is None else round(cents / 100, 2),
        "seen_at": rfc3339(known.at),
    }


def _running(running: Running) -> Document:
    return {
        "id": running.run,
        "kind": running.kind.value,
        "stage": running.stage.value,
        "started_at": rfc3339(running.began_at),
    }


def _run(run: PastRun) -> Document:
    return {
        "id": run.id,
        "kind": run.kind.value,
        "outcome": outcome_of(run.exit_code).value if run.ended_at else None,
        "error": run.error,
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at) if run.ended_at else None,
        "deleted": run.deleted,
        "failed": run.failed,
        "skipped": run.skipped,
        "held_back": run.held_back,
        "predicted_freed_bytes": run.predicted_bytes,
        "freed_bytes": run.freed_bytes,
    }


def _due(due: Due) -> Document:
    return {"schedule": due.schedule.value, "kind": due.kind.value, "due_at": rfc3339(due.at)}


def _active(facts: RegistryFacts, active: Active, now: datetime) -> Document:
    age = now - active.since
    return {
        "uuid": active.collection.uuid,
        "status": active.collection.status,
        "since": rfc3339(active.since),
        "age_seconds": int(age.total_seconds()),
        "overdue": age > facts.settings.garbage_collection.timeout,
    }


def _told(known: Known[str]) -> Document:
    return {"at": rfc3339(known.at), "text": known.value}


def _source(name: str, source: SourceFacts) -> Document:
    return {
        "source": name,
        "images": source.images.value if source.images else None,
        "read_at": rfc3339(source.images.at) if source.images else None,
        "failure": _told(source.failure) if source.failure else None,
    }


def _audit(known: Known[tuple[Finding, ...]]) -> Document:
    return {"at": rfc3339(known.at), "findings": {kind.value: count for kind, count in counted(known.value).items()}}


def _plan(known: Known[Plan], as_of: datetime) -> Document:
    plan = known.value
    return {
        "made_at": rfc3339(known.at),
        "as_of": rfc3339(as_of),
        "manifests": plan.manifests,
        "kept": plan.kept,
        "goes": [_goes(deletions) for deletions in by_repository(plan.deletions)],
        "announced": {"manifests": len(plan.announced), "first_goes_at": rfc3339_or_none(first_to_go(plan))},
        "held_back": [held_back_document(held_back) for held_back in plan.held_back],
        "freed_bytes": plan.freed.bytes if plan.freed else None,
        "warnings": list(plan.warnings),
        "unmanaged": [unmanaged_document(unmanaged) for unmanaged in plan.unmanaged],
    }


def _goes(deletions: tuple[Deletion, ...]) -> Document:
    first = deletions[0]
    return {
        "repository": first.manifest.repository,
        "mode": first.mode.value,
        "manifests": len(deletions),
        "reasons": dict(kinds_of_reasons(deletions)),
    }
