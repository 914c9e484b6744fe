"""A dead man's switch is told of each run on the side, and its URL stays a secret. httpx's transport is the edge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import async_solipsism
import httpx
import pytest

from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.heartbeat import PATIENCE, PAUSE, WAITING, Heartbeats
from cleaner.model.event import Event, RunBegan, RunEnded, RunNotBegun, Warned
from cleaner.model.report import Report
from cleaner.model.run import STOPPED, RunKind

URL = "https://switch.example/3fa85f64-secret"
MOMENT = timedelta(seconds=1)


@dataclass(slots=True)
class Switches(httpx.AsyncBaseTransport):
    """Everything that is asked, answered by `answer` after `delay` seconds."""

    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, content=b"OK")
    delay: float = 0.0
    seen: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url}")
        await asyncio.sleep(self.delay)
        return self.answer(request)


def registries(folder: Path, urls: Mapping[str, str]) -> tuple[RegistrySettings, ...]:
    """Registries of these names, each with its switch's URL in a file beside the configuration; none without one."""
    lines = ["protect: {in_use: none}", "registries:"]
    for name, url in urls.items():
        (folder / f"{name}-switch").write_text(url)
        lines += [f"  - name: {name}", '    policies: [{repositories: ["*"], keep: [{last: 3}]}]']
        lines += [f"    heartbeat: {{url: {{file: {folder}/{name}-switch}}}}"] if url else []
    (folder / "config.yaml").write_text("\n".join(lines))
    return load(folder / "config.yaml", {}).registries


def report(exit_code: int) -> Report:
    return Report("acme", None, exit_code, (), (), (), (), None, None, ())


def began(registry: str = "acme") -> Event:
    return RunBegan(registry, "run-1", RunKind.CLEAN)


def ended(exit_code: int, registry: str = "acme") -> Event:
    return RunEnded(registry, "run-1", RunKind.CLEAN, report(exit_code), MOMENT)


Step = Event | Callable[[], object]
"""What happens: an event, or something that is done once all before it was sent."""


def told(heartbeats: Heartbeats, *steps: Step, patience: timedelta = timedelta(hours=1)) -> float:
    """Tell of these events, and let all be sent; how long that took, in virtual seconds."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(story(heartbeats, steps, patience))


async def story(heartbeats: Heartbeats, steps: Sequence[Step], patience: timedelta) -> float:
    sending = asyncio.create_task(heartbeats.run())
    for step in steps:
        if callable(step):
            await heartbeats.drain(patience)
            step()
        else:
            heartbeats.hear(step)
    await heartbeats.drain(patience)
    took = asyncio.get_running_loop().time()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return took


@dataclass(slots=True)
class Scene:
    """Heartbeats of one registry, the switches they reach, and what was told of them."""

    folder: Path
    switches: Switches = field(default_factory=Switches)
    events: list[Event] = field(default_factory=list)

    def heartbeats(self, url: str = URL) -> Heartbeats:
        heartbeats = Heartbeats(self.switches, self.events.append)
        heartbeats.expect(registries(self.folder, {"acme": url}))
        return heartbeats

    @property
    def warnings(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Warned)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("event", "paths"),
    [
        (began(), ["/start"]),
        (ended(0), [""]),
        (ended(3), [""]),
        (ended(1), ["/fail"]),
        (ended(STOPPED), []),
        (RunNotBegun("acme", RunKind.CLEAN, "the disk is full"), ["/fail"]),
        (RunNotBegun("acme", RunKind.CLEAN, "another run holds it", is_held=True), []),
        (began("other"), []),
        (Warned("acme", "something else"), []),
    ],
    ids=["begun", "success", "held back", "failed", "stopped", "not begun", "held by another", "no switch", "no run"],
)
def test_what_a_switch_is_told(scene: Scene, event: Event, paths: list[str]) -> None:
    """The beginning, the end and the failure of each run; a run that was stopped is not over."""
    told(scene.heartbeats(), event)
    assert scene.switches.seen == [f"POST {URL}{path}" for path in paths]
    assert not scene.events


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("https://switch.example/id/", "https://switch.example/id/fail"),
        ("https://switch.example/id?create=1", "https://switch.example/id/fail?create=1"),
        ("https://switch.example/a%2Fb", "https://switch.example/a%2Fb/fail"),
        ("http://127.0.0.1:8000/id", "http://127.0.0.1:8000/id/fail"),
        ("http://[::1]:8000/id", "http://[::1]:8000/id/fail"),
        ("http://localhost/id", "http://localhost/id/fail"),
    ],
)
def test_a_signal_ends_the_path_of_the_url(scene: Scene, url: str, failure: str) -> None:
    """The URL's query and what is escaped in it stay as they are."""
    told(scene.heartbeats(url), ended(1))
    assert scene.switches.seen == [f"POST {failure}"]


