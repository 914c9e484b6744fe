"""The layers: what goes out, what comes of every fault on the way, and what is never sent (laws 9 and 11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cleaner.docr.call import Answer, Call
from cleaner.docr.transport import exchange, guarded, http_client, mutates_as_agreed, reads_only, restores_to, secure
from cleaner.errors import AnswerLost, MalformedAnswer, MutationRefused, OriginRefused, RemoteError, Unreachable
from tests.docr.asking import CONTROL, REGISTRY, Script, digest, elapsed, in_turn, run


async def sent(script: Script, call: Call) -> Answer:
    async with http_client(script.transport) as http:
        return await exchange(http)(call)


def get(limit: int = 100) -> Call:
    return Call("GET", f"{CONTROL}/v2/registry", "reading the registry", "a scope", limit=limit)


FAULTS: list[tuple[Exception, type[RemoteError]]] = [
    (httpx.ConnectError("[Errno 111] Connection refused"), Unreachable),
    (httpx.ConnectTimeout(""), Unreachable),
    (httpx.PoolTimeout(""), Unreachable),
    (httpx.ReadError(""), AnswerLost),
    (httpx.ReadTimeout(""), AnswerLost),
    (httpx.WriteError(""), AnswerLost),
    (httpx.WriteTimeout(""), AnswerLost),
    (httpx.RemoteProtocolError("peer closed connection"), AnswerLost),
    (httpx.LocalProtocolError("Illegal header value b'Bearer dop_v1_secret'"), AnswerLost),
    (httpx.DecodingError("bad gzip"), AnswerLost),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=lambda value: type(value).__name__)
def test_every_fault_says_whether_the_request_may_have_been_carried_out(
    fault: Exception, kind: type[RemoteError]
) -> None:
    """No connection: certainly not. Anything later: nobody knows. The message names the thing, and no secret."""
    with pytest.raises(kind) as caught:
        run(sent(in_turn(fault), get()))
    assert type(caught.value) is kind
    assert caught.value.message.startswith("reading the registry: ")
    assert caught.value.next_step
    assert "dop_v1_secret" not in str(caught.value)


def test_an_answer_that_breaks_off_is_lost() -> None:
    """Half an answer is none."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"registry":'
        raise httpx.ReadError("connection reset")

    with pytest.raises(AnswerLost):
        run(sent(in_turn(httpx.Response(200, content=half())), get()))


def test_an_answer_that_trickles_for_ever_is_lost_after_a_minute() -> None:
    """Every wait has an end (law 12)."""

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(1000):
            await asyncio.sleep(10)
            yield b" "

    async def story() -> float:
        with pytest.raises(AnswerLost, match="TimeoutError"):
            await sent(in_turn(httpx.Response(200, content=trickle())), get(10**6))
        return elapsed()

    assert run(story()) == 60


def test_an_answer_beyond_the_limit_is_not_read_to_its_end() -> None:
    """A hostile answer cannot fill the memory."""
    with pytest.raises(MalformedAnswer, match="at most 100 bytes"):
        run(sent(in_turn(httpx.Response(200, content=b"x" * 101)), get()))
    assert run(sent(in_turn(httpx.Response(200, content=b"x" * 100)), get())).body == b"x" * 100


