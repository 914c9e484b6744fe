"""The schema: what the migrations make is what the tables say."""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.opening import ledger_on
from cleaner.ledger.schema import HEAD
from cleaner.ledger.tables import metadata
from tests.ledger.samples import numbered, opened, ticking, url_of


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
        ledger.begin_run("acme")
    statements: list[str] = []
    engine = engine_at(url_of(path))
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        assert [past.id for past in ledger.history.runs(9)] == ["run-1"]
    assert [sql for sql in statements if sql.startswith(("CREATE", "ALTER", "DROP"))] == []


def test_a_migration_that_fails_leaves_nothing_behind(path: Path) -> None:
    """The schema goes from one version to the next whole, or not at all; the next opening begins anew."""
    engine = engine_at(url_of(path))

    def fail(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if "CREATE TABLE contents" in statement:
            raise sqlite3.OperationalError("no")

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(StateError):
        ledger_on(engine, now=ticking(), new_id=numbered())
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    with closing(opened(path)) as ledger:
        assert ledger.begin_run("acme") == "run-1"


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
