"""A simulator on loopback, a configuration beside it, and the command line as a user types it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from cleaner.cli.main import main
from cleaner.clock import new_id, utc_now
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.serve import Options, Origins, serving
from tests.house import START
from tests.ledger.blank import lay_blank
from tests.loopback import NO_AUTHORITIES, ask
from tests.shelves import Shelf, policy, registry

TOKEN = "dop_v1_of_the_command_line_tests"
KEEP_RELEASES = '[{tags: [main]}, {tags: ["v*"], last: 2}, {tags: ["sha-*"], within: 10d}]'


def shop() -> Shelf:
    """Four releases of an index with two platforms and a signature each, a `main`, and a tag that no rule selects."""
    shelf = Shelf("shop/web")
    for number in range(4):
        days = 40 - 10 * number
        children = [shelf.image(days=days), shelf.image(days=days)]
        shelf.signature(shelf.index(children, f"v{number}", days=days), days=days)
    shelf.image("main", days=5)
    shelf.image("odd", days=50)
    return shelf


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The document on stdout, which must hold nothing else."""
        return cast("dict[str, Any]", json.loads(self.out))

    @property
    def registry(self) -> dict[str, Any]:
        """The first registry of the document."""
        return cast("dict[str, Any]", self.json["registries"][0])


@dataclass(slots=True)
class Scene:
    """A folder with a configuration, and the simulator that it names."""

    folder: Path
    origins: Origins
    environment: dict[str, str] = field(default_factory=lambda: {"DIGITALOCEAN_ACCESS_TOKEN": TOKEN})

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.yaml"

    def configure(self, text: str, *, state: str = "") -> None:
        """Write the configuration: where the simulator and the state, a blank one, are; then this text."""
        lay_blank(self.folder / "state.db")
        head = f"""
state: sqlite:///{state or self.folder / "state.db"}
api:
  url: {self.origins.control}
  registry_url: {self.origins.registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
"""
        self.config.write_text(head + text, encoding="utf-8")

    def forget(self) -> None:
        """As before the first command: there is no state yet."""
        (self.folder / "state.db").unlink()

    def state(self) -> dict[str, Any]:
        """The first registry, as the simulator has it."""
        return cast("dict[str, Any]", ask("GET", f"{self.origins.control}/_simulator/state").json()["registries"][0])

    def digests(self) -> set[str]:
        """Every digest that the first registry holds."""
        return {entry["digest"] for repository in self.state()["repositories"] for entry in repository["manifests"]}

    def requests(self, *methods: str) -> list[str]:
        """The paths of the requests so far, of these methods or of all."""
        log = ask("GET", f"{self.origins.control}/_simulator/requests").json()["requests"]
        return [request["path"] for request in log if not methods or request["method"] in methods]

    def run(self, *arguments: str) -> Answer:
        """Run a command in a process of its own, without a terminal."""
        with self.start(*arguments, stdin=subprocess.DEVNULL) as process:
            out, err = process.communicate(timeout=60)
        return Answer(process.returncode, out, err)

    def start(self, *arguments: str, stdin: int, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", "from cleaner.cli.main import main; main()", *arguments],
            cwd=self.folder,
            env=self.whole_environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def whole_environment(self) -> dict[str, str]:
        """The environment of the tests with the scene's own."""
        inherited = {name: value for name, value in os.environ.items() if name not in {"CLEANER_CONFIG", "COLUMNS"}}
        return {**inherited, **self.environment, **NO_AUTHORITIES, "PYTHONPATH": str(Path(__file__).parents[2])}


@contextmanager
def scene(
    folder: Path,
    content: Mapping[str, object],
    *,
    behaviour: Behaviour | None = None,
    collection: timedelta = timedelta(0),
) -> Iterator[Scene]:
    """A simulator with this content; what was so old at `START` is as old now."""
    load = folder / "load.json"
    load.write_text(json.dumps(_aged(content)), encoding="utf-8")
    behaviour = behaviour or Behaviour(token=TOKEN)
    with serving(Options(utc_now, new_id, load=load, collection_duration=collection, behaviour=behaviour)) as origins:
        yield Scene(folder, origins)


def _aged(content: Mapping[str, object]) -> object:
    copy = json.loads(json.dumps(content))
    for each in copy["registries"]:
        for repository in each["repositories"]:
            for entry in repository["manifests"]:
                moment = datetime.fromisoformat(entry["updated_at"]) + (utc_now() - START)
                entry["updated_at"] = moment.isoformat().replace("+00:00", "Z")
    return copy


def shop_policy(**more: str) -> str:
    """The policy for `shop`, in mode enforce unless told otherwise."""
    return policy(KEEP_RELEASES, **more)


def shop_registry() -> dict[str, object]:
    """A registry `acme` that holds `shop`."""
    return registry(shop())


def type_in(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> Answer:
    """Run a command in this process, which is faster than in one of its own."""
    monkeypatch.chdir(scene.folder)
    monkeypatch.delenv("CLEANER_CONFIG", raising=False)
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "argv", ["cleaner", *arguments])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name, value in {**scene.environment, **NO_AUTHORITIES}.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main()
    written = capsys.readouterr()
    return Answer(int(end.value.code or 0), written.out, written.err)


def on_a_terminal(acme: Scene, answer: str | signal.Signals, *arguments: str) -> tuple[int, str, str]:
    """Run a command with a terminal on stdin and stderr, and type or send an answer: exit code, stdout, the screen."""
    ours, theirs = pty.openpty()
    with acme.start(*arguments, stdin=theirs, stderr=theirs) as process:
        os.close(theirs)
        screen = ""
        while "[y/N]" not in screen:
            screen += os.read(ours, 65536).decode(errors="replace")
        if isinstance(answer, str):
            os.write(ours, answer.encode())
        else:
            process.send_signal(answer)
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(ours)
    return process.returncode, out, screen
