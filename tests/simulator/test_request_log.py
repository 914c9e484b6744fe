"""What the simulator tells of itself: the requests it got, and connections that were cut."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

import async_solipsism
import httpx

from cleaner.simulator.behaviour import Behaviour
from tests.simulator.planes import ORIGIN, Planes, digest, load, manifest

LATENCY = Behaviour(latency=timedelta(milliseconds=30))


def _requests(planes: Planes) -> list[dict[str, object]]:
    answer = planes.control("GET", "/_simulator/requests", token=None)
    return list(answer.json()["requests"])


def test_both_planes_are_logged_in_the_order_of_arrival() -> None:
    """With the raw path, its `%2F` and its query, and the answer's status."""
    planes = Planes(load({"my/repo": []}))
    planes.control("GET", "/v2/registries/acme/repositories/my%2Frepo/digests?per_page=2&page=1")
    planes.clock.forward(timedelta(milliseconds=1500))
    planes.data("GET", "/v2/acme/my/repo/manifests/v1")
    planes.control("POST", "/v2/registry/acme/garbage-collection", token=None)
    path = "/v2/registries/acme/repositories/my%2Frepo/digests?per_page=2&page=1"
    later = "2026-08-01T12:00:01.500000Z"
    assert _requests(planes) == [
        {"at": "2026-08-01T12:00:00Z", "method": "GET", "path": path, "status": 200},
        {"at": later, "method": "GET", "path": "/v2/acme/my/repo/manifests/v1", "status": 401},
        {"at": later, "method": "POST", "path": "/v2/registry/acme/garbage-collection", "status": 401},
    ]


def test_the_simulators_own_paths_are_not_logged_and_need_no_token() -> None:
    """Nor does the rate limit count them."""
    planes = Planes(load({}), Behaviour(token="s3cret", per_minute=1))
    for _ in range(3):
        assert planes.control("GET", "/_simulator/state", token=None).status_code == 200
        assert _requests(planes) == []


def _ask_and_go_away(planes: Planes, method: str, path: str, *, whole: bool) -> list[object]:
    """Send a request, whole or half of it, and hang up; returns what the client was sent."""
    sent: list[object] = []
    messages = iter([{"type": "http.request", "body": b"", "more_body": not whole}])

    async def receive() -> MutableMapping[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer T")],
    }

    async def plane() -> None:
        await planes.control_plane(scope, receive, send)

    asyncio.run(plane())
    return sent


def test_a_connection_cut_during_the_latency_has_no_status() -> None:
    """The request was carried out, and its answer reached nobody: the worst of both."""
    planes = Planes(load({"web": [manifest(1)]}), Behaviour(latency=timedelta(hours=1)))
    path = f"/v2/registries/acme/repositories/web/digests/{digest(1)}"
    assert _ask_and_go_away(planes, "DELETE", path, whole=True) == []
    assert _requests(planes)[0] | {"at": None} == {"at": None, "method": "DELETE", "path": path, "status": None}
    storage = planes.world.registries()[0].storage
    assert storage.manifests("web") == []


def test_a_connection_cut_before_the_end_of_the_request_has_no_status_and_no_effect() -> None:
    """Half a request is none."""
    planes = Planes(load({}))
    assert _ask_and_go_away(planes, "POST", "/v2/registries/acme/garbage-collection", whole=False) == []
    assert [request["status"] for request in _requests(planes)] == [None]
    assert planes.world.registries()[0].collections == []


def test_the_latency_delays_each_answer_of_both_planes() -> None:
    """Measured on a loop whose time is virtual; the simulator's own paths are not delayed."""
    planes = Planes(load({}), LATENCY)

    async def durations() -> list[float]:
        loop = asyncio.get_running_loop()
        measured = []
        for app, path in (
            (planes.control_plane, "/v2/registries"),
            (planes.data_plane, "/v2/"),
            (planes.control_plane, "/_simulator/state"),
        ):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                start = loop.time()
                await client.get(ORIGIN + path)
                measured.append(round(loop.time() - start, 3))
        return measured

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        assert runner.run(durations()) == [0.03, 0.03, 0]
