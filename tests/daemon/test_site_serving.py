"""Serving on real sockets of loopback: where it answers, whom it answers, and that it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Coroutine
from typing import TypeVar

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from cleaner.daemon.serving import only_for_loopback, serving
from cleaner.errors import UsageError

Result = TypeVar("Result")

HELLO = PlainTextResponse("hello\n")
SECONDS = 10
LOOPBACKS = ["127.0.0.1", "localhost", "::1"]


def run(doing: Coroutine[object, object, Result]) -> Result:
    """Run to the end, in real time, within a bound."""

    async def bounded() -> Result:
        async with asyncio.timeout(SECONDS):
            return await doing

    return asyncio.run(bounded())


async def get(url: str, host: str | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers={} if host is None else {"Host": host})


async def exchange(url: str, sent: bytes) -> bytes:
    """What comes back for these bytes until the server closes."""
    port = httpx.URL(url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await reader.read()
    except ConnectionResetError:  # it closed while there was more of ours to read
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("host", LOOPBACKS)
def test_it_answers_where_it_says(host: str) -> None:
    """At the URL that it gives, an IPv6 address in brackets; port 0 is a free one."""

    async def ask() -> tuple[str, httpx.Response]:
        async with serving(HELLO, host, 0) as url:
            return url, await get(url)

    url, answer = run(ask())
    assert httpx.URL(url).port not in {None, 0}
    assert answer.text == "hello\n"
    assert "server" not in answer.headers


def test_an_address_that_is_taken_is_named() -> None:
    """With what to do about it."""

    async def serve(port: int) -> None:
        async with serving(HELLO, "127.0.0.1", port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1, port {port}: .*in use.* --listen"):
            run(serve(port))


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_named(host: str) -> None:
    """As one that cannot be listened on."""

    async def serve() -> None:
        async with serving(HELLO, host, 0):
            pass

    with pytest.raises(UsageError, match=f"cannot listen on {host}"):
        run(serve())


def test_it_ends_though_a_request_is_under_way() -> None:
    """Within two seconds, whatever a client waits for."""
    arrived = asyncio.Event()

    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async def end() -> float:
        loop = asyncio.get_running_loop()
        async with serving(never, "127.0.0.1", 0) as url:
            waiting = asyncio.create_task(exchange(url, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            await arrived.wait()
            began = loop.time()
        await asyncio.gather(waiting, return_exceptions=True)
        return loop.time() - began

    assert run(end()) < 2


def test_what_goes_wrong_in_the_block_comes_out_as_it_is() -> None:
    """The server ends, and hides nothing."""

    async def fail() -> None:
        async with serving(HELLO, "127.0.0.1", 0):
            raise LookupError("of the block's own")

    with pytest.raises(LookupError, match="of the block's own"):
        run(fail())


def test_signals_are_left_to_others() -> None:
    """The daemon has handlers of its own."""

    async def handlers() -> tuple[object, object]:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serving(HELLO, "127.0.0.1", 0) as url:
            await get(url)
            return before, [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    before, inside = run(handlers())
    assert inside == before


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:9095", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:9095", 200),
        ("127.8.9.10", 200),
        ("[::1]", 200),
        ("[::1]:9095", 200),
        ("evil.example", 421),
        ("evil.example:9095", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("192.0.2.1", 421),
        ("0.0.0.0", 421),
        ("::1", 421),
        ("", 421),
        ("localhost:80:80", 421),
    ],
)
def test_on_loopback_only_loopback_is_answered(host: str, status: int) -> None:
    """A web page that points a name of its own at this machine reads nothing (DNS rebinding)."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(only_for_loopback(HELLO))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get("http://any/", headers={"Host": host})

    assert run(ask()).status_code == status


@pytest.mark.parametrize(("bound", "status"), [("127.0.0.1", 421), ("::1", 421), ("0.0.0.0", 200)])
def test_who_listens_for_all_answers_to_any_name(bound: str, status: int) -> None:
    """A container, or a host behind a proxy, has names that nobody here knows."""

    async def ask() -> httpx.Response:
        async with serving(HELLO, bound, 0) as url:
            return await get(url, host="cleaner.example")

    assert run(ask()).status_code == status


def test_a_head_without_end_is_refused() -> None:
    """400, and the next one is answered."""

    async def ask() -> tuple[bytes, httpx.Response]:
        async with serving(HELLO, "127.0.0.1", 0) as url:
            refused = await exchange(url, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
            return refused, await get(url)

    refused, answer = run(ask())
    assert refused == b"" or refused.startswith(b"HTTP/1.1 400 ")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nslow",
    ],
    ids=["silence", "half a head", "nothing more", "half a body"],
)
def test_nobody_is_waited_for_without_an_end(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A connection on which no whole head arrives in time is closed (law 12); what was asked in full is answered."""
    monkeypatch.setattr("cleaner.daemon.serving._HEAD_SECONDS", 1)

    async def ask() -> bytes:
        async with serving(HELLO, "127.0.0.1", 0) as url:
            return await exchange(url, sent)

    assert run(ask()).endswith(b"hello\n" if sent.endswith((b"\r\n\r\n", b"slow")) else b"")


def test_a_crowd_is_told_to_come_back() -> None:
    """Beyond a hundred connections the answer is 503: no client can take all that the daemon has."""

    async def ask() -> tuple[int, int]:
        async with serving(HELLO, "127.0.0.1", 0) as url:
            crowd = [await asyncio.open_connection("127.0.0.1", httpx.URL(url).port) for _ in range(100)]
            refused = await get(url)
            for _, writer in crowd:
                writer.close()
                await writer.wait_closed()
            return refused.status_code, await _until_answered(url)

    assert run(ask()) == (503, 200)


async def _until_answered(url: str) -> int:
    while (status := (await get(url)).status_code) == 503:
        pass
    return status
