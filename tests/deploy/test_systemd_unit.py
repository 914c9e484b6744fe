"""The systemd unit: nothing in it that systemd does not know, hardened, and in step with the daemon that it starts."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.main import get_command

from cleaner.cli.main import app
from cleaner.config.load import load
from cleaner.config.units import parse_duration
from cleaner.daemon.keeper import GRACE
from tests.real.parts import skip_module_without

skip_module_without("systemd-analyze")

UNIT = Path(__file__).parents[2] / "deploy/systemd/registry-cleaner.service"
TEXT = UNIT.read_text(encoding="utf-8")
MOST_EXPOSED = 2.0
"""Of ten, by `systemd-analyze security`."""


def values(directive: str) -> list[str]:
    """What the unit gives for a directive, in order."""
    return re.findall(rf"^{directive}=(.*)$", TEXT, re.MULTILINE)


def duration(directive: str) -> timedelta:
    """The one duration that the unit gives for a directive, in seconds."""
    (value,) = values(directive)
    return parse_duration(f"{value}s")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("systemd-analyze", *arguments), capture_output=True, text=True, timeout=60, check=False)


def verified(text: str, folder: Path) -> str:
    """What systemd has to say of a unit with this text; the program that it starts is put where one is."""
    copy = folder / UNIT.name
    copy.write_text(text.replace("/opt/registry-cleaner/bin/cleaner", "/bin/true"))
    result = analyze("verify", "--man=no", str(copy))
    return result.stdout + result.stderr


def test_systemd_has_nothing_to_say_of_it(tmp_path: Path) -> None:
    """Any output is a failure: of an unknown key systemd warns, and exits 0."""
    assert verified(TEXT, tmp_path) == ""


def test_an_unknown_key_would_be_noticed(tmp_path: Path) -> None:
    """The test above fails where it should."""
    assert "Unknown key 'WatchdogSecs'" in verified(TEXT.replace("WatchdogSec=", "WatchdogSecs="), tmp_path)


def test_it_is_hardened(record_property: Callable[[str, object], None]) -> None:
    """Its exposure is at most 2.0 of 10."""
    result = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", "--no-pager", str(UNIT))
    exposure = re.search(r"exposure level for \S+ (\d+\.\d)", result.stdout)
    assert exposure, result.stdout + result.stderr
    record_property("exposure", exposure[1])
    assert (result.returncode, float(exposure[1]) <= MOST_EXPOSED) == (0, True), result.stdout


def test_no_directive_is_given_twice() -> None:
    """A second one would replace the first in silence; only the filter of kernel calls is a list on purpose."""
    names = re.findall(r"^(\w+)=", TEXT, re.MULTILINE)
    assert {name for name in names if names.count(name) > 1} == {"SystemCallFilter"}


def test_what_it_starts_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With every word that the unit gives it."""
    (line,) = values("ExecStart")
    program, command, *options = shlex.split(line)
    assert (program, command, options[::2]) == ("/opt/registry-cleaner/bin/cleaner", "run", ["--config"])
    with pytest.raises(SystemExit) as ended:
        get_command(app)([command, *options, "--help"])
    assert ended.value.code == 0
    assert "--config" in capsys.readouterr().out


def test_a_stop_may_take_as_long_as_the_daemon_needs() -> None:
    """What is not gone by then systemd kills, and a deletion in hand would be left open."""
    assert duration("TimeoutStopSec") > GRACE


def test_the_configuration_that_it_asks_for(tmp_path: Path) -> None:
    """The token is where systemd puts the credential for a unit of this name, and the state where it may write."""
    stated = re.search(r"^# and in the configuration: (.*)$", TEXT, re.MULTILINE)
    assert stated
    name, _, _ = values("LoadCredential")[0].partition(":")
    assert f"/run/credentials/{UNIT.name}/{name}" in stated[1]
    file = tmp_path / "config.yaml"
    file.write_text(
        f"{stated[1]}\nregistries:\n  - name: acme\n    policies: [{{repositories: ['*'], keep: [{{last: 3}}]}}]\n"
    )
    settings = load(file, {})
    assert settings.registries[0].api.token.source == f"the file /run/credentials/{UNIT.name}/{name}"
    assert settings.state.startswith(f"sqlite:////var/lib/{values('StateDirectory')[0]}/")
