"""The rate limit's two sliding windows."""

from __future__ import annotations

from datetime import timedelta

import httpx

from cleaner.simulator.behaviour import Behaviour
from tests.simulator.planes import START, Planes, load

EPOCH = int(START.timestamp())


def _planes(per_minute: int, per_hour: int) -> Planes:
    return Planes(load({"web": []}), Behaviour(per_minute=per_minute, per_hour=per_hour))


def _ask(planes: Planes, token: str | None = "T") -> httpx.Response:
    return planes.control("GET", "/v2/registries", token=token)


def _numbers(response: httpx.Response) -> tuple[int, int, int]:
    limit, remaining, reset = (response.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset"))
    return int(limit), int(remaining), int(reset)


def test_every_answer_says_how_the_hour_stands() -> None:
    """The reset is the moment at which the oldest request of the hour expires."""
    planes = _planes(per_minute=10, per_hour=100)
    assert _numbers(_ask(planes)) == (100, 99, EPOCH + 3600)
    planes.clock.forward(timedelta(seconds=90))
    assert _numbers(_ask(planes)) == (100, 98, EPOCH + 3600)
    assert _numbers(planes.control("GET", "/v2/nothing")) == (100, 97, EPOCH + 3600)


def test_the_minute_limit_refuses_with_a_pause_and_no_remaining_requests() -> None:
    """The hour is far from used up, and `ratelimit-remaining` reads 0 all the same."""
    planes = _planes(per_minute=2, per_hour=100)
    _ask(planes)
    planes.clock.forward(timedelta(seconds=20.5))
    _ask(planes)
    refused = _ask(planes)
    assert (refused.status_code, refused.json()["id"]) == (429, "too_many_requests")
    assert (refused.headers["retry-after"], _numbers(refused)[1]) == ("40", 0)


def test_the_window_slides() -> None:
    """When the oldest request has expired there is room for one, not for all."""
    planes = _planes(per_minute=2, per_hour=0)
    _ask(planes)
    planes.clock.forward(timedelta(seconds=30))
    _ask(planes)
    planes.clock.forward(timedelta(seconds=30))
    assert [_ask(planes).status_code, _ask(planes).status_code] == [200, 429]


def test_the_hour_limit_refuses_without_a_pause() -> None:
    """Only the minute's refusal carries `retry-after`; each request of the hour has its own timer."""
    planes = _planes(per_minute=0, per_hour=2)
    _ask(planes)
    planes.clock.forward(timedelta(minutes=30))
    _ask(planes)
    refused = _ask(planes)
    assert (refused.status_code, "retry-after" in refused.headers) == (429, False)
    assert _numbers(refused) == (2, 0, EPOCH + 3600)
    planes.clock.forward(timedelta(minutes=30))
    assert [_ask(planes).status_code, _ask(planes).status_code] == [200, 429]


def test_refused_requests_are_not_counted() -> None:
    """Asking on while refused does not put off the moment at which one is let in again."""
    planes = _planes(per_minute=1, per_hour=0)
    statuses = []
    for _ in range(7):
        statuses.append(_ask(planes).status_code)
        planes.clock.forward(timedelta(seconds=10))
    assert statuses == [200, 429, 429, 429, 429, 429, 200]


def test_each_token_has_its_own_windows() -> None:
    """Another token is not held up; a wrong one counts for nobody."""
    planes = _planes(per_minute=1, per_hour=0)
    assert _ask(planes, "one").status_code == 200
    assert _ask(planes, "two").status_code == 200
    assert _ask(planes, None).status_code == 401
    assert _ask(planes, "one").status_code == 429


def test_without_limits_nothing_is_refused() -> None:
    """The headers are there all the same, and never say that nothing remains."""
    planes = _planes(per_minute=0, per_hour=0)
    answers = [_ask(planes) for _ in range(300)]
    assert {answer.status_code for answer in answers} == {200}
    assert _numbers(answers[-1]) == (5000, 5000, EPOCH)
