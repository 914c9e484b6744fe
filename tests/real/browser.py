"""A real Chromium without a screen, asked through a pair of pipes (Chrome DevTools Protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_SECONDS = 20
_COMPLAINTS = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Security.certificateError"}

Message = dict[str, Any]


@dataclass(slots=True)
class Tab:
    """One tab; `requests` are the URLs that it asked for, `complaints` what its console shows."""

    to: IO[bytes]
    answers: IO[bytes]
    session: str = ""
    asked: int = 0
    buffer: bytes = b""
    requests: list[str] = field(default_factory=list)
    complaints: list[Message] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def attach(self) -> None:
        """Open it, and hear of everything that happens in it."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def show(self, url: str, width: int, *, scheme: str = "light") -> None:
        """Load a page in a window of that width, for somebody who likes it light or dark."""
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=media)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while "Page.loadEventFired" not in self.events:
            self._hear()

    def evaluate(self, expression: str) -> Any:
        """What an expression comes to in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self, file: Path) -> None:
        """Take a picture of the whole page."""
        picture = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(picture))

    def ask(self, method: str, **parameters: object) -> Message:
        """Ask the browser, and wait for its answer."""
        self.asked += 1
        message: Message = {"id": self.asked, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        self.to.flush()
        while True:
            answer = self._hear()
            if answer.get("id") == self.asked:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _hear(self) -> Message:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], _SECONDS)
            assert ready, "the browser says nothing"
            piece = os.read(self.answers.fileno(), 1 << 16)
            assert piece, "the browser has ended"
            self.buffer += piece
        text, _, self.buffer = self.buffer.partition(b"\0")
        message: Message = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, parameters: Message) -> None:
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        if method in _COMPLAINTS:
            self.complaints.append(parameters)


@contextmanager
def tab(folder: Path) -> Iterator[Tab]:
    """A tab of a browser with a fresh profile in `folder`; the browser ends with the block."""
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    command = ["chromium", *_FLAGS, f"--user-data-dir={folder}"]
    browser = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out} 2>/dev/null', "bash", *command],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    with os.fdopen(ours_out, "wb") as to, os.fdopen(ours_in, "rb", buffering=0) as answers:
        opened = Tab(to, answers)
        try:
            opened.attach()
            yield opened
            opened.session = ""
            opened.ask("Browser.close")
        finally:
            _end(browser)


def _end(browser: subprocess.Popen[bytes]) -> None:
    try:
        browser.wait(timeout=5)
    except subprocess.TimeoutExpired:
        browser.kill()
        browser.wait(timeout=5)
