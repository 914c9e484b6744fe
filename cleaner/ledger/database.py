"""An SQL engine for the ledger: durable, private, used by one thread at a time; its troubles become StateError."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from cleaner.errors import StateError

_BUSY_SECONDS = 5.0
_SETTINGS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
_ONLY_READS = "only_reads"
_EXPECTED = "Write it as sqlite:////DIRECTORY/state.db, without parameters"

_TROUBLE = {
    sqlite3.SQLITE_FULL: ("its disk is full", "Make room on that file system"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "Let this user write the file and its directory"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Expected: a file, in a directory that this user may write to"),
    sqlite3.SQLITE_NOTADB: ("it is not a SQLite database", "Name another file in `state`, or restore it from a backup"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "Restore it from a backup, or move it away to begin a new ledger"),
    sqlite3.SQLITE_BUSY: (
        f"another process kept it locked for {_BUSY_SECONDS:.0f} seconds",
        "Find out which (`fuser FILE`), and try again when it has ended",
    ),
    sqlite3.SQLITE_IOERR: ("reading or writing it failed", "Look at its disk: space, quota, the kernel's log"),
}
_OTHER_TROUBLE = ("it refused", "Look at its file and its disk; if both are well, report this message")


def engine_at(url: str) -> Engine:
    """An engine for `sqlite:////path/to/file` or, in memory, `sqlite://`; it does not connect yet.

    Commits are on disk when they return (WAL with `synchronous=FULL`); a wait for another process ends after 5 s.

    Raises:
        StateError: the URL is none, or of another kind.
    """
    engine = create_engine(
        _sqlite_url(url),
        poolclass=StaticPool,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


class Database:
    """The engine behind a lock: threads take turns, each with a whole transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**{_ONLY_READS: True})
        self._turn = Lock()
        self.place = engine.url.database or engine.url.render_as_string()

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction: committed, durably, when the block ends, rolled back when it raises.

        Raises:
            StateError: the database cannot be read or written.
        """
        return self._begun(self._engine)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads: however long it takes, no other process waits for it, nor it for them.

        Raises:
            StateError: the database cannot be read.
        """
        return self._begun(self._reader)

    def close(self) -> None:
        """Close the connection; the write-ahead log goes back into the file."""
        with self._turn:
            self._engine.dispose()

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._turn, engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OverflowError, UnicodeEncodeError) as error:
            raise _state_error(self.place, error) from error


def _sqlite_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text is not repeated: what cannot be read may hold a password.
        raise StateError("The state's URL cannot be read", _EXPECTED) from None
    if url.drivername != "sqlite" or url.query or url.host:
        raise StateError(f"The state cannot be kept at {url.render_as_string(hide_password=True)}", _EXPECTED)
    return url


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    # At once, since a transaction that reads first and writes later is refused without a wait when another wrote
    # in between; and by hand, since the driver's own way leaves the statements of a migration outside.
    only_reads = connection.get_execution_options().get(_ONLY_READS)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _state_error(place: str, error: Exception) -> StateError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the low byte: without SQLite's finer distinctions
    trouble, next_step = _TROUBLE.get(code, _OTHER_TROUBLE)
    return StateError(f"The state in {place} cannot be used: {trouble} ({cause})", next_step)
