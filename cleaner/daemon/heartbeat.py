"""Tells a dead man's switch of each run, as healthchecks.io has it: begun, succeeded, failed.

A switch is told on the side: no run waits for it, and none fails because of it. Its URL is a secret, since whoever has
it can speak for the run: it is in no event, no log and no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import cast

import httpx

from cleaner.config.hosts import is_loopback
from cleaner.config.settings import RegistrySettings, Secret
from cleaner.errors import ConfigError, UsageError
from cleaner.model.event import Event, Listener, RunBegan, RunEnded, RunNotBegun, Warned
from cleaner.model.run import RunOutcome

PATIENCE = timedelta(seconds=5)
"""How long one try may take, from the name service to the answer."""

PAUSE = timedelta(seconds=2)
"""How long after a failed try comes the second and last."""

WAITING = 200
"""How many heartbeats may wait to be sent; beyond it the oldest is dropped, for the latest is what counts."""

_ENDED = "the process ended first"

_ANSWER_BYTES = 64

_IGNORED = {b"OK (not found)": "there is no such check", b"OK (rate limited)": "it was told too often"}
"""What healthchecks.io answers, with status 200, to a heartbeat that it does not count."""


class Signal(StrEnum):
    """What a switch is told, as the end of its URL's path."""

    START = "/start"
    SUCCESS = ""
    FAILURE = "/fail"


_WHAT = {Signal.START: "began", Signal.SUCCESS: "succeeded", Signal.FAILURE: "failed"}


class _Untold(Exception):
    """A heartbeat did not arrive; the text says why, without the URL."""


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    registry: str
    url: Secret
    signal: Signal


class Heartbeats:
    """Hears of runs, and tells the switches of their registries in the order in which things happened.

    `transport` is httpx's, None for the network; `tell` hears, as warnings, of heartbeats that did not arrive.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None, tell: Listener) -> None:
        self._transport = transport
        self._tell = tell
        self._urls: dict[str, Secret] = {}
        self._queue: asyncio.Queue[_Heartbeat] = asyncio.Queue(WAITING)

    def expect(self, registries: Sequence[RegistrySettings]) -> None:
        """From now on the switches of these registries are told, and no others."""
        self._urls = {registry.name: registry.heartbeat for registry in registries if registry.heartbeat}

    def hear(self, event: Event) -> None:
        """Note down what there is to tell, for `run` to send."""
        match event:
            case RunBegan(registry=registry):
                self._note(registry, Signal.START)
            case RunEnded(registry=registry, report=report) if report.outcome.reached_the_end:
                self._note(registry, Signal.SUCCESS)
            case RunEnded(registry=registry, report=report) if report.outcome is RunOutcome.FAILED:
                self._note(registry, Signal.FAILURE)
            case RunNotBegun(registry=registry, is_held=False):  # else that other run tells
                self._note(registry, Signal.FAILURE)
            case _:  # a run that was stopped goes on later: if it does not, the switch notices by itself
                pass

    async def run(self) -> None:
        """Send what is noted down, until cancelled."""
        # The bare transport follows no redirect, asks no proxy of the environment, and logs no URL; a client would.
        async with self._transport or httpx.AsyncHTTPTransport(trust_env=False) as transport:
            while True:
                heartbeat = await self._queue.get()
                try:
                    await self._send(transport, heartbeat)
                except asyncio.CancelledError:
                    self._warn(heartbeat, _ENDED)
                    raise
                self._queue.task_done()

    async def drain(self, patience: timedelta) -> None:
        """Wait until all is sent, but no longer than that; what then still waits is told of and left."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self._queue.join()
        except TimeoutError:
            while not self._queue.empty():
                self._warn(self._queue.get_nowait(), _ENDED)

    def _note(self, registry: str, signal: Signal) -> None:
        url = self._urls.get(registry)
        if url is None:
            return
        if self._queue.full():
            dropped = self._queue.get_nowait()
            self._queue.task_done()
            self._warn(dropped, "too many others wait to be told")
        self._queue.put_nowait(_Heartbeat(registry, url, signal))

    async def _send(self, transport: httpx.AsyncBaseTransport, heartbeat: _Heartbeat) -> None:
        try:
            url = _address(heartbeat)
            try:
                await _post(transport, url)
            except _Untold:
                await asyncio.sleep(PAUSE.total_seconds())
                await _post(transport, url)
        except _Untold as why:
            self._warn(heartbeat, str(why))

    def _warn(self, heartbeat: _Heartbeat, why: str) -> None:
        what, source = _WHAT[heartbeat.signal], heartbeat.url.source
        text = f"the dead man's switch whose URL is in {source} was not told that a run {what}: {why}"
        self._tell(Warned(heartbeat.registry, text))


def insist_on_a_url(secret: Secret) -> None:
    """Nothing, where heartbeats can be sent there.

    Raises:
        UsageError: what the secret holds is no URL, or one that would tell it in the open.
    """
    try:
        _url(secret)
    except _Untold as error:
        what = f"The heartbeat URL in {secret.source} cannot be used: {error}"
        raise UsageError(what, "Put the one that your switch gave you there") from None


def _address(heartbeat: _Heartbeat) -> httpx.URL:
    """Where a heartbeat goes; the URL's query stays as it is."""
    url = _url(heartbeat.url)
    if heartbeat.signal is Signal.SUCCESS:
        return url
    path, mark, query = url.raw_path.partition(b"?")
    return url.copy_with(raw_path=path.rstrip(b"/") + heartbeat.signal.encode() + mark + query)


def _url(secret: Secret) -> httpx.URL:
    try:
        url = httpx.URL(secret.reveal())
    except ConfigError as error:
        raise _Untold("; ".join(problem.message for problem in error.problems)) from None
    except (httpx.InvalidURL, UnicodeError):
        raise _Untold("it is no URL") from None
    if not (url.scheme == "https" and url.host) and not (url.scheme == "http" and is_loopback(url.host)):
        raise _Untold("expected an https URL, or http on loopback")
    return url


async def _post(transport: httpx.AsyncBaseTransport, url: httpx.URL) -> None:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            status, body = await _answer(transport, url)
    except TimeoutError:
        raise _Untold(f"no answer within {PATIENCE.total_seconds():.0f} s") from None
    except Exception as error:  # whatever is wrong with one switch, the others are told
        raise _Untold(f"no whole answer came ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise _Untold(f"it answered {status}")
    if body in _IGNORED:
        raise _Untold(_IGNORED[body])


async def _answer(transport: httpx.AsyncBaseTransport, url: httpx.URL) -> tuple[int, bytes]:
    """The status, and as much of the body as a switch has to say."""
    request = httpx.Request("POST", url, headers={"user-agent": "registry-cleaner"})
    response, body = await transport.handle_async_request(request), b""
    try:
        async for chunk in cast("httpx.AsyncByteStream", response.stream):  # an asynchronous transport gives no other
            body += chunk
            if len(body) > _ANSWER_BYTES:
                break
        return response.status_code, body[:_ANSWER_BYTES]
    finally:
        await response.aclose()
