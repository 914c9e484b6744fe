"""The image of the Dockerfile on a stand-in for its base: built twice, and run once, trusted with nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.real.debian import skip_module_unless_root, tree
from tests.real.image import BASE, Container, Engine, engine, eventually, running, wheels
from tests.real.parts import skip_module_without

skip_module_without("debootstrap", "buildah", "podman", "runc")
skip_module_unless_root()
pytestmark = pytest.mark.xdist_group("a container")

ROOT = Path(__file__).parents[2]
NOBODY = 65532
STATE, CONFIG = "/var/lib/registry-cleaner", "/etc/registry-cleaner"

CONFIGURATION = """\
mode: enforce
protect: {in_use: none}
limits: {share: 100%}
api:
  url: http://127.0.0.1:8080
  registry_url: http://127.0.0.1:8081
  rate_limit: {per_minute: 0, per_hour: 0}
admin: {token: {env: ADMIN_TOKEN}}
registries:
  - name: demo
    garbage_collection: {min_freed: 0B}
    policies:
      - repositories: ["shop/*", api]
        keep:
          - {tags: [main]}
          - {tags: ["*"], except: [main], last: 10}
"""
SIMULATOR = ("simulator", "--listen", "127.0.0.1:8080", "--registry-listen", "127.0.0.1:8081", "--gc-duration", "1s")
SECRETS = ("--env", "DIGITALOCEAN_ACCESS_TOKEN=dop_v1_of_the_container", "--env", "ADMIN_TOKEN=of-the-container")

ASK = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8080/_simulator/state').read().decode())"
START_A_RUN = """
import os
from urllib.request import Request, urlopen
bearer = {"Authorization": f"Bearer {os.environ['ADMIN_TOKEN']}"}
urlopen(Request("http://127.0.0.1:9095/-/run/demo", method="POST", headers=bearer))
"""
INSTALLED = "from importlib.metadata import distributions as all; print(*(each.name.lower() for each in all()))"
RIGHTS = "print(open('/proc/1/status').read())"
WRITE = """
import errno
try:
    open("/tmp/file", "w")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@dataclass(frozen=True, slots=True)
class Life:
    """What was seen of a container of the daemon, from its start to its end."""

    rights: dict[str, str]
    installed: list[str]
    on_writing: str
    plan: dict[str, Any]
    collections: list[dict[str, Any]]
    owners_of_the_state: set[int]
    changed: list[str]
    exit_code: int
    log: list[dict[str, Any]]
    healthy_afterwards: bool