def test_heartbeats_go_out_in_the_order_of_what_happened(tmp_path: Path, scene: Scene) -> None:
    """Those of several registries as well."""
    heartbeats = Heartbeats(scene.switches, scene.events.append)
    heartbeats.expect(registries(tmp_path, {"a": "https://a.example", "b": "https://b.example"}))
    told(heartbeats, began("a"), began("b"), ended(1, "b"), ended(0, "a"))
    asked = [request.removeprefix("POST https://") for request in scene.switches.seen]
    assert asked == ["a.example/start", "b.example/start", "b.example/fail", "a.example"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://switch.example/secret", "expected an https URL, or http on loopback"),
        ("ftp://switch.example/secret", "expected an https URL, or http on loopback"),
        ("https:///secret", "expected an https URL, or http on loopback"),
        ("secret", "expected an https URL, or http on loopback"),
        ("https://secret:port/", "it is no URL"),
        (" ", "is empty"),
    ],
)
def test_an_unusable_url_is_told_and_not_asked(scene: Scene, url: str, why: str) -> None:
    """Nothing goes anywhere in the open, and the warning names where the URL comes from instead of the URL."""
    told(scene.heartbeats(url), ended(0))
    assert scene.switches.seen == []
    (warning,) = scene.warnings
    assert warning.startswith(f"the dead man's switch whose URL is in the file {scene.folder}/acme-switch was not told")
    assert warning.endswith(why)
    assert "secret" not in warning


def broken(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"no way to {URL}")


def unforeseen(_: httpx.Request) -> httpx.Response:
    raise OverflowError("getsockaddrarg: port must be 0-65535")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (broken, "no whole answer came (ConnectError)"),
        (unforeseen, "no whole answer came (OverflowError)"),
        (lambda _: httpx.Response(404), "it answered 404"),
        (lambda _: httpx.Response(503), "it answered 503"),
        (lambda _: httpx.Response(302, headers={"location": "https://elsewhere.example"}), "it answered 302"),
        (lambda _: httpx.Response(200, content=b"OK (not found)"), "there is no such check"),
        (lambda _: httpx.Response(200, content=b"OK (rate limited)"), "it was told too often"),
    ],
)
def test_what_does_not_arrive_is_tried_twice_and_told(
    scene: Scene, answer: Callable[[httpx.Request], httpx.Response], why: str
) -> None:
    """No redirect is followed, and the next heartbeat is sent all the same."""
    scene.switches.answer = answer
    took = told(scene.heartbeats(), began(), ended(0))
    assert scene.switches.seen == [f"POST {URL}/start"] * 2 + [f"POST {URL}"] * 2
    assert took == 2 * PAUSE.total_seconds()
    assert [warning.split(" was not told that a run ")[1] for warning in scene.warnings] == [
        f"began: {why}",
        f"succeeded: {why}",
    ]


def test_the_second_try_may_succeed(scene: Scene) -> None:
    """Then there is nothing to warn of."""
    scene.switches.answer = lambda _: httpx.Response(200 if len(scene.switches.seen) > 1 else 502)
    told(scene.heartbeats(), ended(0))
    assert (len(scene.switches.seen), scene.warnings) == (2, [])


