"""What was done, newest first, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, desc, select

from cleaner.ledger.database import Database
from cleaner.ledger.restoring import CAN_BE_UNDONE
from cleaner.ledger.tables import collections, deletions, runs
from cleaner.model.manifest import Digest
from cleaner.model.run import RunKind

SUCCESSES = (0, 3)
"""The exit codes of runs that reached their end (`RunOutcome.reached_the_end`)."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run on one registry. All from `ended_at` on is None while it runs, and for ever where it was killed.

    `due_at` is the due moment of a schedule that it answers, None where a person asked for it. `error` is what ended
    it early. `held_back` counts manifests. `predicted_bytes` is what its deletions should free (of a run that only
    plans, what they would), `freed_bytes` what its collection freed, None where nobody knows.
    """

    id: str
    registry: str
    kind: RunKind
    due_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    error: str | None
    deleted: int | None
    failed: int | None
    skipped: int | None
    held_back: int | None
    predicted_bytes: int | None
    freed_bytes: int | None


@dataclass(frozen=True, slots=True)
class PastDeletion:
    """One deletion. `outcome` is `deleted`, `gone` (it was so before), `failed`, or None where nobody knows yet.

    `collected_at` is when a garbage collection that covers it was known to have succeeded, `restored_at` when its
    manifest was brought back. `can_be_undone` says that neither has happened and that its body is kept.
    """

    id: int
    run: str
    registry: str
    repository: str
    digest: Digest
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    intended_at: datetime
    outcome: str | None
    error: str | None
    answered_at: datetime | None
    collected_at: datetime | None
    restored_at: datetime | None
    can_be_undone: bool


@dataclass(frozen=True, slots=True)
class PastCollection:
    """One garbage collection that we saw; `status`, `created_at` and `updated_at` are the provider's.

    `ours` says that we started it, `run` which run did or first followed it, `ended_at` when we saw its end.
    `predicted_bytes` is what it should free, `freed_bytes` what the provider says it freed.
    """

    registry: str
    uuid: str
    run: str | None
    ours: bool
    status: str
    first_seen_at: datetime
    created_at: datetime | None
    updated_at: datetime | None
    ended_at: datetime | None
    predicted_bytes: int | None
    freed_bytes: int | None
    blobs_deleted: int | None


_Past = TypeVar("_Past", PastRun, PastDeletion, PastCollection)


class History:
    """Reads the ledger. Every method raises StateError where it cannot be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, limit: int, registry: str | None = None) -> tuple[PastRun, ...]:
        """At most `limit` runs, of one registry or of all; the last begun first."""
        newest = _these(PastRun, runs, registry).order_by(desc(runs.c.started_at), desc(runs.c.id))
        return self._read(PastRun, newest.limit(limit))

    def runs_beginning(self, start: str) -> tuple[PastRun, ...]:
        """The runs whose id begins so, two of them at most: that is enough to tell that it names none of them."""
        like = runs.c.id.startswith(start, autoescape=True)
        return self._read(PastRun, _these(PastRun, runs, None).where(like).order_by(runs.c.id).limit(2))

    def last_runs(self, registry: str) -> Mapping[RunKind, PastRun]:
        """The last begun of each kind that the registry had, ended or not."""
        return self._last(registry)

    def last_successes(self, registry: str) -> Mapping[RunKind, PastRun]:
        """The last begun of each kind that reached its end, whether or not something was held back."""
        return self._last(registry, runs.c.exit_code.in_(SUCCESSES))

    def deletions(self, limit: int, registry: str | None = None, run: str | None = None) -> tuple[PastDeletion, ...]:
        """At most `limit` deletions, of one registry, of one run, or of all; the last written down first."""
        newest = _these(PastDeletion, deletions, registry).order_by(desc(deletions.c.id))
        if run is not None:
            newest = newest.where(deletions.c.run == run)
        return self._read(PastDeletion, newest.limit(limit))

    def collections(self, limit: int, registry: str | None = None) -> tuple[PastCollection, ...]:
        """At most `limit` garbage collections, of one registry or of all; the last seen first."""
        order: tuple[ColumnElement[object], ...] = (desc(collections.c.first_seen_at), desc(collections.c.uuid))
        return self._read(PastCollection, _these(PastCollection, collections, registry).order_by(*order).limit(limit))

    def _last(self, registry: str, *which: ColumnElement[bool]) -> Mapping[RunKind, PastRun]:
        newest = _these(PastRun, runs, registry).where(*which).order_by(desc(runs.c.started_at)).limit(1)
        with self._database.reading() as connection:
            rows = [row for kind in RunKind for row in connection.execute(newest.where(runs.c.kind == kind))]
        return {run.kind: run for run in (PastRun(*row) for row in rows)}

    def _read(self, kind: type[_Past], query: Select[Any]) -> tuple[_Past, ...]:
        with self._database.reading() as connection:
            return tuple(kind(*row) for row in connection.execute(query))


_WORKED_OUT: Mapping[str, ColumnElement[bool]] = {"can_be_undone": CAN_BE_UNDONE}


def _these(kind: type[_Past], table: Table, registry: str | None) -> Select[Any]:
    """What the fields of `kind` name, in their order: columns of the table, or what is worked out from them."""
    names = [field.name for field in fields(kind)]
    query = select(*(table.c[name] if name in table.c else _WORKED_OUT[name] for name in names))
    return query if registry is None else query.where(table.c.registry == registry)
