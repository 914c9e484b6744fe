"""What is told of requests: each one, once, by its endpoint and with what came of it; never what was in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from fractions import Fraction

import httpx
import pytest

from cleaner.config.settings import RateLimit
from cleaner.docr.connect import reading
from cleaner.docr.reader import Reader
from cleaner.errors import CleanerError
from cleaner.model.event import BudgetWaited, Event, RateLimitSeen, RequestEnded
from tests.docr.asking import NO_LIMIT, TOKEN, Script, api, edges, in_turn, refusal, run
from tests.docr.test_data_plane import DIGEST, Provider, challenge

Look = Callable[[Reader], Coroutine[object, object, object]]

EMPTY = httpx.Response(200, json={"repositories": [], "meta": {"total": 0}})


async def repositories(reader: Reader) -> object:
    return await reader.repositories()


def told(script: Script, look: Look, limit: RateLimit = NO_LIMIT) -> list[Event]:
    """What a reader of the registry acme tells while it looks, to whatever end."""
    events: list[Event] = []

    async def story() -> None:
        async with reading(api(), "acme", edges(script.transport, limit, events.append)) as reader:
            with suppress(CleanerError, TimeoutError):
                await look(reader)

    run(story())
    return events


def test_a_request_is_told_with_its_endpoint_its_status_and_how_long_it_took() -> None:
    """From sending to the whole answer."""
    script = in_turn(EMPTY)
    script.delay = 0.25
    assert told(script, repositories) == [
        RequestEnded("acme", "list_repositories", 200, timedelta(seconds=0.25)),
    ]


def test_each_try_is_a_request_of_its_own() -> None:
    """Refused, broken and answered: what the provider counts is what is told."""
    script = in_turn(refusal(503), httpx.ReadError(""), httpx.ConnectError(""), EMPTY)
    ended = [event for event in told(script, repositories) if isinstance(event, RequestEnded)]
    assert [event.status for event in ended] == [503, None, None, 200]
    assert len(ended) == len(script.requests)


def test_a_request_that_is_cancelled_has_ended_without_an_answer() -> None:
    """A run that is stopped leaves no request out of the count."""
    script = in_turn(EMPTY)
    script.delay = 30

    async def impatient(reader: Reader) -> None:
        async with asyncio.timeout(2):
            await reader.repositories()

    assert told(script, impatient) == [RequestEnded("acme", "list_repositories", None, timedelta(seconds=2))]


def test_the_requests_of_the_data_plane_and_of_its_realm_are_told_as_well() -> None:
    """All four that a first manifest takes."""
    provider = Provider()

    async def look(reader: Reader) -> object:
        return await reader.content("shop/web", DIGEST)

    ended = [event for event in told(provider.script, look) if isinstance(event, RequestEnded)]
    assert [(event.endpoint, event.status) for event in ended] == [
        ("manifest", 401),
        ("docker_credentials", 200),
        ("token", 200),
        ("manifest", 200),
    ]
    assert not [event for event in ended if DIGEST in repr(event) or "shop" in repr(event) or TOKEN in repr(event)]


def standing(limit: str | None, remaining: str | None) -> dict[str, str]:
    named = {"ratelimit-limit": limit, "ratelimit-remaining": remaining}
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize(
    ("limit", "remaining", "seen"),
    [
        ("5000", "4711", [RateLimitSeen("acme", 5000, 4711)]),
        ("250", "0", [RateLimitSeen("acme", 250, 0)]),
        ("5000", None, []),
        (None, "4711", []),
        ("5000", "many", []),
        ("100;w=21600", "76", []),
        ("-5", "3", []),
        ("5000", "9" * 400, []),
    ],
)
@pytest.mark.parametrize("status", [200, 401, 429])
def test_the_rate_limit_is_told_where_an_answer_states_it_in_numbers(
    limit: str | None, remaining: str | None, seen: list[Event], status: int
) -> None:
    """Whatever its status; half a statement is none."""
    headers = standing(limit, remaining)
    first = httpx.Response(status, headers=headers, json={"repositories": [], "meta": {"total": 0}})
    events = told(in_turn(first, EMPTY), repositories)
    assert [event for event in events if isinstance(event, RateLimitSeen)] == seen


def test_what_the_data_plane_says_of_a_rate_limit_is_not_the_token_s() -> None:
    """Another plane, another limit."""

    def manifest(request: httpx.Request) -> httpx.Response:
        answer = challenge(request)
        answer.headers.update(standing("100", "3"))
        return answer

    async def look(reader: Reader) -> object:
        return await reader.content("shop/web", DIGEST)

    events = told(Provider(manifest=manifest).script, look)
    assert events
    assert not [event for event in events if isinstance(event, RateLimitSeen)]


def test_a_wait_for_the_budget_is_told_when_it_is_over() -> None:
    """The third of three requests, where two a minute are ours; those that need not wait say nothing."""

    async def thrice(reader: Reader) -> None:
        for _ in range(3):
            await reader.repositories()

    limit = RateLimit(per_minute=2, per_hour=0, reserve=Fraction(0))
    script = Script(lambda _: httpx.Response(200, json={"repositories": [], "meta": {"total": 0}}))
    events = told(script, thrice, limit)
    assert [event for event in events if isinstance(event, BudgetWaited)] == [
        BudgetWaited("acme", timedelta(seconds=61)),
    ]
    assert isinstance(events[-1], RequestEnded)
    assert events[-1].duration == timedelta(0), "waiting is not part of a request"
