"""The control plane: which endpoint answers what, and the token and the rate limit before each."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cleaner.simulator import account, apps, garbage_collections, repositories
from cleaner.simulator.answers import Ask, Endpoint, Refusal, not_found, refused
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.credentials import bearer_secret
from cleaner.simulator.limits import RateLimit
from cleaner.simulator.world import World

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_ACCOUNT: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v2/registry", account.only_registry),
    ("DELETE", "/v2/registry", account.delete_only_registry),
    ("POST", "/v2/registry", account.create_registry),
    ("GET", "/v2/registry/docker-credentials", account.account_credentials),
    ("GET", "/v2/registries", account.list_registries),
    ("POST", "/v2/registries", account.create_registry),
    ("GET", "/v2/apps", apps.list_apps),
    ("GET", "/v2/apps/{app}/deployments", apps.list_deployments),
)

_ACCOUNT_OF_BOTH_FAMILIES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/subscription", account.get_subscription),
    ("POST", "/subscription", account.update_subscription),
    ("GET", "/options", account.get_options),
    ("POST", "/validate-name", account.validate_name),
)

_OF_OLD_FAMILY: tuple[tuple[str, str, Endpoint], ...] = (("GET", "/repositories", repositories.list_repositories),)

_OF_NEW_FAMILY: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "", account.get_registry),
    ("DELETE", "", account.delete_registry),
    ("GET", "/docker-credentials", account.registry_credentials),
    ("DELETE", "/repositories/{repository}", repositories.delete_repository),
)

_OF_BOTH_FAMILIES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/repositoriesV2", repositories.list_repositories_v2),
    ("GET", "/repositories/{repository}/digests", repositories.list_manifests),
    ("DELETE", "/repositories/{repository}/digests/{digest}", repositories.delete_manifest),
    ("GET", "/repositories/{repository}/tags", repositories.list_tags),
    ("DELETE", "/repositories/{repository}/tags/{tag}", repositories.delete_tag),
    ("GET", "/garbage-collection", garbage_collections.get_collection),
    ("POST", "/garbage-collection", garbage_collections.start_collection),
    ("PUT", "/garbage-collection/{uuid}", garbage_collections.update_collection),
    ("GET", "/garbage-collections", garbage_collections.list_collections),
)

_FAMILIES = (("/v2/registry", _OF_OLD_FAMILY), ("/v2/registries", _OF_NEW_FAMILY))


class Guard:
    """Lets a request in where its token is right and inside the rate limit; every answer says how the token stands."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        self._world = world
        self._behaviour = behaviour
        self._limit = RateLimit(behaviour.per_minute, behaviour.per_hour)

    def handler(self, endpoint: Endpoint) -> Handler:
        """`endpoint` as Starlette calls it."""

        async def handle(request: Request) -> Response:
            response, headers = self._answer(endpoint, request, await request.body())
            response.headers.update(headers)
            return response

        return handle

    def _answer(self, endpoint: Endpoint, request: Request, body: bytes) -> tuple[Response, dict[str, str]]:
        now = self._world.now()
        token = bearer_secret(request.headers.get("authorization", ""))
        if not self._right(token):
            refusal = Refusal(401, "unauthorized", "Unable to authenticate you")
            return refused(refusal, self._world.new_id()), self._limit.look("", now).headers()
        standing = self._limit.ask(token, now)
        if standing.refused:
            refusal = Refusal(429, "too_many_requests", "API rate limit exceeded.")
            return refused(refusal, self._world.new_id()), standing.headers()
        params = {name: unquote(value) for name, value in request.path_params.items()}
        ask = Ask(request.scope["path"], params, dict(request.query_params), body)
        try:
            return endpoint(self._world, ask), standing.headers()
        except Refusal as refusal:
            return refused(refusal, self._world.new_id()), standing.headers()

    def _right(self, token: str) -> bool:
        right = self._behaviour.token
        return bool(token) if right is None else hmac.compare_digest(token.encode(), right.encode())


def control_routes(world: World, behaviour: Behaviour) -> list[Route]:
    """A route for each endpoint of both families; whatever else is asked for is a 404 behind the same guard."""
    guard = Guard(world, behaviour)
    routes = [Route(path, guard.handler(endpoint), methods=[method]) for method, path, endpoint in _endpoints()]
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*routes, Route("/{path:path}", guard.handler(_nothing), methods=everything)]


def _endpoints() -> list[tuple[str, str, Endpoint]]:
    endpoints = list(_ACCOUNT)
    for prefix, own in _FAMILIES:
        endpoints += [(method, prefix + path, endpoint) for method, path, endpoint in _ACCOUNT_OF_BOTH_FAMILIES]
        below = (*own, *_OF_BOTH_FAMILIES)
        endpoints += [(method, f"{prefix}/{{registry}}{path}", endpoint) for method, path, endpoint in below]
    return endpoints


def _nothing(_world: World, _ask: Ask) -> Response:
    raise not_found()
