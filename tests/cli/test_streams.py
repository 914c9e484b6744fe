"""What happens where output has nowhere to go: the work is done all the same, and its exit code stands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene


def in_a_shell(acme: Scene, redirected: str) -> subprocess.CompletedProcess[str]:
    """`cleaner …` with its streams redirected as a shell does it."""
    command = f"\"{sys.executable}\" -c 'from cleaner.cli.main import main; main()' {redirected}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=acme.folder,
        env=acme.whole_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", "2> >(head -c 1 >/dev/null)"])
def test_messages_that_cannot_be_written_stop_no_run(stderr: str, acme: Scene, cleaner: Cleaner) -> None:
    """A log's disk that is full, a closed stderr, a reader that went away: the run ends as it would have."""
    done = in_a_shell(acme, f"apply --yes --format json {stderr}")
    assert done.returncode == 0
    assert done.stdout.count('"digest"') == 8
    assert len(acme.requests("DELETE")) == 8
    assert '"exit_code": 0' in cleaner("history", "runs", "--format", "json").out


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_report_that_cannot_be_written_is_said_and_changes_no_exit_code(output: str, acme: Scene) -> None:
    """The deletions are done and recorded; stdout's trouble is named for what it is."""
    done = in_a_shell(acme, f"apply --yes --format {output} >/dev/full")
    assert done.returncode == 0
    assert "the result cannot be written to stdout: No space left on device" in done.stderr
    assert "bug" not in done.stderr
    assert len(acme.requests("DELETE")) == 8


@pytest.mark.parametrize("command", ["plan", "schema", "history runs"])
def test_a_reader_that_has_seen_enough_gets_no_complaint(command: str, acme: Scene, cleaner: Cleaner) -> None:
    """`| head -1` ends in silence."""
    cleaner("apply", "--yes")
    done = in_a_shell(acme, f"{command} | head -c 1 >/dev/null")
    assert "rror" not in done.stderr
    assert "bug" not in done.stderr


def test_a_closed_stdout_is_no_bug(acme: Scene) -> None:
    """`>&-` loses the result, nothing else."""
    done = in_a_shell(acme, "plan >&-")
    assert done.returncode == 0
    assert "bug" not in done.stderr
