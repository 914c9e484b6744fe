"""The control plane's apps and their deployments (API page, "App Platform")."""

from __future__ import annotations

from starlette.responses import Response

from cleaner.simulator.answers import Ask, answer, not_found
from cleaner.simulator.pages import numbered, paging
from cleaner.simulator.world import App, World


def list_apps(world: World, ask: Ask) -> Response:
    """GET /v2/apps: each as it is, its list of deployments left out."""
    asked = paging(ask)
    shown = [_without_deployments(app) for app in asked.of(world.apps)]
    return answer({"apps": shown, **numbered(ask, asked, len(world.apps))})


def list_deployments(world: World, ask: Ask) -> Response:
    """GET /v2/apps/{app}/deployments."""
    asked = paging(ask)
    app = next((app for app in world.apps if app.get("id") == ask.params["app"]), None)
    if app is None:
        raise not_found()
    listed = app.get("deployments")
    deployments = listed if isinstance(listed, list) else []
    return answer({"deployments": asked.of(deployments), **numbered(ask, asked, len(deployments))})


def _without_deployments(app: App) -> App:
    return {key: value for key, value in app.items() if key != "deployments"}
