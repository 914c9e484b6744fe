"""The simulator's two planes as ASGI applications over one world."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cleaner.simulator.answers import answer
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.control import control_routes
from cleaner.simulator.data import data_routes
from cleaner.simulator.edge import OWN_PATHS, RequestLog, edge
from cleaner.simulator.realm import realm_answer
from cleaner.simulator.state import state
from cleaner.simulator.world import World


def control_app(world: World, log: RequestLog, behaviour: Behaviour) -> ASGIApp:
    """The control plane (both families), the token realm of the data plane, and the simulator's own two paths."""

    async def show_state(_request: Request) -> Response:
        return answer(state(world))

    async def show_requests(_request: Request) -> Response:
        return answer(log.as_json())

    async def realm(request: Request) -> Response:
        return realm_answer(world, behaviour.token, request)

    routes = [
        Route(f"{OWN_PATHS}state", show_state),
        Route(f"{OWN_PATHS}requests", show_requests),
        Route("/v2/registry/auth", realm),
        *control_routes(world, behaviour),
    ]
    return edge(_application(routes), world, log, behaviour.latency)


def registry_app(world: World, log: RequestLog, behaviour: Behaviour, control_origin: str) -> ASGIApp:
    """The data plane, whose token realm is at `control_origin` (`http://host:port`)."""
    return edge(_application(data_routes(world, control_origin)), world, log, behaviour.latency)


def _application(routes: list[Route]) -> Starlette:
    application = Starlette(routes=routes)
    application.router.redirect_slashes = False
    return application
