"""Ledgers, deletions and times for tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from cleaner.clock import NewId, Now
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.manifest import Blob, Digest, Manifest
from cleaner.model.plan import Deletion, Mode
from cleaner.model.reason import GoesWith, OrphanOld

START = datetime(2026, 3, 1, 12, 0, 0, 250_001, tzinfo=UTC)
HOSTILE = ("'; DROP TABLE deletions; --", "%s ? :tags {0}", "\x00\ud800\N{PILE OF POO}", '"]')
REASONS = (GoesWith((), ()), OrphanOld(timedelta(days=20), timedelta(days=14)))


def digest(number: int) -> Digest:
    """The digest with that number."""
    return Digest(f"sha256:{number:064x}")


BLOBS = (Blob(digest(901), 1_000), Blob(digest(902), None))


def deletion(number: int, repository: str = "shop/api", tags: tuple[str, ...] = ("v1",)) -> Deletion:
    """The deletion of a manifest with that number, an index with one child."""
    manifest = Manifest(repository, digest(number), START, tags)
    return Deletion(manifest, Mode.ENFORCE, REASONS, children=(digest(number + 1),))


def ticking() -> Now:
    """A clock that moves on by one second each time it is read."""
    seconds = count()
    return lambda: START + timedelta(seconds=next(seconds))


def numbered() -> NewId:
    """Ids `run-1`, `run-2` and so on."""
    numbers = count(1)
    return lambda: f"run-{next(numbers)}"


def url_of(path: Path) -> str:
    """The ledger's URL for a file."""
    return f"sqlite:///{path}"


def limited(engine: Engine, setting: str) -> Engine:
    """The engine, with a setting of SQLite's on each connection."""
    event.listen(engine, "connect", lambda connection, _entry: connection.execute(f"PRAGMA {setting}").close())
    return engine


@contextmanager
def failing_at(engine: Engine, words: str) -> Iterator[None]:
    """Lets no statement with these words through."""

    def fail(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if words in statement:
            raise sqlite3.OperationalError("no")

    event.listen(engine, "before_cursor_execute", fail)
    yield
    event.remove(engine, "before_cursor_execute", fail)


def opened(path: Path, now: Callable[[], datetime] | None = None) -> Ledger:
    """The ledger in a file, with a clock and ids of its own."""
    return open_ledger(url_of(path), now=now or ticking(), new_id=numbered())
