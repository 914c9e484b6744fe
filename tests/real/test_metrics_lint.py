"""Prometheus' own linter reads what a daemon shows after a whole run, and has nothing to say."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.daemon.events import everything
from tests.daemon.test_metrics_of_a_run import cleaned
from tests.real.parts import skip_module_without

skip_module_without("promtool")


def lint(exposition: bytes) -> tuple[int, str]:
    """How `promtool check metrics` ends, and all that it says."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )
    return checked.returncode, checked.stdout.decode()


def test_promtool_has_no_complaint(tmp_path: Path) -> None:
    """After a whole run, and after one event of every kind and value."""
    with cleaned(tmp_path) as (_, metrics, _):
        after_a_run, _ = metrics.exposition("")
        for event in everything("acme"):
            metrics.hear(event)
        after_everything, _ = metrics.exposition("")
    assert b"registry_cleaner_runs_total{" in after_a_run
    assert lint(after_a_run) == lint(after_everything) == (0, "")


def test_promtool_complains_of_what_is_wrong() -> None:
    """The linter is heard: a counter without its ending does not pass."""
    code, complaint = lint(b"# HELP runs Runs.\n# TYPE runs counter\nruns 1\n")
    assert (code, "counter metrics should have" in complaint) == (3, True)
