"""The unit as it stands in deploy/, under a real systemd that is the first process of a Debian tree.

Nothing of it is taken out: credentials, the made-up user and every line of the hardening hold while it cleans a
simulator. A drop-in shortens times, and adds the credential of the second secret that the unit speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cleaner.clock import new_id, utc_now
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.serve import Options, Origins, serving
from tests.daemon.process import wait_for
from tests.loopback import ask
from tests.real.debian import skip_module_unless_root, tree
from tests.real.parts import skip_module_without
from tests.real.tree import LAUNCHER, PROJECT, UNIT, Machine, booted

skip_module_without("debootstrap", "unshare", "nsenter")
skip_module_unless_root()
pytestmark = pytest.mark.xdist_group("systemd")

TOKEN, ADMIN = "dop_v1_of_the_unit", "of_the_admin"
CONFIG = "/etc/registry-cleaner/config.yaml"

DROP_IN = """\
[Service]
WatchdogSec=5
RestartSec=100ms
LoadCredential=admin-token:/etc/registry-cleaner/admin-token
ExecStopPost=/bin/echo ended: $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS
"""


def config(origins: Origins) -> str:
    """A configuration for the simulator, its secrets where systemd puts them for this unit."""
    return f"""\
mode: enforce
protect: {{in_use: none}}
limits: {{share: 100%}}
listen: 127.0.0.1:0
admin: {{token: {{file: /run/credentials/{UNIT}/admin-token}}}}
api:
  token: {{file: /run/credentials/{UNIT}/token}}
  url: {origins.control}
  registry_url: {origins.registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
registries:
  - name: demo
    policies: [{{repositories: [api], keep: [{{tags: ["*"], last: 3}}]}}]
"""


@pytest.fixture(scope="module")
def origins() -> Iterator[Origins]:
    """A simulator that knows the token, with its built-in registry."""
    options = Options(utc_now, new_id, collection_duration=timedelta(seconds=1), behaviour=Behaviour(token=TOKEN))
    with serving(options) as origins:
        yield origins


@pytest.fixture(scope="module")
def machine(origins: Origins, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the unit is installed, as its comments say."""
    files = {
        f"etc/systemd/system/{UNIT}": (PROJECT / "deploy/systemd" / UNIT).read_text(),
        f"etc/systemd/system/{UNIT}.d/test.conf": DROP_IN,
        "opt/registry-cleaner/bin/cleaner": LAUNCHER,
        "etc/registry-cleaner/token": TOKEN,
        "etc/registry-cleaner/admin-token": ADMIN,
        CONFIG[1:]: config(origins),
    }
    with booted(tree(), tmp_path_factory.mktemp("systemd"), files) as machine:
        machine.run("chmod", "600", "/etc/registry-cleaner/token", "/etc/registry-cleaner/admin-token")
        yield machine


class Service:
    """The unit, started anew."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.invocation = machine.show("InvocationID")

    @property
    def pid(self) -> str:
        """The id of its process, in the machine."""
        return self.machine.show("MainPID")

    def logged(self, event: str, **facts: object) -> dict[str, Any] | None:
        """The last such line of its log since this start, if there is any yet."""
        every: list[dict[str, Any]] = [json.loads(line) for line in self.journal().splitlines() if line[0] == "{"]
        return next((line for line in reversed(every) if {"event": event, **facts}.items() <= line.items()), None)

    def journal(self) -> str:
        """What it has written since this start."""
        return self.machine.run("journalctl", "--output=cat", f"_SYSTEMD_INVOCATION_ID={self.invocation}")

    def tells(self, event: str, **facts: object) -> dict[str, Any]:
        """That line, as soon as it is there."""
        return wait_for(lambda: self.logged(event, **facts), f"the log line {event!r}", 30)

    @property
    def url(self) -> str:
        """Where its pages are."""
        return str(self.tells("listening")["url"])


@pytest.fixture
def service(machine: Machine) -> Iterator[Service]:
    """The service as `systemctl start` leaves it; stopped in the end."""
    machine.run("systemctl", "start", UNIT)
    yield Service(machine)
    machine.attempt("systemctl", "stop", UNIT)


def test_it_is_started_once_it_is_ready(service: Service) -> None:
    """`systemctl start` waits for READY: the pages answer at once, and `systemctl status` says what it is about."""
    assert ask("GET", f"{service.url}/-/ready").status_code == 200
    assert service.machine.show("ActiveState") == "active"
    assert 'Status: "keeps demo; nothing is scheduled"' in service.machine.run("systemctl", "status", UNIT)


def test_it_has_no_rights(service: Service) -> None:
    """Its user is made up, it has no capability and can get none, and its calls of the kernel are filtered."""
    status = service.machine.run("cat", f"/proc/{service.pid}/status")
    facts = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert 61184 <= int(facts["Uid"].split()[0]) <= 65519, "the range of made-up users"
    assert {facts[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


def test_it_cleans_as_confined_as_it_is(service: Service) -> None:
    """A run deletes, collects and is written down: nothing of the hardening stands in its way."""
    answer = ask("POST", f"{service.url}/-/run/demo", headers={"authorization": f"Bearer {ADMIN}"})
    assert answer.is_success
    ended = service.tells("run ended")
    assert (ended["outcome"], ended["deleted"] > 0) == ("success", True)
    assert service.machine.run("stat", "--format=%U %a", "/var/lib/registry-cleaner/state.db").split()[1] == "600"


def test_reload_puts_the_file_in_force(service: Service, origins: Origins) -> None:
    """A good one; a broken one leaves the old one in force, the process up, and the reason in the log."""
    pid = service.pid
    service.machine.write(CONFIG, config(origins).replace("last: 3", "last: 4"))
    service.machine.run("systemctl", "reload", UNIT)
    service.tells("configuration reloaded")
    service.machine.write(CONFIG, "nonsense: true\n")
    service.machine.run("systemctl", "reload", UNIT)
    assert "nonsense" in str(service.tells("configuration not reloaded: the old one stays in force"))
    service.machine.write(CONFIG, config(origins))
    wait_for(lambda: service.machine.show("ActiveState") == "active" or None, "the end of the reload", 10)
    assert (service.pid, service.machine.show("NRestarts")) == (pid, "0")


def test_a_process_that_is_stuck_is_restarted(service: Service) -> None:
    """A process that was stopped says nothing: systemd ends it, and starts another one that gets ready."""
    stuck = service.pid
    service.machine.run("kill", "-STOP", stuck)
    wait_for(lambda: service.machine.show("NRestarts") == "1" or None, "the restart", 30)
    wait_for(lambda: service.machine.show("ActiveState") == "active" or None, "the new process", 30)
    assert service.pid not in {stuck, "0"}
    assert "ended: watchdog killed ABRT" in service.journal()


def test_a_stop_is_clean(service: Service) -> None:
    """The process ends by itself, with exit code 0, and the unit is inactive, not failed."""
    service.machine.run("systemctl", "stop", UNIT)
    assert service.machine.show("ActiveState") == "inactive"
    assert "ended: success exited 0" in service.journal()
