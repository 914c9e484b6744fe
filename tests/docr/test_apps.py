"""The client of apps: what it asks, by which scope, and that every list is whole."""

from __future__ import annotations

import httpx
import pytest

from cleaner.docr import wire
from cleaner.errors import Forbidden, MalformedAnswer
from tests.docr.asking import TOKEN, Script, in_turn, refusal, run
from tests.in_use.account import asking

META = {"meta": {"total": 1}}
APP = {"id": "4f6c71e2-1e90-4762-9fee-6cc4a0a9f2cf", "spec": {"name": "shop"}, "unknown": {"key": [1]}}
DEPLOYMENT = {"id": "b6bdf840-2854-4f87-a36c-5f231c617c84", "spec": {}, "phase": "ACTIVE", "progress": {"steps": []}}


async def listed(script: Script) -> tuple[wire.App, ...]:
    async with asking(script.transport) as apps:
        return await apps.apps()


async def deployed(script: Script, app: wire.App) -> tuple[wire.Deployment, ...]:
    async with asking(script.transport) as apps:
        return await apps.deployments(app)


def test_apps_and_their_deployments_are_asked_by_page_with_the_token() -> None:
    """Unknown keys are passed over."""
    script = in_turn(
        httpx.Response(200, json={"apps": [APP], **META}),
        httpx.Response(200, json={"deployments": [DEPLOYMENT], **META}),
    )
    (app,) = run(listed(script))
    (deployment,) = run(deployed(script, app))
    assert (app.id, app.spec.name, app.active_deployment) == (APP["id"], "shop", None)
    assert (deployment.id, deployment.phase) == (DEPLOYMENT["id"], "ACTIVE")
    assert script.paths == [
        "GET /v2/apps?page=1&per_page=200",
        f"GET /v2/apps/{APP['id']}/deployments?page=1&per_page=200",
    ]
    assert {request.headers["authorization"] for request in script.requests} == {f"Bearer {TOKEN}"}


def test_the_scope_that_a_token_lacks_is_named() -> None:
    """It is another one than the registry's."""
    with pytest.raises(Forbidden, match=r"reading the apps: HTTP 403: no\. Give the token the scope app:read"):
        run(listed(in_turn(refusal(403))))


def test_a_link_to_the_next_page_is_never_followed() -> None:
    """Pages are asked by number at the origin that the token belongs to (law 11)."""

    def respond(request: httpx.Request) -> httpx.Response:
        links = {"pages": {"next": "https://elsewhere.example/v2/apps?page=2"}}
        entry = {**APP, "id": f"app-{request.url.params['page']}"}
        return httpx.Response(200, json={"apps": [entry], "links": links, "meta": {"total": 2}})

    script = Script(respond)
    with pytest.raises(MalformedAnswer, match="expected 2 distinct entries"):
        run(listed(script))
    assert {request.url.host for request in script.requests} == {"api.example"}


def test_a_list_that_never_ends_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lowered here; it is incomplete then (law 12)."""
    monkeypatch.setattr("cleaner.docr.lists.MOST_PAGES", 30)

    def respond(request: httpx.Request) -> httpx.Response:
        entry = {**APP, "id": f"app-{request.url.params['page']}"}
        return httpx.Response(200, json={"apps": [entry], "meta": {"total": 10**9}})

    script = Script(respond)
    with pytest.raises(MalformedAnswer, match="the list is incomplete"):
        run(listed(script))
    assert len(script.requests) == 2 * 30
