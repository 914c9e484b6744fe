"""What the daemon answers over HTTP: metrics, health, the status page, the same facts as JSON, and two requests.

Nothing here changes anything but `POST /-/reload` and `POST /-/run/{registry}`, for those who hold `admin.token`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cleaner.clock import Now
from cleaner.config.settings import Secret
from cleaner.daemon.board import Board, RegistryFacts
from cleaner.daemon.documents import account_document, registry_document
from cleaner.daemon.page import SECURITY_POLICY, page, render
from cleaner.daemon.past import Past, read
from cleaner.errors import ConfigError
from cleaner.ledger.history import History

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_HOW_TO_ENABLE = "Requests that change something are not enabled: name a token in the file, admin: {token: {file: …}}."
_UNKNOWN = "There is no such registry in the configuration."
_STRAYED = {404: "There is nothing at this path. The status page is at /.", 405: "This path takes another method."}


@dataclass(frozen=True, slots=True)
class Site:
    """All that the answers come from.

    `metrics` takes an Accept header, and gives a body and its content type. `is_alive` says whether the timetable
    still goes. `reload` gives why the old configuration stays in force, None where the new one is; `start_run`
    whether there is such a registry.
    """

    board: Board
    history: History
    metrics: Callable[[str], tuple[bytes, str]]
    now: Now
    is_ready: Callable[[], bool]
    is_alive: Callable[[], bool]
    admin: Callable[[], Secret | None]
    reload: Callable[[], Awaitable[str | None]]
    start_run: Callable[[str], bool]


def site(of: Site) -> ASGIApp:
    """The application that answers."""
    answers = {
        "/": _page,
        "/metrics": _metrics,
        "/-/healthy": _healthy,
        "/-/ready": _ready,
        "/api/v1/registries": _account,
        "/api/v1/registries/{name}": _registry,
    }
    requests = {"/-/reload": _reload, "/-/run/{registry}": _run}
    app = Starlette(
        routes=[
            *(Route(path, partial(answer, of), methods=["GET"]) for path, answer in answers.items()),
            *(Route(path, partial(answer, of), methods=["POST"]) for path, answer in requests.items()),
        ],
        exception_handlers={HTTPException: _refused, _Refusal: _refused},
    )
    app.router.redirect_slashes = False  # a redirect would name whatever host the request names
    return _WithHeaders(app)


async def _page(of: Site, request: Request) -> Response:
    facts, refreshes = of.board.registries(), request.query_params.get("refresh") != "off"

    def html() -> str:
        shown = page(facts, _past(of, facts), of.board.reloaded, of.now())
        return render(replace(shown, refreshes=refreshes))

    return HTMLResponse(await asyncio.to_thread(html))


async def _account(of: Site, _: Request) -> Response:
    facts = of.board.registries()
    return await asyncio.to_thread(
        lambda: JSONResponse(account_document(facts, _past(of, facts), of.board.reloaded, of.now()))
    )


async def _registry(of: Site, request: Request) -> Response:
    name = request.path_params["name"]
    facts = next((facts for facts in of.board.registries() if facts.name == name), None)
    if facts is None:
        raise _Refusal(404, _UNKNOWN)
    return await asyncio.to_thread(lambda: JSONResponse(registry_document(facts, _past(of, (facts,)), of.now())))


def _past(of: Site, registries: Iterable[RegistryFacts]) -> Past:
    """What the ledger tells of them; the ledger waits, so nothing else may wait for it."""
    return read(of.history, [facts.name for facts in registries])


async def _metrics(of: Site, request: Request) -> Response:
    body, content_type = of.metrics(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


async def _healthy(of: Site, _: Request) -> Response:
    if of.is_alive():
        return _said("Healthy.")
    return _said("The timetable has stopped: nothing is due any more. Restart the process.", 503)


async def _ready(of: Site, _: Request) -> Response:
    return _said("Ready.") if of.is_ready() else _said("Not ready: starting or stopping.", 503)


async def _reload(of: Site, request: Request) -> Response:
    await _insist_on_admin(of, request)
    problems = await of.reload()
    if problems is None:
        return _said("The configuration was reloaded.")
    return _said(f"The configuration was not reloaded, the old one stays in force:\n{problems}", 400)


async def _run(of: Site, request: Request) -> Response:
    await _insist_on_admin(of, request)
    if not of.start_run(request.path_params["registry"]):
        raise _Refusal(404, _UNKNOWN)
    return _said("A run begins as soon as none is under way; the page at / shows it.", 202)


async def _insist_on_admin(of: Site, request: Request) -> None:
    """Let nobody through without the token of the file.

    Raises:
        _Refusal: 403 where the file names none, 503 where it cannot be read, 401 where it is not the request's.
    """
    secret = of.admin()
    if secret is None:
        raise _Refusal(403, _HOW_TO_ENABLE)
    try:
        expected = await asyncio.to_thread(secret.reveal)
    except ConfigError as error:
        raise _Refusal(503, "The token cannot be read: see that what admin.token names is there.") from error
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    # Compared as bytes, and in a time that says nothing about where they differ.
    if not hmac.compare_digest(given.strip().encode(), expected.encode()) or kind.lower() != "bearer":
        raise _Refusal(401, "This needs the header Authorization: Bearer, and the token that admin.token names.")


class _Refusal(Exception):
    """A request that is not answered as it would like; its text says why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def _refused(request: Request, error: Exception) -> Response:
    """A refusal, or what the router found nothing for, in plain words; as JSON where JSON was asked for."""
    if isinstance(error, _Refusal):
        status, words = error.status, str(error)
    elif isinstance(error, HTTPException):
        status, words = error.status_code, _STRAYED.get(error.status_code, error.detail)
    else:
        raise error
    headers = {"www-authenticate": "Bearer"} if status == 401 else getattr(error, "headers", None)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": words}, status, headers=headers)
    return PlainTextResponse(f"{words}\n", status, headers=headers)


def _said(words: str, status: int = 200) -> Response:
    return PlainTextResponse(f"{words}\n", status)


class _WithHeaders:
    """Adds to every answer what it tells browsers; after a request that may have a body, which nobody reads, closes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["method"] not in {"GET", "HEAD"}:
                    headers["connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_with_headers)
