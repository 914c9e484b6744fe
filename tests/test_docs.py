"""The documents can be typed: each of their commands is run or accounted for, and every command and option is told.

A block fenced as `sh` holds commands, one a line; in one fenced as `console` they follow a `$`, and the rest is what
they print. Those of `cleaner` are run in the order of their document, in a folder with a `config.yaml` for the
simulator's built-in registry `demo`, which is as new for each document.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cleaner.cli.main import app
from cleaner.clock import new_id, utc_now
from cleaner.config.load import load
from cleaner.simulator.serve import Options, Origins, serving
from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene, type_in
from tests.daemon.logged import logging_to

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOR_A_SHELL = re.compile(r"[|<>&;$`*?~(]")
OTHER_FENCE = re.compile(r"^```(?:bash|shell|zsh|shell-session)$", re.MULTILINE)

NOT_RUN_HERE = {
    ".venv/bin/python": "runs a test of this suite, or a program that a test of it measures by",
    "cp": "copies the example; the configuration is laid for the test",
    "curl": "asks a daemon that no test of this module runs",
    "docker": "no container engine is assumed",
    "export": "the token is set for the test",
    "git": "fetches the project",
    "install": "makes a folder of the system",
    "journalctl": "reads the log of a service",
    "kubectl": "no cluster is assumed",
    "pip": "installs what is installed",
    "python3": "makes an environment of its own",
    "~/cleaner/bin/pip": "installs what is installed",
    "sudo": "changes the system",
    "systemctl": "changes the system",
}

CONFIG = """\
mode: enforce
protect: {{in_use: none}}
limits: {{share: 100%}}
api:
  url: {control}
  registry_url: {registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
state: sqlite:///{folder}/state.db
registries:
  - name: demo
    garbage_collection: {{schedule: never}}
    policies:
      - repositories: ["shop/*", api]
        keep:
          - {{tags: [main]}}
          - {{tags: ["v*"], semver: {{majors: 1, minors: 3}}}}
          - {{tags: ["*"], except: ["v*", main], last: 10}}
"""


def commands(document: Path) -> list[str]:
    """The commands that a document tells people to type, continued lines joined, comments left out."""
    if not document.exists():
        return []
    blocks = BLOCK.findall(document.read_text(encoding="utf-8").replace("\\\n", " "))
    found = [line for kind, block in blocks for line in typed(kind, block.splitlines())]
    return [line for line in found if line and not line.startswith("#")]


def typed(kind: str, lines: Sequence[str]) -> list[str]:
    """The lines of a block that are typed; what a console prints is not."""
    if kind == "console":
        return [line.removeprefix("$ ").strip() for line in lines if line.startswith("$ ")]
    return [line.strip() for line in lines]


def program(command: str) -> str:
    """The program that a command starts; variables set before it are passed over."""
    words = (word for word in shlex.split(command, comments=True) if not re.fullmatch(r"\w+=.*", word))
    return next(words, "")


ALL = [command for document in DOCUMENTS for command in commands(document)]


def test_the_documents_hold_commands() -> None:
    """Were the blocks not found, the tests below would pass on nothing."""
    assert len(ALL) >= 10
    assert {"cleaner", "make"} <= {program(command) for command in ALL}


def test_every_command_is_accounted_for() -> None:
    """A command of another program is named above with the reason why it is not run."""
    assert {program(command) for command in ALL} <= {"cleaner", "make", *NOT_RUN_HERE}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_shell_blocks_are_fenced_as_sh_or_console(document: Path) -> None:
    """Under another name the tests of this module would not see them."""
    assert OTHER_FENCE.findall(document.read_text(encoding="utf-8")) == []


def test_every_make_target_exists() -> None:
    """What the documents make, the Makefile makes."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = [shlex.split(command, comments=True)[1:] for command in ALL if program(command) == "make"]
    assert {target for targets in made for target in targets} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A link to a file of the project names one that exists."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_into_a_page_leads_to_a_heading(document: Path) -> None:
    """Also one that leads to another part of the same page."""
    links = re.findall(r"\]\((?!https?:)([^)#]*\.md)?#([^)]+)\)", document.read_text(encoding="utf-8"))
    assert [
        (page, part) for page, part in links if part not in anchors(document.parent / page if page else document)
    ] == []


def anchors(document: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_page() -> None:
    """Whoever begins there finds all that is told."""
    linked = re.findall(r"\]\((docs/[^)#]+)", DOCUMENTS[0].read_text(encoding="utf-8"))
    assert {str(document.relative_to(ROOT)) for document in DOCUMENTS[1:]} <= set(linked)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_whole_configuration_loads(document: Path, tmp_path: Path) -> None:
    """What a document shows as a configuration, from `registries` on, is one."""
    for number, block in enumerate(YAML_BLOCK.findall(document.read_text(encoding="utf-8"))):
        if re.search(r"^registries:", block, re.MULTILINE):
            file = tmp_path / f"{number}.yaml"
            file.write_text(block, encoding="utf-8")
            assert load(file, {}).registries


@pytest.fixture
def origins() -> Iterator[Origins]:
    """A simulator with its built-in registry."""
    with serving(Options(utc_now, new_id, collection_duration=timedelta(seconds=1))) as origins:
        yield origins


@pytest.fixture
def here(
    origins: Origins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cleaner]:
    """Types a command in this process, which is faster than in one of its own; its log is set up anew afterwards."""
    scene = Scene(tmp_path, origins, {"DIGITALOCEAN_ACCESS_TOKEN": TOKEN})
    with logging_to(io.StringIO()):
        yield partial(type_in, scene, monkeypatch, capsys)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_run(document: Path, origins: Origins, here: Cleaner, tmp_path: Path) -> None:
    """Each command of the cleaner exits 0, one after the other."""
    config = CONFIG.format(control=origins.control, registry=origins.registry, folder=tmp_path)
    (tmp_path / "config.yaml").write_text(config)
    shutil.copy(ROOT / "config.example.yaml", tmp_path)
    for command in commands(document):
        if command.startswith("cleaner simulator"):
            start_and_stop(command, tmp_path)
        elif command.startswith("cleaner ") and not FOR_A_SHELL.search(command):
            answer = here(*shlex.split(command, comments=True)[1:])
            assert answer.code == 0, f"{command}: exit code {answer.code}\n{answer.out}{answer.err}"
        elif program(command) == "cleaner":
            run(command, tmp_path)


def run(command: str, folder: Path) -> None:
    """Type a command in a shell."""
    with shell(command, folder) as typed_in:
        printed, _ = typed_in.communicate(timeout=120)
        assert typed_in.returncode == 0, f"{command}: exit code {typed_in.returncode}\n{printed}"


def start_and_stop(command: str, folder: Path) -> None:
    """Type a command that serves, on free ports whatever the document says, and end it once it does."""
    with shell(f"exec {re.sub(r'127.0.0.1:[0-9]+', '127.0.0.1:0', command)}", folder) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("listening on http://127.0.0.1:")
        server.terminate()
        assert server.wait(timeout=20) == 0


def shell(command: str, folder: Path) -> subprocess.Popen[str]:
    """A shell that carries out a command."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DIGITALOCEAN_ACCESS_TOKEN": TOKEN,
    }
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tree(command: object, path: str = "cleaner") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command and group of commands, with the words that call it."""
    if isinstance(command, TyperCommand | TyperGroup):
        yield path, command
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from tree(below, f"{path} {name}")


COMMANDS = dict(tree(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_is_told(path: str) -> None:
    """The documents name it as it is typed."""
    assert re.search(rf"{path}\b", told()), path


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_told(path: str) -> None:
    """The documents name each by its long form."""
    options = [name for parameter in COMMANDS[path].params for name in parameter.opts if name.startswith("--")]
    untold = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", told())]
    assert not untold, f"{path}: {', '.join(untold)}"


def told() -> str:
    """All documents."""
    return "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
