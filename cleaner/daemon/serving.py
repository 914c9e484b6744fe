"""Serves an ASGI application on a socket, in the running loop, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cleaner.config.hosts import is_loopback
from cleaner.errors import UsageError

_BACKLOG = 128
_CONNECTIONS = 100  # each beyond these is told so (503)
_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 5  # for the next request on a connection, from the first byte of none to the last of its head
_SHUTDOWN_SECONDS = 1  # after it, answers still under way are cut off
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:[0-9]*)?")


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` while the block lasts, port 0 on a free one; gives the URL, and ends within two seconds.

    Bound to loopback, only requests to a loopback host are answered: a name that some web page has pointed at this
    machine (DNS rebinding) gets nothing.

    Raises:
        UsageError: the address cannot be listened on.
    """
    with closing(_listener(host, port)) as listener:
        bound, bound_port = listener.getsockname()[:2]
        server = _server(only_for_loopback(app) if is_loopback(bound) else app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://[{bound}]:{bound_port}" if ":" in bound else f"http://{bound}:{bound_port}"
        finally:
            server.should_exit = True
            await task


def only_for_loopback(app: ASGIApp) -> ASGIApp:
    """`app`, for requests whose `Host` is localhost or an address of loopback; others are misdirected (421)."""
    refused = PlainTextResponse("This address answers for localhost only. Ask for 127.0.0.1 or localhost.\n", 421)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        host = _HOST.fullmatch(Headers(scope=scope).get("host", ""))
        await (app if host and is_loopback(host[1].strip("[]")) else refused)(scope, receive, send)

    return guarded


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}, port {port}: {error.strerror}",
            "Choose another with --listen HOST:PORT or `listen`, or end what listens there",
        ) from error
    # asyncio leaves this to whoever opened the socket; without it an answer waits 40 ms for the client's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the daemon has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Impatient(H11Protocol):
    """uvicorn's HTTP, which waits for ever for a head that never ends; here each wait has an end (law 12)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        # uvicorn's stops the clock at any byte; that a head is whole stops it all the same.
        self.conn.receive_data(data)
        self.handle_events()


def _server(app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=_HEAD_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return _Server(config)
