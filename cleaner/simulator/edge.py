"""What both planes share at their edge: the raw path, the log of requests, the latency, connections that are cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cleaner.simulator.moments import rfc3339
from cleaner.simulator.world import World

OWN_PATHS = "/_simulator/"
"""What the simulator tells of itself is neither logged nor delayed."""


@dataclass(slots=True)
class LoggedRequest:
    """One request: its raw path with its query; `status` is None until, and unless, it was answered whole."""

    at: datetime
    method: str
    path: str
    status: int | None = None

    def as_json(self) -> dict[str, object]:
        """The request as the log shows it."""
        return {"at": rfc3339(self.at), "method": self.method, "path": self.path, "status": self.status}


class RequestLog:
    """Every request of both planes, in the order of arrival."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._requests: list[LoggedRequest] = []

    def open(self, method: str, path: str, query: str) -> LoggedRequest:
        """Write a request down; its status is set once it is answered."""
        request = LoggedRequest(self._now(), method, f"{path}?{query}" if query else path)
        self._requests.append(request)
        return request

    def as_json(self) -> dict[str, object]:
        """The log as `GET /_simulator/requests` shows it."""
        return {"requests": [request.as_json() for request in self._requests]}


def edge(app: ASGIApp, world: World, log: RequestLog, latency: timedelta) -> ASGIApp:
    """`app`, routed on the raw path (a `%2F` inside a segment stays one), logged, and as slow as `latency` says."""

    async def plane(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        routed = {**scope, "path": _raw_path(scope)}
        if routed["path"].startswith(OWN_PATHS):
            world.advance()
            await app(routed, receive, send)
        else:
            await answer(routed, receive, send)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = log.open(scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
        body = await _whole_body(receive)
        if body is None:
            return
        world.advance()
        async with _Line(receive, send, latency) as line:
            await app(scope, _replaying(body), line.send)
        request.status = line.status

    return plane


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path if raw is None else raw.decode("latin-1")


class _Line:
    """The way back to the client: it holds the answer for `latency` and knows when the client has gone.

    `status` is the answer's once it has gone out whole.
    """

    def __init__(self, receive: Receive, send: Send, latency: timedelta) -> None:
        self._receive = receive
        self._send = send
        self._latency = latency
        self._started: int | None = None
        self.status: int | None = None

    async def __aenter__(self) -> _Line:
        self._gone = asyncio.ensure_future(self._receive())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.cancel()
        await asyncio.wait({self._gone})

    async def send(self, message: Message) -> None:
        """Pass `message` on, unless the client has gone."""
        if message["type"] == "http.response.start":
            self._started = message["status"]
            if self._latency:
                await asyncio.wait({self._gone}, timeout=self._latency.total_seconds())
        if self._gone.done():
            return
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.status = self._started


async def _whole_body(receive: Receive) -> bytes | None:
    """The request's body, None where the client goes away before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replaying(body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive
