"""The Compose file: what it mounts is there, what it starts is confined, and its parts find each other."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from cleaner.config.load import load
from tests.deploy.queries import DEPLOY, Json

COMPOSE = DEPLOY / "compose"
SECRETS = COMPOSE / "secrets"
FILE: Json = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Json] = FILE["services"]

SERVICE_KEYS = {
    "build", "cap_drop", "command", "environment", "healthcheck", "image", "logging", "ports", "read_only", "restart",
    "secrets", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Any:
    """Each service."""
    return SERVICES[request.param]


def mounts(service: Json) -> list[list[str]]:
    """The volumes of a service: what, where, and how."""
    return [volume.split(":") for volume in service.get("volumes", [])]


def test_it_holds_what_the_specification_knows() -> None:
    """No key is misspelt: Compose passes over one that begins with `x-`, and refuses others."""
    assert {key for key in FILE if not key.startswith("x-")} == {"name", "services", "secrets", "volumes"}
    assert {key for service in SERVICES.values() for key in service} <= SERVICE_KEYS


def test_every_service_is_confined(service: Json) -> None:
    """Its root file system cannot be written, it has no capabilities and gets none, and its log fills no disk."""
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"] == {"driver": "local"}


def test_every_service_stays_on_this_machine(service: Json) -> None:
    """What has no password, or a weak one, is served on loopback only."""
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_every_image_is_a_release_without_a_host(service: Json) -> None:
    """Each names one release; ours is the one that this checkout builds."""
    assert re.fullmatch(r"([a-z]+/)?[a-z-]+:v?\d+\.\d+\.\d+", service["image"])
    assert ("build" in service) == service["image"].startswith("registry-cleaner:")


def test_our_image_is_of_this_release() -> None:
    """It is built from the top of the project and has its version."""
    assert (COMPOSE / SERVICES["cleaner"]["build"]).resolve() == DEPLOY.parent
    assert SERVICES["cleaner"]["image"] == f"registry-cleaner:{version('registry-cleaner')}"


def test_every_mounted_folder_exists(service: Json) -> None:
    """Folders are mounted, read-only; what is written goes into a volume that the file declares."""
    for what, _, *how in mounts(service):
        if what.startswith("."):
            assert (COMPOSE / what).is_dir()
            assert how == ["ro"]
        else:
            assert what in FILE["volumes"]


def test_every_configuration_that_a_program_is_told_of_is_mounted(service: Json) -> None:
    """A `--config.file` lies in a mounted folder, under the name it has there."""
    for argument in service.get("command", []):
        if argument.startswith("--config.file="):
            folder, name = argument.removeprefix("--config.file=").rsplit("/", 1)
            assert [(COMPOSE / what / name).exists() for what, where, *_ in mounts(service) if where == folder] == [
                True
            ]


def test_secrets_are_files_that_git_does_not_see(service: Json) -> None:
    """Each that is used is declared, and lies in the one folder that is ignored."""
    assert set(service.get("secrets", [])) <= set(FILE["secrets"])
    assert {(COMPOSE / secret["file"]).parent for secret in FILE["secrets"].values()} == {SECRETS}
    assert (COMPOSE / ".gitignore").read_text(encoding="utf-8") == f"/{SECRETS.name}/\n"


def test_the_cleaner_configuration_loads_without_a_warning() -> None:
    """It needs the registry's name and nothing else, and changes nothing until somebody says so."""
    settings = load(COMPOSE / "cleaner" / "config.yaml", {})
    assert settings.warnings == ()
    assert not any(registry.enforces for registry in settings.registries)
    assert [registry.api.token.source for registry in settings.registries] == ["the file /run/secrets/token"]


def test_the_ledger_is_kept_in_a_volume() -> None:
    """Where the configuration puts the state, a volume is mounted that outlives the container."""
    state = Path(load(COMPOSE / "cleaner" / "config.yaml", {}).state.removeprefix("sqlite:///"))
    assert [where for _, where, *how in mounts(SERVICES["cleaner"]) if not how] == [str(state.parent)]


def test_the_parts_find_each_other() -> None:
    """Each host that a configuration names is a service, and listens on that port."""
    texts = [
        (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"),
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"),
    ]
    named = {found for text in texts for found in re.findall(r'(?:"|//)([a-z]+):(\d+)"?', text)}
    served = {(name, port.rsplit(":", 1)[1]) for name, service in SERVICES.items() for port in service["ports"]}
    assert named == served - {("grafana", "3000")}
