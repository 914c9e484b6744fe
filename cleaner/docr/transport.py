"""The way to the other side: small layers around one httpx client, each a `Send` around another.

From the inside out: `exchange` (a request out, a whole answer in), `observed` and `metered` in `telemetry.py` (what is
told of it), `unbroken` (a request that changes something is finished), `paced` (the budget, law 13), `with_token` (the
API token), `bound` (one origin only, law 11), `guarded` (which requests there are at all, law 9). Around them stand
`checked` in `answers.py` and `Channel` in `retries.py`; `connect.py` puts them together.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import quote

import httpx

from cleaner.config.hosts import is_loopback
from cleaner.config.settings import Secret
from cleaner.docr.answers import shown
from cleaner.docr.budget import Budget
from cleaner.docr.call import Answer, Call, Send
from cleaner.errors import AnswerLost, ConfigError, MalformedAnswer, MutationRefused, OriginRefused, Unreachable
from cleaner.model.event import BudgetWaited, Listener

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 20.0, 60.0
_NOTICEABLE = timedelta(milliseconds=1)

_MUTATIONS = (
    ("DELETE", re.compile(r"/v2/(registries|registry)/[^/]+/repositories/[^/]+/digests/sha(256|512):[0-9a-f]+")),
    ("POST", re.compile(r"/v2/(registries|registry)/[^/]+/garbage-collection")),
    ("PUT", re.compile(r"/v2/(registries|registry)/[^/]+/garbage-collection/[0-9A-Za-z-]+")),
)
_MANIFEST = r"(?:[^/?]+/)+manifests/(?:\w[\w.-]{0,127}|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})"

Origin: TypeAlias = tuple[str, str, int | None]
"""Scheme, host and port, None for the scheme's own port."""

Allows: TypeAlias = Callable[[Call], bool]
"""Whether a client may send such a request at all (law 9)."""


def http_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """An httpx client that goes nowhere by itself.

    It follows no redirect (law 11) and reads no environment: neither a proxy nor a `.netrc` that happens to be
    there may see a token or add another one.
    """
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        headers={"user-agent": "registry-cleaner", "accept": "application/json"},
    )


def exchange(http: httpx.AsyncClient) -> Send:
    """The innermost layer: sends a request and reads its whole answer, at most `limit` bytes, within 60 s.

    Raises:
        Unreachable: no connection could be made.
        AnswerLost: there was one, and no whole answer came back.
        MalformedAnswer: the answer is larger than the limit.
    """

    async def layer(call: Call) -> Answer:
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await _whole_answer(http, call)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _unreachable(call, error) from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise AnswerLost(
                f"{call.what}: the connection broke before the whole answer came ({type(error).__name__})",
                "Try again later; nothing is known of what became of the request",
            ) from None

    return layer


async def _whole_answer(http: httpx.AsyncClient, call: Call) -> Answer:
    async with http.stream(call.method, call.url, headers=call.headers, content=call.content) as response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > call.limit:
                raise MalformedAnswer(
                    f"{call.what}: expected an answer of at most {call.limit} bytes, got more",
                    "Check that `api.url` and `api.registry_url` lead to the provider",
                )
        return Answer(response.status_code, response.headers, bytes(body))


def _unreachable(call: Call, error: Exception) -> Unreachable:
    scheme, host, port = origin(call.url)
    why = shown(str(error)) or type(error).__name__
    return Unreachable(
        f"{call.what}: no connection to {scheme}://{host}{f':{port}' if port else ''} ({why})",
        "Check the network, the name service, and `api.url` or `api.registry_url`",
    )


