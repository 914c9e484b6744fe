"""The daemon in a process of its own: its log line by line, its pages, its signals."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.cli.scene import Scene
from tests.loopback import ask

PATIENCE = 90.0
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], what: str, patience: float = PATIENCE) -> Found:
    """What `look` finds, asked again and again; a failure names what never came."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience:.0f} s in vain for {what}")


@dataclass(slots=True)
class Daemon:
    """A running `cleaner run`."""

    process: subprocess.Popen[str]
    log: Path

    def lines(self, event: str = "", **facts: object) -> list[dict[str, Any]]:
        """The whole lines of the log so far, those of this event and with these facts."""
        whole = self.log.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        every: list[dict[str, Any]] = [json.loads(line) for line in whole]
        return [
            line
            for line in every
            if event in {"", line["event"]} and all(line.get(name) == fact for name, fact in facts.items())
        ]

    def told(self, event: str, times: int = 1, **facts: object) -> list[dict[str, Any]]:
        """Those lines, as soon as there are so many."""

        def look() -> list[dict[str, Any]] | None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log.read_text()}"
            found = self.lines(event, **facts)
            return found if len(found) >= times else None

        return wait_for(look, f"{times} log lines {event!r} {facts}")

    @property
    def url(self) -> str:
        """Where its pages are."""
        return str(self.told("listening")[0]["url"])

    def metric(self, sample: str) -> float:
        """The value of one sample on /metrics, by its name and labels as they stand there."""
        text = ask("GET", f"{self.url}/metrics").text
        return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{sample} "))

    def post(self, path: str, token: str) -> httpx.Response:
        """A request that wants something done."""
        return ask("POST", f"{self.url}{path}", headers={"authorization": f"Bearer {token}"})

    def hang_up(self) -> None:
        """SIGHUP: reload."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def daemon(scene: Scene, name: str) -> Iterator[Daemon]:
    """`cleaner run` on a free port; its log is in a file of that name. Killed in the end, if it still runs."""
    log = scene.folder / f"{name}.log"
    with log.open("w", encoding="utf-8") as stderr:
        process = scene.start("run", "--listen", "127.0.0.1:0", stdin=subprocess.DEVNULL, stderr=stderr.fileno())
    with process:
        try:
            yield Daemon(process, log)
        finally:
            if process.poll() is None:
                process.kill()
