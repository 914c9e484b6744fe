"""The data plane: which endpoint answers what, and the bearer token before each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cleaner.simulator import pull, push
from cleaner.simulator.answers import answer
from cleaner.simulator.credentials import SERVICE, Grant, bearer_secret
from cleaner.simulator.distribution import Call, Denial, Endpoint, denied
from cleaner.simulator.world import World

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_VERSION = {"docker-distribution-api-version": "registry/2.0"}


class Gate:
    """Lets a request in where its token grants what it is about to do."""

    def __init__(self, world: World, control_origin: str) -> None:
        self._world = world
        self._realm = f"{control_origin}/v2/registry/auth"

    async def version(self, request: Request) -> Response:
        """GET /v2/: whether the token is any good."""
        if self._grant(request) is None:
            return self._unauthorized("")
        return answer({})

    def handler(self, action: str, endpoint: Endpoint) -> Handler:
        """`endpoint` as Starlette calls it, for tokens that grant `action`."""

        async def handle(request: Request) -> Response:
            name = unquote(request.path_params["name"])
            grant = self._grant(request)
            if grant is None or (name, action) not in grant.allowed:
                return self._unauthorized(f',scope="repository:{quote(name)}:{action}"')
            try:
                return endpoint(self._world, self._call(name, action, request, await request.body()))
            except Denial as denial:
                return denied(denial, _VERSION)

        return handle

    def _grant(self, request: Request) -> Grant | None:
        return self._world.credentials.granted(bearer_secret(request.headers.get("authorization", "")))

    def _call(self, name: str, action: str, request: Request, body: bytes) -> Call:
        registry_name, _, repository = name.partition("/")
        registry = self._world.registry(registry_name)
        if registry is None:
            raise Denial(404, "NAME_UNKNOWN", f"registry {registry_name} is unknown")
        if action == "push" and registry.active_collection is not None:
            raise Denial(405, "UNSUPPORTED", f"registry {registry_name} is read-only: a garbage collection is active")
        params = {key: unquote(value) for key, value in request.path_params.items()}
        return Call(registry, repository, params, dict(request.query_params), request.headers, body)

    def _unauthorized(self, scope: str) -> Response:
        challenge = f'Bearer realm="{self._realm}",service="{SERVICE}"{scope}'
        denial = Denial(401, "UNAUTHORIZED", "authentication required")
        return denied(denial, {"www-authenticate": challenge, **_VERSION})


def data_routes(world: World, control_origin: str) -> list[Route]:
    """A route for each endpoint of the data plane."""
    gate, uploads = Gate(world, control_origin), push.Uploads()
    endpoints: tuple[tuple[str, str, str, Endpoint], ...] = (
        ("GET", "/manifests/{reference}", "pull", pull.get_manifest),
        ("HEAD", "/blobs/{digest}", "pull", pull.head_blob),
        ("GET", "/blobs/{digest}", "pull", pull.get_blob),
        ("GET", "/tags/list", "pull", pull.list_tags),
        ("GET", "/referrers/{digest}", "pull", pull.list_referrers),
        ("PUT", "/manifests/{reference}", "push", push.put_manifest),
        ("POST", "/blobs/uploads/", "push", uploads.start),
        ("PATCH", "/blobs/uploads/{uuid}", "push", uploads.append),
        ("PUT", "/blobs/uploads/{uuid}", "push", uploads.finish),
    )
    routes = [
        Route(f"/v2/{{name:path}}{path}", gate.handler(action, endpoint), methods=[method])
        for method, path, action, endpoint in endpoints
    ]
    return [Route("/v2/", gate.version), *routes]