def origin(url: str) -> Origin:
    """The origin of a URL.

    Raises:
        OriginRefused: it is no URL, or it carries a user and password.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise OriginRefused("a text that is no URL was to be asked", "Check `api.url` and `api.registry_url`") from None
    if parsed.userinfo:
        raise OriginRefused(f"a URL of {parsed.host} carries credentials", "Remove them: only tokens are sent")
    return parsed.scheme, parsed.host, parsed.port


def secure(url: str) -> Origin:
    """The origin of a URL that secrets may be sent to: https, or http on loopback (law 11).

    Raises:
        OriginRefused: it is neither.
    """
    scheme, host, port = origin(url)
    if not host or not (scheme == "https" or (scheme == "http" and is_loopback(host))):
        raise OriginRefused(f"{scheme}://{host} would get secrets in the open", "Use https, or http on loopback only")
    return scheme, host, port


def bound(home: Origin, send: Send) -> Send:
    """The layer that sends nothing to any origin but `home` (law 11)."""

    async def layer(call: Call) -> Answer:
        stay_at(home, call.url, call.what)
        return await send(call)

    return layer


def stay_at(home: Origin, url: str, what: str) -> None:
    """Nothing, for a URL of the origin `home`.

    Raises:
        OriginRefused: it leads elsewhere, and what is meant for `home` must not be sent there (law 11).
    """
    scheme, host, _ = there = origin(url)
    if there != home:
        raise OriginRefused(
            f"{what}: refused to send the secrets of {home[0]}://{home[1]} to {shown(f'{scheme}://{host}')}",
            "Set `api.url` to the origin that this belongs to, if you trust it",
        )


def with_token(token: Secret, send: Send) -> Send:
    """The layer that adds the API token, and takes it out of a refusal that echoes it (law 11).

    Tokens are rotated: after a 401, which means that nothing was carried out, the request is sent once more with the
    token as it is now, if that is another one. The budget stands further in, so that it counts both.
    """

    async def layer(call: Call) -> Answer:
        sent = now = token.reveal()
        answer = await send(_signed(call, sent))
        if answer.status == 401 and (now := _as_it_is_now(token, sent)) != sent:
            answer = await send(_signed(call, now))
        return answer if answer.status < 300 else _without(answer, sent, now)

    return layer


def _as_it_is_now(token: Secret, sent: str) -> str:
    """The token read anew; where it cannot be read any more, the one that was sent: then the refusal speaks."""
    try:
        return token.reveal()
    except ConfigError:
        return sent


def _signed(call: Call, token: str) -> Call:
    return replace(call, headers={**call.headers, "authorization": f"Bearer {token}"})


def _without(answer: Answer, *tokens: str) -> Answer:
    body = answer.body
    for token in sorted(tokens, key=len, reverse=True):  # one may begin with the other
        body = body.replace(token.encode(), b"(the token)")
    return replace(answer, body=body)


def paced(budget: Budget, registry: str, tell: Listener, send: Send) -> Send:
    """The layer that waits for each request's turn, and obeys what its answer says of the rate limit (law 13)."""

    async def layer(call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with budget.turn(call.not_after):
            waited = timedelta(seconds=loop.time() - asked)
            if waited > _NOTICEABLE:
                tell(BudgetWaited(registry, waited))
            answer = await send(call)
            budget.heed(answer.status, answer.headers)
            return answer

    return layer


def reads_only(call: Call) -> bool:
    """What a `Reader` may send: nothing but GET, and HEAD."""
    return call.method in ("GET", "HEAD")


def mutates_as_agreed(call: Call) -> bool:
    """What a `Writer` may send (law 9): DELETE of a digest, POST and PUT of a garbage collection."""
    return any(call.method == method and form.fullmatch(_path(call)) for method, form in _MUTATIONS)


def restores_to(registry: str) -> Allows:
    """What a `Restorer` of this registry may send (law 9): PUT of a manifest, by tag or by digest."""
    below = re.compile(f"/v2/{re.escape(quote(registry, safe=''))}/{_MANIFEST}")
    return lambda call: call.method == "PUT" and below.fullmatch(_path(call)) is not None


def _path(call: Call) -> str:
    return httpx.URL(call.url).raw_path.decode("ascii")


def guarded(allows: Allows, send: Send) -> Send:
    """The layer that refuses any request that its client must not send, before anything is sent (law 9)."""

    async def layer(call: Call) -> Answer:
        if not allows(call):
            raise MutationRefused(
                f"{call.what}: a {call.method} of this kind is not sent by this client",
                "This is a mistake in the program: please report it",
            )
        return await send(call)

    return layer