@pytest.fixture(scope="module")
def engine_with_base() -> Iterator[Engine]:
    with engine() as made:
        made.take_in(tree())
        yield made


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    version = (tree() / "usr/bin/python3").readlink().name.removeprefix("python")
    return wheels(ROOT / "requirements-image.txt", version, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is now: what other tests leave in it meanwhile, or people change, is not in both builds."""
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "mutants")
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("project") / "copy", ignore=left_out)


@pytest.fixture(scope="module")
def image(engine_with_base: Engine, project: Path, index: Path) -> str:
    return engine_with_base.build(project, index, "first")


@pytest.fixture(scope="module")
def life(engine_with_base: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """One run of the daemon against a simulator, which runs in the same image and has a network of their own."""
    config, state = tmp_path_factory.mktemp("config"), tmp_path_factory.mktemp("state")
    (config / "config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    config.chmod(0o755)
    shutil.chown(state, NOBODY, NOBODY)
    network = ("--network", "container:simulator")
    mounted = ("--volume", f"{config}:{CONFIG}:ro", "--volume", f"{state}:{STATE}")
    with (
        running(engine_with_base, "simulator", image, "--network", "none", arguments=SIMULATOR) as simulator,
        running(engine_with_base, "daemon", image, *network, *mounted, *SECRETS) as daemon,
    ):
        eventually(daemon.is_healthy, daemon)
        daemon.python(START_A_RUN)
        eventually(lambda: _ended(simulator), daemon)
        return _seen(simulator, daemon, state)


def _seen(simulator: Container, daemon: Container, state: Path) -> Life:
    return Life(
        rights=dict(line.split(":\t", 1) for line in daemon.python(RIGHTS).splitlines() if ":\t" in line),
        installed=daemon.python(INSTALLED).split(),
        on_writing=daemon.python(WRITE),
        plan=json.loads(daemon.run("cleaner", "plan", "--format", "json"))["registries"][0],
        collections=_collections(simulator),
        owners_of_the_state={file.stat().st_uid for file in state.iterdir()},
        changed=daemon.engine.podman("diff", daemon.name).splitlines(),
        exit_code=daemon.stop(),
        log=[json.loads(line) for line in daemon.logs().splitlines()],
        healthy_afterwards=simulator.is_healthy(),
    )


def _collections(simulator: Container) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", json.loads(simulator.python(ASK))["registries"][0]["garbage_collections"])


def _ended(simulator: Container) -> bool:
    return any(collection["status"] in {"succeeded", "failed", "cancelled"} for collection in _collections(simulator))


def test_two_builds_give_one_digest(
    engine_with_base: Engine, image: str, project: Path, index: Path, tmp_path: Path
) -> None:
    """A build from a copy of the project, whose files have other times and modes, gives the same digest."""
    copy = shutil.copytree(project, tmp_path / "copy", copy_function=shutil.copyfile)
    again = engine_with_base.build(copy, index, "second")
    assert engine_with_base.digest(again) == engine_with_base.digest(image)


def test_the_image_adds_little_to_its_base(engine_with_base: Engine, image: str) -> None:
    """What is laid upon the base has fewer than 120 MB."""
    base, whole = engine_with_base.size(BASE), engine_with_base.size(image)
    assert 0 < whole - base < 120_000_000, f"{(whole - base) / 1e6:.0f} MB on a base of {base / 1e6:.0f} MB"


def test_nothing_to_build_with_is_in_the_environment(life: Life) -> None:
    """Neither pip nor a build backend is installed beside the package, what it needs, and what its extras need."""
    assert {"registry-cleaner", "lightkube", "apprise"} <= set(life.installed)
    assert {"pip", "setuptools", "wheel"}.isdisjoint(life.installed)


def test_it_runs_as_nobody_in_particular(life: Life) -> None:
    """The daemon's user and group are numbers without a name, without a capability, with no way to gain one."""
    user, group, capabilities = (life.rights[name] for name in ("Uid", "Gid", "CapEff"))
    assert set(user.split()) == set(group.split()) == {str(NOBODY)}
    assert int(capabilities, 16) == 0
    assert life.rights["NoNewPrivs"] == "1"


def test_it_listens_on_all_interfaces_of_its_container(life: Life) -> None:
    """The image's own command says so: what is loopback inside of a container cannot be reached from outside."""
    assert [line["url"] for line in life.log if line["event"] == "listening"] == ["http://0.0.0.0:9095"]


def test_it_cleans_the_simulator(life: Life) -> None:
    """A run is done from inside the container, its garbage collected; then its plan has nothing more to delete."""
    assert [line["deleted"] for line in life.log if line["event"] == "run ended"] > [0]
    assert [collection["status"] for collection in life.collections] == ["succeeded"]
    assert life.plan["deletions"] == []
    assert life.plan["kept"] > 0


def test_it_needs_nothing_but_its_state_to_write_to(life: Life) -> None:
    """Its root cannot be written to, not even its /tmp; but for where the configuration was mounted it is as built."""
    assert life.on_writing == "EROFS"
    assert life.changed == ["C /etc", f"A {CONFIG}"]
    assert life.owners_of_the_state == {NOBODY}


def test_it_stops_when_told_to(life: Life) -> None:
    """Its stop signal ends it with exit code 0, well before it would be killed."""
    assert life.exit_code == 0
    assert life.log[-1]["event"] in {"stopping", "stopped"}


def test_its_health_check_fails_where_nothing_answers(life: Life) -> None:
    """Once the daemon is gone, the check finds nothing at its port and says so."""
    assert not life.healthy_afterwards
