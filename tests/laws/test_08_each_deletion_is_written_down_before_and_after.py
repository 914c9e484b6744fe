"""Law 8: each deletion is written down before it is sent and after it is answered; one run a registry at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from cleaner.errors import RunInProgress
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.model.deletion import Deleted
from cleaner.model.run import RunKind
from tests.ledger.samples import BLOBS, deletion, numbered, opened, ticking, url_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger lies."""
    return tmp_path / "state.db"


@contextmanager
def child(path: Path, deed: str) -> Iterator[subprocess.Popen[str]]:
    """Another process at work on the ledger; killed with SIGKILL at the end of the block, if not before."""
    command = [sys.executable, "-m", "tests.ledger.child", str(path), deed]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], number: int) -> list[tuple[str, ...]]:
    """So many of the next lines that the process says, or all up to its end, in words."""
    assert process.stdout is not None
    said = (process.stdout.readline().split() for _ in range(number))
    return [tuple(words) for words in said if words]


@pytest.mark.parametrize("acknowledged", [1, 2, 7, 40])
def test_what_a_killed_process_wrote_down_is_found(path: Path, acknowledged: int) -> None:
    """After kill -9 every intent that was handed out is there, open unless its outcome was acknowledged."""
    with child(path, "delete") as process:
        said = lines(process, acknowledged)
        process.kill()
        said += lines(process, 10_000)
    with closing(opened(path)) as ledger:
        unsettled = {intent.digest for intent in ledger.unsettled("acme")}
        gone = {gone.digest for gone in ledger.gone("acme")}
    assert len(said) >= acknowledged
    assert {digest for word, digest in said if word == "settled"} <= gone
    assert {digest for word, digest in said if word == "intended"} <= gone | unsettled
    assert len(unsettled) <= 1
    assert not gone & unsettled


def test_an_intent_is_on_disk_when_it_is_handed_out(path: Path) -> None:
    """Somebody else who opens the file finds the intent before anything was settled, with all that was known."""
    with closing(opened(path)) as ledger, closing(opened(path)) as other:
        intent = ledger.intend(ledger.begin_run("acme", RunKind.CLEAN), "acme", deletion(1), BLOBS)
        assert other.unsettled("acme") == (intent,)
        ledger.settle(intent, Deleted())
        assert other.unsettled("acme") == ()


class Crash(BaseException):
    """The process ends here."""


def carry_out(ledger: Ledger, acknowledged: list[str]) -> None:
    """One deletion, with a note of each call that returned."""
    run = ledger.begin_run("acme", RunKind.CLEAN)
    intent = ledger.intend(run, "acme", deletion(1), BLOBS)
    acknowledged.append("intended")
    ledger.settle(intent, Deleted())
    acknowledged.append("settled")


@pytest.mark.parametrize(
    ("commits", "acknowledged", "unsettled", "gone"),
    [
        pytest.param(0, [], 0, 0, id="before the run"),
        pytest.param(1, [], 0, 0, id="before the intent"),
        pytest.param(2, ["intended"], 1, 0, id="before the outcome"),
        pytest.param(3, ["intended", "settled"], 0, 1, id="after it"),
    ],
)
def test_a_crash_before_a_commit_leaves_what_was_committed(
    path: Path, commits: int, acknowledged: list[str], unsettled: int, gone: int
) -> None:
    """Nothing is handed out that is not committed, and nothing that was committed is lost."""
    engine = engine_at(url_of(path))
    remaining = [commits]

    def crash(_connection: Connection) -> None:
        if remaining[0] == 0:
            raise Crash
        remaining[0] -= 1

    said: list[str] = []
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        event.listen(engine, "commit", crash)
        with suppress(Crash):
            carry_out(ledger, said)
        event.remove(engine, "commit", crash)
    with closing(opened(path)) as ledger:
        assert said == acknowledged
        assert (len(ledger.unsettled("acme")), len(ledger.gone("acme"))) == (unsettled, gone)


def test_two_processes_contend_for_a_registry_and_one_gets_it(path: Path) -> None:
    """While another process holds the registry, a run on it is refused, and the message names it."""
    with closing(opened(path)) as ledger, child(path, "hold") as process:
        assert lines(process, 1) == [("held",)]
        with pytest.raises(RunInProgress, match="registry acme") as refused, ledger.hold("acme"):
            pytest.fail("two hold the registry")
        assert str(path) in refused.value.next_step


def test_a_killed_holder_lets_go(path: Path) -> None:
    """The kernel lets go of a registry when the process that held it was killed."""
    with closing(opened(path)) as ledger, child(path, "hold") as process:
        assert lines(process, 1) == [("held",)]
        process.kill()
        process.wait()
        with ledger.hold("acme"), pytest.raises(RunInProgress), ledger.hold("acme"):
            pytest.fail("two hold the registry")


def test_a_registry_is_held_within_one_process_too(path: Path) -> None:
    """Two ledgers on one file, one of them opened by a symbolic link, share their holds; other registries are free."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    with closing(opened(path)) as ledger, closing(opened(link)) as other:
        with ledger.hold("acme"), other.hold("other"), pytest.raises(RunInProgress), other.hold("acme"):
            pytest.fail("two hold the registry")
        with other.hold("acme"):
            assert path.with_name("state.db.acme.lock").stat().st_mode & 0o777 == 0o600
