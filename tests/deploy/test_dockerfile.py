"""What the Dockerfile promises, as far as its text tells; tests/real/test_container.py builds and runs it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pytest

from cleaner.config.models import File

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined."""

    keyword: str
    value: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.value)

    @property
    def command(self) -> list[str]:
        """The words of its exec form, a JSON array at its end."""
        words: list[str] = json.loads(self.value[self.value.index("[") :])
        return words


def stages() -> list[list[Instruction]]:
    """The instructions of each stage; those before the first are a stage of their own."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found: list[list[Instruction]] = [[]]
    for line in filter(None, lines):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.keyword == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


HEAD, BUILD, FINAL = stages()
EVERY = [*HEAD, *BUILD, *FINAL]


def the(keyword: str) -> Instruction:
    """The only instruction of its kind in the stage that becomes the image."""
    [found] = [instruction for instruction in FINAL if instruction.keyword == keyword]
    return found


def is_let_through(path: str) -> bool:
    """Whether .dockerignore lets a path of the project into the build: the last line that speaks of it decides."""
    through = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        places = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
        if not line.startswith("#") and any(fnmatchcase(place, pattern) for place in places):
            through = line.startswith("!")
    return through


def test_both_stages_stand_on_one_base_with_a_tag() -> None:
    """The environment made in one stage runs on the interpreter of the other; the default names what it means."""
    assert [each.value.split()[0] for each in EVERY if each.keyword == "FROM"] == ["${BASE}", "${BASE}"]
    assert re.fullmatch(r"BASE=python:3\.\d+-slim-[a-z]+", HEAD[0].value)


def test_it_runs_as_a_number_that_is_not_roots() -> None:
    """User and group are numbers above 0, which `runAsNonRoot` can check, and they own the folder of the state."""
    user = the("USER").value
    assert File.model_fields["state"].default == f"sqlite:///{the('WORKDIR').value}/state.db"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    copied = [each.words for each in FINAL if each.keyword == "COPY"]
    assert ["--from=build", f"--chown={user}", "/state", the("WORKDIR").value] in copied


def test_nothing_runs_in_the_final_stage() -> None:
    """The image is its base and what is copied there: no cache, log or list is left by a command."""
    assert {each.keyword for each in FINAL}.isdisjoint({"RUN", "ADD"})


def test_whatever_is_installed_is_pinned_by_its_hash() -> None:
    """Requirements are taken with their hashes; the package itself brings nothing along, to be built or to run."""
    installs = re.findall(r"pip install (.*?)(?:&&|$)", "\n".join(each.value for each in BUILD), re.MULTILINE)
    assert len(installs) == 2
    for words in map(str.split, installs):
        assert "--require-hashes" in words or {"--no-deps", "--no-build-isolation"} <= set(words)


def requirements(name: str) -> list[str]:
    """The entries of a file of pins, their continued lines joined."""
    return (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-image.txt"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    """Each line that names a package names one version of it, and its hashes follow."""
    assert len(requirements(name)) > 20
    for entry in requirements(name):
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_image_has_the_extras_and_a_plain_installation_has_not() -> None:
    """What the image installs beside the package's own pins, at the same versions, is what the extras need."""
    plain, image = (set(requirements(name)) for name in ("requirements.txt", "requirements-image.txt"))
    assert plain < image
    more = {entry.split("==")[0] for entry in image - plain}
    extras = {re.split("[<>=]", need)[0] for needs in PROJECT["optional-dependencies"].values() for need in needs}
    assert extras == {"apprise", "lightkube"}
    assert extras <= more


def test_nothing_is_fetched_past_pip() -> None:
    """No instruction names a URL, but for the label that says where the source is, and none is an ADD."""
    assert all(each.keyword != "ADD" for each in EVERY)
    assert not [each for each in EVERY if "://" in each.value and each.keyword != "LABEL"]


@pytest.mark.parametrize(
    "path",
    ["cleaner/cli/main.py", "pyproject.toml", "requirements-image.txt", PROJECT["readme"], *PROJECT["license-files"]],
)
def test_the_build_is_given_what_it_needs(path: str) -> None:
    """What the package is built of exists, and passes .dockerignore."""
    assert (ROOT / path).exists()
    assert is_let_through(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".git/config",
            ".venv/bin/python",
            "state.db",
            "config.yaml",
            ".env",
            "token",
            "docs/policy.md",
            "Dockerfile",
        ),
        "requirements.txt",
        "tests/house.py",
        "cleaner/cli/__pycache__/main.cpython-311.pyc",
    ],
)
def test_the_build_is_given_nothing_else(path: str) -> None:
    """Neither history, state, configuration and secrets nor what only this machine's Python understands."""
    assert not is_let_through(path)


def test_what_is_copied_exists() -> None:
    """Each COPY from the project names something of it that passes .dockerignore."""
    sources = [word for each in BUILD if each.keyword == "COPY" for word in each.words[:-1]]
    assert sources == ["requirements-image.txt", "."]


def test_it_starts_a_script_of_the_package() -> None:
    """The entry point is a command that the package installs, found in the environment first."""
    [script] = the("ENTRYPOINT").command
    assert script in PROJECT["scripts"]
    assert the("ENV").words[0] == "PATH=/opt/registry-cleaner/bin:$PATH"


def test_its_port_is_one_and_the_same() -> None:
    """The daemon listens on all interfaces at the port that is exposed and that the health check asks."""
    port = the("EXPOSE").value
    assert the("CMD").command == ["run", "--listen", f"0.0.0.0:{port}"]
    assert f"'127.0.0.1', {port})" in the("HEALTHCHECK").command[-1]


def test_it_stops_by_the_signal_that_the_daemon_heeds() -> None:
    """SIGTERM, said and not left to the base."""
    assert the("STOPSIGNAL").value == "SIGTERM"


def test_its_labels_say_what_the_package_says() -> None:
    """Title, description and licence are those of pyproject.toml."""
    labels = dict(word.removeprefix("org.opencontainers.image.").split("=", 1) for word in the("LABEL").words)
    assert labels.pop("source").endswith("/registry-cleaner")
    assert labels == {"title": PROJECT["name"], "description": PROJECT["description"], "licenses": PROJECT["license"]}


class Well(BaseHTTPRequestHandler):
    """Answers that all is well."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/-/healthy" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Ill(Well):
    """Answers that something is wrong."""

    status = 503


@pytest.mark.parametrize(("answering", "code"), [(Well, 0), (Ill, 1)])
def test_the_health_check_tells_well_from_ill(answering: type[Well], code: int) -> None:
    """The program of the health check exits 0 where /-/healthy answers 200, and 1 where it answers anything else."""
    with HTTPServer(("127.0.0.1", 0), answering) as server:
        answers = threading.Thread(target=server.handle_request)
        answers.start()
        checked = check(server.server_port)
        answers.join(timeout=20)
    assert checked == code


def test_the_health_check_fails_where_nothing_listens() -> None:
    """A daemon that is gone is not healthy."""
    with HTTPServer(("127.0.0.1", 0), Well) as server:
        port = server.server_port
    assert check(port) == 1


def check(port: int) -> int:
    """How the health check exits, run as an engine would but against another port."""
    python, *arguments = the("HEALTHCHECK").command
    assert python == "python3"
    moved = [argument.replace(the("EXPOSE").value, str(port)) for argument in arguments]
    return subprocess.run([sys.executable, *moved], stderr=subprocess.DEVNULL, timeout=20, check=False).returncode
