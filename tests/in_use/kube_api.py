"""A small Kubernetes API server: it lists a cluster's objects as the API's documentation says, and fails on demand.

Lists come in pages (`limit`, `continue`, `remainingItemCount`), all of one list from the state at its first page; an
expired `continue` answers 410, what an account may not list 403, an API that is not served 404.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATHS = {
    "pods": "/api/v1/pods",
    "replicasets": "/apis/apps/v1/replicasets",
    "controllerrevisions": "/apis/apps/v1/controllerrevisions",
    "deployments": "/apis/apps/v1/deployments",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "jobs": "/apis/batch/v1/jobs",
    "cronjobs": "/apis/batch/v1/cronjobs",
}
"""Where each kind is listed over all namespaces (API reference, "list or watch objects of kind")."""

GROUPS = {plural: path.split("/")[2] if path.startswith("/apis") else "" for plural, path in PATHS.items()}

Object = Mapping[str, object]
Page = Mapping[str, object]
Trouble = Callable[[Page], Awaitable[Response]]
"""What becomes of an answer: it is handed the page that would have been sent."""


@dataclass(slots=True)
class Cluster:
    """A cluster's objects by their plural name, and what goes wrong with their lists.

    `token` is the only bearer that it knows, None for any. `trouble` is met by every request for that plural;
    `expirations` says how often a `continue` of that plural is too old.
    """

    objects: dict[str, Sequence[Object]] = field(default_factory=dict)
    token: str | None = None
    trouble: dict[str, Trouble] = field(default_factory=dict)
    expirations: dict[str, int] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _lists: dict[str, Sequence[Object]] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The API server."""
        return Starlette(routes=[Route(path, self._served(plural)) for plural, path in PATHS.items()])

    def transport(self) -> httpx.ASGITransport:
        """The same as httpx's transport, without a socket."""
        return httpx.ASGITransport(self.app())

    def requests(self, plural: str) -> list[dict[str, str]]:
        """The parameters of the requests for a list, in their order."""
        return [parameters for path, parameters in self.seen if path == PATHS[plural]]

    def _served(self, plural: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            parameters = dict(request.query_params)
            self.seen.append((request.url.path, parameters))
            if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
                return status(401, "Unauthorized", "Unauthorized")
            if "continue" in parameters and self.expirations.get(plural, 0) > 0:
                self.expirations[plural] -= 1
                return await expired({})
            page = self._page(plural, parameters)
            trouble = self.trouble.get(plural)
            return await trouble(page) if trouble else answer(page)

        return serve

    def _page(self, plural: str, parameters: Mapping[str, str]) -> Page:
        """A page of a list that stays as it was when its first page was asked for."""
        if "continue" in parameters:
            version, start = json.loads(base64.urlsafe_b64decode(parameters["continue"]))
        else:
            version, start = str(len(self._lists) + 1), 0
            self._lists[version] = tuple(self.objects.get(plural, ()))
        whole = self._lists[version]
        end = min(start + int(parameters.get("limit", len(whole))), len(whole))
        rest: dict[str, object] = {}
        if end < len(whole):
            rest = {"continue": after(version, end), "remainingItemCount": len(whole) - end}
        return {"kind": "List", "metadata": {"resourceVersion": version, **rest}, "items": list(whole[start:end])}


def after(version: str, end: int) -> str:
    """The `continue` of a page: of which state, and where the next one begins."""
    return base64.urlsafe_b64encode(json.dumps([version, end]).encode()).decode()


def answer(page: Page) -> Response:
    """A page as it is sent."""
    return Response(msgspec.json.encode(page), media_type="application/json")


def status(code: int, reason: str, message: str) -> Response:
    """An error as the API server words it: a `Status` object."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    content = msgspec.json.encode({**body, "message": message, "reason": reason, "code": code})
    return Response(content, code, media_type="application/json")


async def forbidden(_: Page) -> Response:
    """The account's roles do not allow it."""
    return status(403, "Forbidden", 'pods is forbidden: User "system:serviceaccount:ops:cleaner" cannot list')


async def expired(_: Page) -> Response:
    """The `continue` is older than what the server still remembers."""
    return status(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")


async def unserved(_: Page) -> Response:
    """The API server answers so where it does not serve an API group at all."""
    return PlainTextResponse("404 page not found\n", 404)


async def broken(_: Page) -> Response:
    """The server, or its storage, is in trouble."""
    return status(500, "InternalError", "etcdserver: request timed out")


async def broken_at_the_end(page: Page) -> Response:
    """The last page of a list, the first too where it is the only one, meets trouble."""
    return answer(page) if "continue" in msgspec.convert(page["metadata"], dict[str, object]) else await broken(page)


async def endless(page: Page) -> Response:
    """The first list has always one more page: its first."""
    return answer({**page, "metadata": {"resourceVersion": "1", "continue": after("1", 0)}})


async def login_page(_: Page) -> Response:
    """A proxy in between asks for a login, and says that all is well."""
    return Response("<html>Please log in</html>", media_type="text/html")


async def half_an_answer(page: Page) -> Response:
    """The connection breaks in the middle of the page."""
    content = msgspec.json.encode(page)
    return Response(content[: len(content) // 2], media_type="application/json")


async def without_items(page: Page) -> Response:
    """An object, and no list."""
    return answer({key: value for key, value in page.items() if key != "items"})


async def without_metadata(page: Page) -> Response:
    """A list that does not say whether more of it follows."""
    return answer({key: value for key, value in page.items() if key != "metadata"})


async def without_the_way_on(page: Page) -> Response:
    """A list that says that more follows, and not where."""
    return answer({**page, "metadata": {"resourceVersion": "1", "continue": "", "remainingItemCount": 5}})


async def garbled_refusal(_: Page) -> Response:
    """A refusal that says it is JSON, and is none."""
    return Response(b"<upstream>", 503, media_type="application/json")


def late(seconds: float) -> Trouble:
    """The answer takes so long."""

    async def wait(page: Page) -> Response:
        await asyncio.sleep(seconds)
        return answer(page)

    return wait


@contextlib.contextmanager
def served(cluster: Cluster, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a cluster on loopback; gives its address."""
    # The socket listens before the server runs: whoever connects early waits in its queue.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(cluster.app(), lifespan="off", log_config=None, log_level="critical")
        config.load()
        config.ssl = tls
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


UNVERIFIED = {"insecure-skip-tls-verify": True}
"""A cluster that is spoken to over no wire: no authorities are loaded for it, which takes longer than its answers."""


def kubeconfig(path: Path, server: str, user: Object, cluster: Object | None = None) -> Path:
    """Write a kubeconfig with the contexts `here`, which is the current one, and `nowhere`, where nobody listens."""
    plain = UNVERIFIED if server.startswith("http:") else {}
    contexts = {"here": {"server": server, **plain, **(cluster or {})}, "nowhere": {"server": "http://127.0.0.1:9"}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": name, "cluster": of} for name, of in contexts.items()],
        "users": [{"name": "cleaner", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "cleaner"}} for name in contexts],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
