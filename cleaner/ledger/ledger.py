"""The ledger: each deletion before it is sent and after it is answered, each run, each garbage collection (law 8).

Every method is synchronous, may be called from any thread, and is on disk when it returns. Every method raises
StateError where the state cannot be read or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Final, assert_never

from sqlalchemy import ColumnElement, func, insert, select, update

from cleaner.clock import NewId, Now
from cleaner.errors import StateError
from cleaner.ledger.approvals import Approvals, used_up
from cleaner.ledger.collecting import ended, first_or_newer
from cleaner.ledger.database import Database
from cleaner.ledger.firings import Firings, fired
from cleaner.ledger.history import History
from cleaner.ledger.holds import held
from cleaner.ledger.knowledge import Knowledge
from cleaner.ledger.memory import Memory
from cleaner.ledger.notices import Notices, forgotten
from cleaner.ledger.restoring import (
    Which,
    drop_unneeded,
    find_collected,
    find_lossy,
    find_restorable,
    is_back,
    keep,
    knows,
)
from cleaner.ledger.tables import DELETED, FAILED, GONE, collections, deletions, runs
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Body, Collected, Deleted, Failed, Gone, Intent, Outcome, Restorable
from cleaner.model.manifest import Blob
from cleaner.model.plan import Deletion, Freed
from cleaner.model.report import Report
from cleaner.model.run import Firing, RunKind
from cleaner.retention.words import say

_DIED: Final = "it died before its end; the next run looked what became of what it left open"


class Ledger:
    """What we did and what it came to; its parts, from `knowledge` to `approvals`, lie in the same database.

    The database's schema is up to date. `file` is where it lies, None in memory. `now` gives the times that it
    writes down, `new_id` the names of runs.
    """

    def __init__(self, database: Database, file: Path | None, now: Now, new_id: NewId) -> None:
        self._database = database
        self._file = file
        self._identity = None if file is None else _identity(file)
        self._now = now
        self._new_id = new_id
        self.knowledge = Knowledge(database)
        self.history = History(database)
        self.firings = Firings(database)
        self.memory = Memory(database, now)
        self.notices = Notices(database)
        self.approvals = Approvals(database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def hold(self, registry: str) -> AbstractContextManager[None]:
        """Hold a registry for one run (law 8); nothing to hold in memory, which nobody shares.

        Raises (on entering):
            RunInProgress: another run holds it, whoever started that.
            StateError: the state's file was taken away under this process: what it writes would be lost.
        """
        if self._file is None:
            return nullcontext()
        self._insist_on_the_file(self._file)
        return held(self._file, registry)

    def _insist_on_the_file(self, file: Path) -> None:
        if _identity(file) != self._identity:
            raise StateError(
                f"The state in {file} was removed or replaced while this process has it open",
                "Put it back if you can, and restart; nothing is deleted without a record",
            )

    def begin_run(self, registry: str, kind: RunKind, firing: Firing | None = None) -> str:
        """Write down that a run begins, and together with it which due moment it answers; gives its id.

        Whoever begins one holds the registry, so one that has not ended died: that is written down as well.
        """
        run, now = self._new_id(), self._now()
        left_open = (runs.c.registry == registry, runs.c.ended_at.is_(None))
        with self._database.transaction() as connection:
            connection.execute(update(runs).where(*left_open).values(ended_at=now, error=_DIED))
            row = {"id": run, "registry": registry, "kind": kind, "started_at": now}
            connection.execute(insert(runs).values(row | {"due_at": firing.due if firing else None}))
            if firing is not None:
                connection.execute(fired(registry, firing))
        return run

    def end_run(self, run: str, report: Report) -> None:
        """Write down how a run ended."""
        ended = update(runs).where(runs.c.id == run)
        summary = {
            "ended_at": self._now(),
            "exit_code": report.exit_code,
            "error": report.error,
            "deleted": len(report.deleted),
            "failed": len(report.failed),
            "skipped": len(report.skipped),
            "held_back": sum(held_back.manifests for held_back in report.held_back),
            "predicted_bytes": report.predicted.bytes if report.predicted else None,
            "freed_bytes": report.collection.freed_bytes if report.collection else None,
        }
        with self._database.transaction() as connection:
            connection.execute(ended.values(summary))

    def intend(
        self, run: str, registry: str, deletion: Deletion, blobs: tuple[Blob, ...], body: Body | None = None
    ) -> Intent:
        """Write down a deletion that is about to be sent; only with what this returns can it be sent (law 8).

        `body` is what can bring the manifest back: it is on disk together with the intent.
        """
        manifest, at = deletion.manifest, self._now()
        row = {
            "run": run,
            "registry": registry,
            "repository": manifest.repository,
            "digest": manifest.digest,
            "tags": manifest.tags,
            "reasons": tuple(say(reason) for reason in deletion.reasons),
            "children": deletion.children,
            "blobs": blobs,
            "intended_at": at,
        }
        with self._database.transaction() as connection:
            if body is not None:
                connection.execute(keep(manifest.digest, body))
            number = connection.execute(insert(deletions).returning(deletions.c.id), row).scalar_one()
        return Intent(number, run, registry, manifest.repository, manifest.digest, at)

    def settle(self, intent: Intent, outcome: Outcome) -> None:
        """Write down what became of an intent, once: a second outcome, or a foreign intent, is a StateError.

        What is gone needs no approval any more, and what we did not delete no body.
        """
        name, error = _outcome(outcome)
        open_intent = (deletions.c.id == intent.id, deletions.c.digest == intent.digest, deletions.c.outcome.is_(None))
        settled = update(deletions).where(*open_intent).values(outcome=name, error=error, answered_at=self._now())
        with self._database.transaction() as connection:
            if connection.execute(settled).rowcount != 1:
                raise StateError(
                    f"The deletion of {intent.digest} in {intent.repository} cannot be settled as {name}: "
                    f"the state in {self._database.place} holds no open intent {intent.id} for it",
                    "Let one ledger carry a deletion from its intent to its outcome, and settle it once",
                )
            if name != FAILED:
                connection.execute(used_up(intent))
            if name != DELETED:
                connection.execute(drop_unneeded(intent.digest))

    def unsettled(self, registry: str) -> tuple[Intent, ...]:
        """The intents without an outcome, oldest first; where no run holds the registry, a crash left them."""
        columns = (deletions.c.id, deletions.c.run, deletions.c.registry, deletions.c.repository)
        query = select(*columns, deletions.c.digest, deletions.c.intended_at)
        mine = (deletions.c.registry == registry, deletions.c.outcome.is_(None))
        with self._database.reading() as connection:
            return tuple(Intent(*row) for row in connection.execute(query.where(*mine).order_by(deletions.c.id)))

    def gone(self, registry: str, repository: str | None = None) -> tuple[Gone, ...]:
        """Every manifest that is gone by our deletion, oldest first: what it left behind may go too (policy page).

        Of one repository, or where none is named of the whole registry; without what was brought back.
        """
        within = () if repository is None else (deletions.c.repository == repository,)
        return self._gone(registry, deletions.c.outcome == DELETED, *within)

    def deleted_for(self, registry: str, due: datetime) -> Mapping[str, int]:
        """How many manifests of each repository all runs that answered one due moment have deleted.

        What was brought back since is counted as well.
        """
        mine = (runs.c.registry == registry, runs.c.due_at == due, deletions.c.outcome == DELETED)
        counted = select(deletions.c.repository, func.count().label("manifests")).join(
            runs, deletions.c.run == runs.c.id
        )
        with self._database.reading() as connection:
            rows = connection.execute(counted.where(*mine).group_by(deletions.c.repository))
            return {row.repository: row.manifests for row in rows}

    def uncollected(self, registry: str) -> tuple[Gone, ...]:
        """What was deleted, or found gone already, and neither collected nor brought back, oldest first (law 7)."""
        return self._gone(registry, deletions.c.outcome.in_((DELETED, GONE)), deletions.c.collected_at.is_(None))

    def restorable(self, registry: str, which: Which) -> tuple[Restorable, ...]:
        """What we deleted, and was neither collected nor brought back since: what undo may bring back.

        The oldest deletion first; what was deleted more than once, by deletions that are meant, is told once.
        """
        with self._database.reading() as connection:
            return find_restorable(connection, registry, which)

    def lost_from(self, registry: str) -> tuple[str, ...]:
        """The repositories that lost something by us that was neither collected nor brought back since, by name."""
        with self._database.reading() as connection:
            return find_lossy(connection, registry)

    def collected_of(self, registry: str, which: Which) -> tuple[Collected, ...]:
        """What we deleted, and a collection has taken since: nobody can bring it back."""
        with self._database.reading() as connection:
            return find_collected(connection, registry, which)

    def knows(self, registry: str, which: Which) -> bool:
        """Whether there is any such deletion, whatever came of it, and where that is not known yet."""
        with self._database.reading() as connection:
            return knows(connection, registry, which)

    def restored(self, registry: str, restorable: Restorable) -> None:
        """Write down that a manifest is back: no deletion of it that was meant counts any more, and no notice."""
        with self._database.transaction() as connection:
            connection.execute(is_back(registry, restorable, self._now()))
            connection.execute(forgotten(registry, restorable.repository, restorable.digest))
            connection.execute(drop_unneeded(restorable.digest))

    def collected(self, registry: str, before: datetime) -> None:
        """A collection that began at `before`, by our clock, succeeded: it covers what was answered earlier (law 7)."""
        covered = (
            deletions.c.registry == registry,
            deletions.c.outcome.in_((DELETED, GONE)),
            deletions.c.collected_at.is_(None),
            deletions.c.restored_at.is_(None),
            deletions.c.answered_at < before,
        )
        with self._database.transaction() as connection:
            # Their blobs are gone, and so is what they were remembered for; no body brings those manifests back.
            connection.execute(update(deletions).where(*covered).values(collected_at=self._now(), blobs=()))
            connection.execute(drop_unneeded())

    def collection_started(self, registry: str, run: str | None, collection: Collection, *, ours: bool) -> None:
        """A collection is active: started by us (`ours`), or found. What was ours once stays so, with its first run."""
        self._record(registry, collection, {"run": run, "ours": ours})

    def collection_ended(self, registry: str, collection: Collection, predicted: Freed | None) -> None:
        """A collection ended; `predicted` is what it should have freed, None where that is not known."""
        self._record(
            registry, collection, {"ended_at": self._now(), "predicted_bytes": predicted.bytes if predicted else None}
        )

    def ended_collections(self, registry: str) -> frozenset[str]:
        """The collections whose end is written down: whatever they took, they took it before that."""
        with self._database.reading() as connection:
            return frozenset(row.uuid for row in connection.execute(ended(registry)))

    def is_ours(self, registry: str, uuid: str) -> bool:
        """Whether we started that collection; only those may a run cancel (law 12)."""
        query = select(collections.c.ours).where(collections.c.registry == registry, collections.c.uuid == uuid)
        with self._database.reading() as connection:
            return bool(connection.execute(query).scalar_one_or_none())

    def _gone(self, registry: str, *which: ColumnElement[bool]) -> tuple[Gone, ...]:
        columns = (deletions.c.repository, deletions.c.digest, deletions.c.children, deletions.c.blobs)
        mine = (deletions.c.registry == registry, deletions.c.restored_at.is_(None), *which)
        query = select(*columns, deletions.c.answered_at).where(*mine)
        with self._database.reading() as connection:
            return tuple(Gone(*row) for row in connection.execute(query.order_by(deletions.c.id)))

    def _record(self, registry: str, collection: Collection, known: Mapping[str, object]) -> None:
        with self._database.transaction() as connection:
            connection.execute(first_or_newer(registry, collection, self._now(), known))


def _identity(file: Path) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _outcome(outcome: Outcome) -> tuple[str, str | None]:
    match outcome:
        case Deleted():
            return DELETED, None
        case AlreadyGone():
            return GONE, None
        case Failed(error):
            return FAILED, error
        case _:
            assert_never(outcome)
