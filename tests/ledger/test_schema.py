"""The schema: what the migrations make is what the tables say."""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.opening import ledger_on
from cleaner.ledger.restoring import Which
from cleaner.ledger.schema import HEAD
from cleaner.ledger.tables import metadata
from cleaner.model.run import RunKind, Schedule
from tests.ledger.samples import digest, failing_at, numbered, opened, ticking, url_of


def test_the_migrations_make_the_tables() -> None:
    """From nothing, they lead to what `tables.py` declares: no table, column, type or index more or less."""
    engine = engine_at("sqlite://")
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())), engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_that_the_program_expects() -> None:
    """There is one newest migration, and `HEAD` names it."""
    config = Config()
    config.set_main_option("script_location", "cleaner.ledger:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_up_to_date_ledger_is_opened_without_migrating(path: Path) -> None:
    """A second opening makes and changes no table, and finds what the first one wrote."""
    with closing(opened(path)) as ledger:
        ledger.begin_run("acme", RunKind.CLEAN)
    statements: list[str] = []
    engine = engine_at(url_of(path))
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        assert [past.id for past in ledger.history.runs(9)] == ["run-1"]
    assert [sql for sql in statements if sql.startswith(("CREATE", "ALTER", "DROP"))] == []


def test_a_migration_that_fails_leaves_nothing_behind(path: Path) -> None:
    """The schema goes from one version to the next whole, or not at all; the next opening begins anew."""
    engine = engine_at(url_of(path))
    with failing_at(engine, "CREATE TABLE contents"), pytest.raises(StateError):
        ledger_on(engine, now=ticking(), new_id=numbered())
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    with closing(opened(path)) as ledger:
        assert ledger.begin_run("acme", RunKind.CLEAN) == "run-1"


def make_version(path: Path, version: str) -> None:
    """A ledger as an earlier release left it: a run that ended, one that died, a deletion."""
    with engine_at(url_of(path)).begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "cleaner.ledger:migrations")
        command.upgrade(config, version)
        for row in ("('one', 'acme', 1000000, 2000000, 0)", "('two', 'acme', 3000000, NULL, NULL)"):
            insert = f"INSERT INTO runs (id, registry, started_at, ended_at, exit_code) VALUES {row}"
            connection.exec_driver_sql(insert)
        connection.exec_driver_sql(
            "INSERT INTO deletions (run, registry, repository, digest, tags, reasons, children, blobs, intended_at)"
            f" VALUES ('one', 'acme', 'shop', '{digest(1)}', '[\"v1\"]', '[]', '[]', '[]', 1500000)"
        )


def test_a_ledger_of_the_first_release_is_brought_up_to_date(path: Path) -> None:
    """It keeps its rows; all its runs cleaned, and none answered a due moment that anybody wrote down."""
    make_version(path, "0001")
    with closing(opened(path)) as ledger:
        runs = [(run.id, run.kind, run.due_at, run.exit_code) for run in ledger.history.runs(9)]
        assert runs == [("two", RunKind.CLEAN, None, None), ("one", RunKind.CLEAN, None, 0)]
        assert [intent.digest for intent in ledger.unsettled("acme")] == [digest(1)]
        assert ledger.firings.last("acme", Schedule.CLEANING, "0 2 * * * UTC") is None
        assert ledger.begin_run("acme", RunKind.PLAN) == "run-1"
        assert ledger.history.last_successes("acme")[RunKind.CLEAN].id == "one"


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_what_an_earlier_release_deleted_counts_as_before(path: Path, version: str) -> None:
    """It is gone and uncollected; nobody brought it back, and without its bytes nobody can."""
    make_version(path, version)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE deletions SET outcome = 'deleted', answered_at = 1600000")
    with closing(opened(path)) as ledger:
        assert [gone.digest for gone in ledger.gone("acme")] == [digest(1)]
        assert ledger.gone("acme") == ledger.uncollected("acme")
        (past,) = ledger.history.deletions(9)
        assert (past.restored_at, past.can_be_undone) == (None, False)
        assert [one.body for one in ledger.restorable("acme", Which())] == [None]


def test_a_ledger_that_cannot_be_brought_up_to_date_stays_as_it_was(path: Path) -> None:
    """The older program can go on with it, and the newer one once the trouble is over."""
    make_version(path, "0001")
    engine = engine_at(url_of(path))
    with failing_at(engine, "CREATE TABLE schedules"), pytest.raises(StateError):
        ledger_on(engine, now=ticking(), new_id=numbered())
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert "kind" not in {column for _, column, *_ in raw.execute("PRAGMA table_info(runs)")}
    with closing(opened(path)) as ledger:
        assert len(ledger.history.runs(9)) == 2


def test_many_may_open_a_new_ledger_at_once(path: Path) -> None:
    """One of them makes its tables, the others wait for it."""
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(lambda _: opened(path), range(6)))
    for number, ledger in enumerate(ledgers):
        with closing(ledger):
            assert len(ledger.history.runs(9)) == 0, number


def test_opening_leaves_logging_alone(path: Path) -> None:
    """Neither the level nor the handlers of the root logger change, nor is any logger switched off."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("cleaner").disabled)
    with closing(opened(path)):
        assert (root.level, list(root.handlers), logging.getLogger("cleaner").disabled) == before
