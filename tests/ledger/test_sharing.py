"""The daemon writes for months, and people look at the history meanwhile: neither waits for the other."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import func, select

from cleaner.ledger.database import Database, engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.ledger.tables import runs
from cleaner.model.manifest import Digest
from cleaner.model.run import RunKind, Schedule
from tests.ledger.samples import limited, numbered, opened, ticking, url_of


@pytest.fixture
def impatient(path: Path) -> Iterator[Ledger]:
    """A ledger that waits for nobody: where another one has what it needs, it fails."""
    engine = limited(engine_at(url_of(path)), "busy_timeout = 0")
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        yield ledger


def test_a_reader_waits_for_no_writer(path: Path, impatient: Ledger) -> None:
    """However long another process writes, history and firings are read, as they were before it began."""
    impatient.begin_run("acme", RunKind.CLEAN)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM runs")
        assert [run.id for run in impatient.history.runs(9)] == ["run-1"]
        assert list(impatient.history.last_runs("acme")) == [RunKind.CLEAN]
        assert impatient.firings.last("acme", Schedule.CLEANING, "0 2 * * * UTC") is None


def test_a_writer_waits_for_no_reader(path: Path, impatient: Ledger) -> None:
    """However long somebody reads, deletions are written down; the reader sees one state from beginning to end."""
    reader = Database(engine_at(url_of(path)))
    with closing(reader), reader.reading() as connection:
        count = select(func.count()).select_from(runs)
        assert connection.execute(count).scalar_one() == 0
        impatient.begin_run("acme", RunKind.CLEAN)
        assert connection.execute(count).scalar_one() == 0
    assert len(impatient.history.runs(9)) == 1


@pytest.fixture
def deleting(path: Path) -> Iterator[IO[str]]:
    """What another process says that writes deletions down, one after the other, without a pause."""
    command = [sys.executable, "-m", "tests.ledger.child", str(path), "delete"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        yield child.stdout
        child.kill()


def test_the_history_is_read_while_another_process_deletes(path: Path, deleting: IO[str]) -> None:
    """Each look, at a ledger opened for it as the command does, tells all that the other has said to be on disk."""
    for _ in range(20):
        digest = Digest([deleting.readline().split() for _ in range(4)][-1][1])
        with closing(opened(path)) as ledger:
            outcomes = {deletion.digest: deletion.outcome for deletion in ledger.history.deletions(10_000)}
        assert outcomes[digest] == "deleted"
