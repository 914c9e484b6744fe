"""Opening the ledger: its file made private, its schema up to date."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Engine

from cleaner.clock import NewId, Now
from cleaner.errors import StateError
from cleaner.ledger.database import Database, engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.schema import upgrade


def open_ledger(url: str, *, now: Now, new_id: NewId) -> Ledger:
    """The ledger at `sqlite:////path/to/file`, made where there is none; `sqlite://` is one in memory.

    Raises:
        StateError: it cannot be opened, written or brought up to date, or is no ledger, or a newer version's.
    """
    return ledger_on(engine_at(url), now=now, new_id=new_id)


def ledger_on(engine: Engine, *, now: Now, new_id: NewId) -> Ledger:
    """The ledger on an engine that `engine_at` made, as `open_ledger` gives it; also raises what that raises.

    The engine is an edge: whoever wants to see or stop what reaches the disk listens to its events.
    """
    file = _file(engine)
    if file is not None:
        _make(file)
    database = Database(engine)
    try:
        upgrade(database)
    except StateError:
        database.close()
        raise
    return Ledger(database, file, now, new_id)


def _file(engine: Engine) -> Path | None:
    # Without its symbolic links, so that whoever opens the file by another name finds the same locks beside it.
    name = engine.url.database
    return None if name in {None, "", ":memory:"} else Path(os.path.realpath(str(name)))


def _make(file: Path) -> None:
    """Make an empty file, for its owner alone, where there is none; SQLite gives its -wal and -shm the same mode.

    One that is there is not opened: to close it again would drop the locks that SQLite has on it in this process.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except FileNotFoundError as error:
        raise StateError(
            f"The state's directory {file.parent} does not exist", f"Make it: install -d -m 0700 {file.parent}"
        ) from error
    except OSError as error:
        raise StateError(
            f"The state cannot be made at {file}: {error.strerror}", "Let this user write to its directory"
        ) from error