def test_a_switch_that_does_not_answer_is_given_up(scene: Scene) -> None:
    """After two tries of a few seconds, a pause between them."""
    scene.switches.delay = 3600
    assert told(scene.heartbeats(), ended(0)) == (2 * PATIENCE + PAUSE).total_seconds()
    assert scene.warnings[0].endswith("succeeded: no answer within 5 s")


def test_no_run_waits_for_a_switch(scene: Scene) -> None:
    """Hearing of an event takes no time, however slow the switch is."""
    scene.switches.delay = 3600
    assert told(scene.heartbeats(), *[began()] * 50, patience=timedelta(0)) == 0


def test_an_endless_answer_is_not_read_to_its_end(scene: Scene) -> None:
    """The first few bytes tell enough."""

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"OK" * 1024

    scene.switches.answer = lambda _: httpx.Response(200, stream=Endless())
    assert told(scene.heartbeats(), ended(0)) == 0
    assert scene.warnings == []


def test_of_too_many_that_wait_the_oldest_is_dropped(scene: Scene) -> None:
    """What came last counts, and what was dropped is told."""
    told(scene.heartbeats(), began(), *[ended(1)] * (WAITING - 1), ended(0))
    assert scene.switches.seen == [f"POST {URL}/fail"] * (WAITING - 1) + [f"POST {URL}"]
    assert [warning.split("was not told ")[1] for warning in scene.warnings] == [
        "that a run began: too many others wait to be told"
    ]


def test_the_end_of_the_process_waits_no_longer_than_it_may(scene: Scene) -> None:
    """What could not be sent until then is told: the one that was under way, and those behind it."""
    scene.switches.delay = 3600
    assert told(scene.heartbeats(), began(), ended(1), patience=3 * MOMENT) == 3
    assert sorted(warning.split(" was not told that a run ")[1] for warning in scene.warnings) == [
        "began: the process ended first",
        "failed: the process ended first",
    ]


def test_a_reload_changes_who_is_told(tmp_path: Path, scene: Scene) -> None:
    """A registry without a switch any more is not spoken of; a URL that changed is read anew."""
    heartbeats = scene.heartbeats()
    rotate = partial((tmp_path / "acme-switch").write_text, "https://other.example/id\n")
    told(heartbeats, began(), rotate, began(), lambda: heartbeats.expect(registries(tmp_path, {"acme": ""})), began())
    assert scene.switches.seen == [f"POST {URL}/start", "POST https://other.example/id/start"]


def test_the_url_is_nowhere_to_be_read(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Not in an event, a representation or any library's log, whether the heartbeat arrives or not."""
    caplog.set_level(logging.DEBUG)
    heartbeats = scene.heartbeats()
    told(heartbeats, began(), lambda: setattr(scene.switches, "answer", broken), ended(0))
    assert scene.warnings
    everything = f"{scene.events} {heartbeats!r} {heartbeats._urls!r} {caplog.text}"
    assert "3fa85f64" not in everything


class Switch(BaseHTTPRequestHandler):
    """A switch that notes what it is told."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.asked.append(f"{self.path} {self.headers['content-length']} {self.headers['user-agent']}")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be silent."""


def test_a_real_switch_is_told_over_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By an empty POST, past any proxy that the environment names, and no library logs its URL."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    events: list[Event] = []
    heartbeats = Heartbeats(None, events.append)

    with HTTPServer(("127.0.0.1", 0), Switch) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        heartbeats.expect(registries(tmp_path, {"acme": f"http://127.0.0.1:{server.server_port}/3fa85f64"}))
        asyncio.run(story(heartbeats, [began()], 10 * MOMENT))
        server.shutdown()
    assert (Switch.asked, events) == (["/3fa85f64/start 0 registry-cleaner"], [])
    assert "3fa85f64" not in caplog.text