def test_a_server_that_hangs_up_in_the_middle_is_an_answer_lost() -> None:
    """The same over a real socket, whose answer is shorter than it promised."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        writer.close()
        await writer.wait_closed()

    async def story() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server, http_client(None) as http:
            host, port = server.sockets[0].getsockname()
            await exchange(http)(Call("GET", f"http://{host}:{port}/", "reading", ""))

    with pytest.raises(AnswerLost, match="RemoteProtocolError"):
        asyncio.run(story())


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    """The same over a real socket: nothing was sent, and the message names the place."""

    async def story() -> None:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with http_client(None) as http:
            await exchange(http)(Call("GET", f"http://127.0.0.1:{port}/", "reading", ""))

    with pytest.raises(Unreachable, match=r"no connection to http://127\.0\.0\.1:"):
        asyncio.run(story())


def test_neither_a_proxy_nor_a_netrc_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A token goes to the configured origin, not to whoever the environment names, and no other one goes with it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def story() -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, http_client(None) as http:
            port = server.sockets[0].getsockname()[1]
            return (await exchange(http)(Call("GET", f"http://127.0.0.1:{port}/", "reading", ""))).status

    assert asyncio.run(story()) == 204
    assert b"authorization" not in heads[0].lower()


WRITES = [
    ("DELETE", f"/v2/registries/acme/repositories/shop%2Fweb/digests/{digest(1)}"),
    ("DELETE", f"/v2/registry/acme/repositories/api/digests/{digest(1)}"),
    ("POST", "/v2/registries/acme/garbage-collection"),
    ("PUT", "/v2/registry/acme/garbage-collection/eff0feee-49c7-4e8f-ba5c-a320c109c8a8"),
]
REFUSED = [
    ("GET", "/v2/registries/acme/garbage-collection"),
    ("DELETE", "/v2/registry"),
    ("DELETE", "/v2/registries/acme"),
    ("DELETE", "/v2/registries/acme/repositories/api"),
    ("DELETE", "/v2/registries/acme/repositories/api/tags/latest"),
    ("DELETE", f"/v2/registries/acme/repositories/shop/web/digests/{digest(1)}"),
    ("DELETE", "/v2/registries/acme/repositories/api/digests/sha256:XYZ"),
    ("DELETE", f"/v2/registries/acme/repositories/api/digests/{digest(1)}?force=true"),
    ("DELETE", f"/v2/registries/acme/repositories/api/digests/../tags/{digest(1)}"),
    ("POST", "/v2/registries"),
    ("POST", "/v2/registry/subscription"),
    ("POST", "/v2/registries/acme/garbage-collections"),
    ("PUT", "/v2/registries/acme/garbage-collection/../x"),
    ("PATCH", "/v2/registries/acme/garbage-collection"),
    ("delete", f"/v2/registries/acme/repositories/api/digests/{digest(1)}"),
    ("PUT", f"/v2/acme/api/manifests/{digest(1)}"),
    ("DELETE", f"/v2/acme/api/manifests/{digest(1)}"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_writer_sends_three_kinds_of_requests(method: str, path: str) -> None:
    """DELETE of a digest, POST and PUT of a garbage collection, in both families."""
    assert mutates_as_agreed(Call(method, CONTROL + path, "writing", ""))


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_a_writer_sends_nothing_else(method: str, path: str) -> None:
    """No tag, no repository, no registry, nothing with a query, nothing that a path turns into something else."""
    script = in_turn()

    async def story() -> None:
        async with http_client(script.transport) as http:
            await guarded(mutates_as_agreed, exchange(http))(Call(method, CONTROL + path, "writing", ""))

    with pytest.raises(MutationRefused):
        run(story())
    assert script.requests == []


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH", "OPTIONS", "get", ""])
def test_a_reader_sends_nothing_but_get_and_head(method: str) -> None:
    """In mode `plan` the transport knows no mutating request."""
    script = in_turn()

    async def story() -> None:
        async with http_client(script.transport) as http:
            await guarded(reads_only, exchange(http))(Call(method, CONTROL, "writing", ""))

    with pytest.raises(MutationRefused):
        run(story())
    assert script.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_reader_sends_what_changes_nothing(method: str) -> None:
    """Whatever its path."""
    assert reads_only(Call(method, CONTROL, "reading", ""))


PUT_BACK = [
    f"/v2/acme/shop/manifests/{digest(1)}",
    f"/v2/acme/shop/web/manifests/sha512:{'0' * 128}",
    "/v2/acme/shop/manifests/latest",
    "/v2/acme/manifests/manifests/v1.2.3-rc_1",
]
NOT_PUT_BACK = [
    ("DELETE", f"/v2/acme/shop/manifests/{digest(1)}"),
    ("POST", f"/v2/acme/shop/manifests/{digest(1)}"),
    ("GET", f"/v2/acme/shop/manifests/{digest(1)}"),
    ("PUT", f"/v2/another/shop/manifests/{digest(1)}"),
    ("PUT", f"/v2/acme/../another/manifests/{digest(1)}"),
    ("PUT", f"/v2/acmes/shop/manifests/{digest(1)}"),
    ("PUT", f"/v2/acme/manifests/{digest(1)}"),
    ("PUT", f"/v2/acme/shop/manifests/{digest(1)}?x=y"),
    ("PUT", f"/v2/acme/shop/manifests/{digest(1)}/more"),
    ("PUT", "/v2/acme/shop/manifests/"),
    ("PUT", "/v2/acme/shop/manifests/sha256:12"),
    ("PUT", "/v2/acme/shop/manifests/a%2Fb"),
    ("PUT", "/v2/acme/shop/blobs/uploads/1"),
    ("PUT", "/v2/registries/acme/garbage-collection/1"),
]


@pytest.mark.parametrize("path", PUT_BACK)
def test_a_restorer_puts_manifests(path: str) -> None:
    """By digest or by tag, in any repository of its registry."""
    assert restores_to("acme")(Call("PUT", REGISTRY + path, "writing", ""))


@pytest.mark.parametrize(("method", "path"), NOT_PUT_BACK)
def test_a_restorer_sends_nothing_else(method: str, path: str) -> None:
    """Nothing of another registry, no blob, no deletion, nothing that a path turns into something else."""
    assert not restores_to("acme")(Call(method, REGISTRY + path, "writing", ""))


def test_a_name_is_no_pattern() -> None:
    """Whatever a registry is called, its restorer sends to it alone."""
    assert not restores_to("a.me")(Call("PUT", f"{REGISTRY}{PUT_BACK[0]}", "writing", ""))


@pytest.mark.parametrize("url", ["https://api.example", "http://127.0.0.1:80", "http://localhost:1", "http://[::1]:1"])
def test_secrets_go_over_https_or_on_loopback(url: str) -> None:
    """Elsewhere anybody could read them."""
    assert secure(url)


@pytest.mark.parametrize(
    "url", ["http://api.example", "http://10.0.0.1", "ftp://x", "//x", "", "https://", "http://127.0.0.1.evil.example"]
)
def test_other_urls_get_no_secret(url: str) -> None:
    """In the open, or nowhere at all."""
    with pytest.raises(OriginRefused):
        secure(url)
