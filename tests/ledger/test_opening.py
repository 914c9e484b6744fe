"""Opening a ledger: its file is private, and what cannot be opened says why and what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on, open_ledger
from cleaner.model.deletion import Deleted
from cleaner.model.run import RunKind
from tests.ledger.samples import BLOBS, deletion, limited, numbered, opened, ticking, url_of

NOBODY = 65_534


def test_its_files_are_for_their_owner_alone(path: Path) -> None:
    """The file, its write-ahead log and its shared memory have mode 0600, whatever the umask allows."""
    before = os.umask(0)
    try:
        with closing(opened(path)) as ledger:
            ledger.begin_run("acme", RunKind.CLEAN)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_its_commits_are_on_disk(path: Path) -> None:
    """It writes ahead, waits for the disk at each commit, and checks references."""
    engine = engine_at(url_of(path))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())), engine.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    assert values == ["wal", 2, 1, 5000]


def test_closing_leaves_one_file(path: Path) -> None:
    """The write-ahead log goes back into the file, and what was written is read again."""
    with closing(opened(path)) as ledger:
        ledger.begin_run("acme", RunKind.CLEAN)
    assert [file.name for file in path.parent.iterdir()] == ["state.db"]
    with closing(opened(path)) as ledger:
        assert len(ledger.history.runs(9)) == 1


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    """As a process leaves one that was killed between making the file and its tables."""
    path.touch()
    with closing(opened(path)) as ledger:
        assert ledger.begin_run("acme", RunKind.CLEAN) == "run-1"


def make_text(path: Path) -> None:
    """A file of something else."""
    path.write_text("repositories: []\n" * 400)


def make_damaged(path: Path) -> None:
    """A ledger whose first page was overwritten behind its header."""
    opened(path).close()
    pages = bytearray(path.read_bytes())
    pages[100:4096] = b"\x07" * 3996
    path.write_bytes(pages)


def make_short(path: Path) -> None:
    """A ledger of which only the beginning was copied."""
    opened(path).close()
    path.write_bytes(path.read_bytes()[:6000])


def make_foreign(path: Path) -> None:
    """Another program's database."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE customers (id INTEGER)")


def make_newer(path: Path) -> None:
    """A ledger with a schema of the future."""
    opened(path).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")


def make_loop(path: Path) -> None:
    """A symbolic link to itself."""
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "message", "next_step"),
    [
        (Path.mkdir, "it cannot be opened", "Expected: a file"),
        (make_text, "it is not a SQLite database", "Name another file in `state`"),
        (make_damaged, "it is damaged", "Restore it from a backup"),
        (make_short, "it is damaged", "Restore it from a backup"),
        (make_foreign, "it holds the tables of something else", "Name a file of its own"),
        (make_newer, "has schema 9999, and this version of registry-cleaner knows up to 0003", "Install the newer"),
        (make_loop, "it cannot be opened", "Expected: a file"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_no_ledger_is_refused(path: Path, make: Callable[[Path], None], message: str, next_step: str) -> None:
    """The message names the file and what it is, and says what to do."""
    make(path)
    with pytest.raises(StateError) as refused:
        opened(path)
    assert str(path) in refused.value.message
    assert message in refused.value.message
    assert refused.value.next_step.startswith(next_step)


def test_what_is_no_ledger_gets_no_tables(path: Path) -> None:
    """Another program's database keeps the tables that it has, and gets none."""
    make_foreign(path)
    with pytest.raises(StateError):
        opened(path)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    """Who may read it is for a person to say: the message names it, and how to make it."""
    with pytest.raises(StateError, match=f"directory {tmp_path}/deep/down does not exist") as refused:
        opened(tmp_path / "deep" / "down" / "state.db")
    assert refused.value.next_step == f"Make it: install -d -m 0700 {tmp_path}/deep/down"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_directory(path: Path) -> None:
    """The message names the file and the system's reason."""
    path.touch()
    with pytest.raises(StateError, match=f"cannot be made at {path}/state.db: Not a directory"):
        opened(path / "state.db")


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without the powers of root, where the tests have them."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user can reach."""
    with TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


def test_a_directory_that_may_not_be_written(shared: Path) -> None:
    """A new ledger cannot be made there."""
    shared.chmod(0o555)
    with ordinary_user(), pytest.raises(StateError, match=r"cannot be made at .*state\.db: Permission denied"):
        opened(shared / "state.db")
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize(("file_mode", "directory_mode"), [(0o444, 0o777), (0o666, 0o555), (0o444, 0o555)])
def test_a_ledger_that_may_only_be_read(shared: Path, file_mode: int, directory_mode: int) -> None:
    """An opening tells so, although nothing needs to be changed yet: before a request is sent, not after."""
    path = shared / "state.db"
    opened(path).close()
    path.chmod(file_mode)
    shared.chmod(directory_mode)
    with ordinary_user(), pytest.raises(StateError, match=rf"{path} cannot be used: it ") as refused:
        opened(path)
    assert "this user" in refused.value.next_step
    shared.chmod(0o777)


def test_a_ledger_that_may_not_be_read(shared: Path) -> None:
    """That of another user."""
    path = shared / "state.db"
    opened(path).close()
    path.chmod(0)
    with ordinary_user(), pytest.raises(StateError, match=rf"{path} cannot be used: it cannot be opened"):
        opened(path)


def test_a_full_disk_is_seen_at_the_opening(path: Path) -> None:
    """The message says so, and leaves no half of a schema."""
    with pytest.raises(StateError, match=rf"{path} cannot be used: its disk is full") as refused:
        ledger_on(limited(engine_at(url_of(path)), "max_page_count = 3"), now=ticking(), new_id=numbered())
    assert refused.value.next_step == "Make room on that file system"
    with closing(opened(path)) as ledger:
        assert ledger.history.runs(9) == ()


def fill(ledger: Ledger, run: str) -> int:
    """Delete until the disk is full; how many deletions that were."""
    for number in range(10_000):
        try:
            ledger.settle(ledger.intend(run, "acme", deletion(number), BLOBS), Deleted())
        except StateError:
            return number
    raise AssertionError("the disk never filled up")


def test_a_disk_that_fills_up_loses_no_record(path: Path) -> None:
    """What was acknowledged before stays, and the ledger goes on when there is room again."""
    engine = limited(engine_at(url_of(path)), "max_page_count = 60")
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        run = ledger.begin_run("acme", RunKind.CLEAN)
        done = fill(ledger, run)
        assert len(ledger.gone("acme")) == done > 0
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000")
        ledger.intend(run, "acme", deletion(done), BLOBS)
        assert len(ledger.gone("acme")) == done


def test_a_wait_for_another_process_has_an_end(path: Path) -> None:
    """A file that somebody keeps locked is not waited for without end."""
    engine = limited(engine_at(url_of(path)), "busy_timeout = 0")
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger, closing(sqlite3.connect(path)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=rf"{path} cannot be used: another process kept it locked"):
            ledger.begin_run("acme", RunKind.CLEAN)
        raw.execute("ROLLBACK")
        assert ledger.begin_run("acme", RunKind.CLEAN) == "run-2"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "The state's URL cannot be read"),
        ("state.db", "The state's URL cannot be read"),
        ("user:hush@host", "The state's URL cannot be read"),
        ("postgresql://user:hush@host/state", "The state cannot be kept at postgresql://user:***@host/state"),
        ("sqlite://host/state.db", "The state cannot be kept at sqlite://host/state.db"),
        ("sqlite:////state.db?mode=ro", "The state cannot be kept at sqlite:////state.db?mode=ro"),
        ("sqlite+aiosqlite:////state.db", "The state cannot be kept at sqlite+aiosqlite:////state.db"),
    ],
)
def test_a_url_that_names_no_file(url: str, message: str) -> None:
    """The message says how to write one, and repeats no password (law 11)."""
    with pytest.raises(StateError) as refused:
        open_ledger(url, now=ticking(), new_id=numbered())
    assert refused.value.message == message
    assert refused.value.next_step == "Write it as sqlite:////DIRECTORY/state.db, without parameters"
