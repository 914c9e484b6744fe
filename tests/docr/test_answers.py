"""Every status is a typed error that names the thing and the next step, tried again as far as it helps."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest

from cleaner.docr.reader import Reader
from cleaner.docr.retries import LIMITED, TROUBLES
from cleaner.errors import (
    AnswerLost,
    BadRequest,
    Conflict,
    Forbidden,
    MalformedAnswer,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Refused,
    RemoteError,
    ServerError,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
)
from tests.docr.asking import TOKEN, Script, in_turn, read, refusal

HTML = "<!DOCTYPE html><html><title>Bad gateway</title></html>"


async def look(reader: Reader) -> object:
    return await reader.subscription()


STATUSES: list[tuple[int, type[Refused], int]] = [
    (400, BadRequest, 1),
    (401, Unauthorized, 1),
    (403, Forbidden, 1),
    (404, NotFound, 1),
    (409, Conflict, 1),
    (412, PreconditionFailed, 1),
    (418, UnexpectedStatus, 1),
    (422, Unprocessable, 1),
    (429, RateLimited, LIMITED),
    (500, ServerError, TROUBLES),
    (502, ServerError, TROUBLES),
    (503, ServerError, TROUBLES),
    (301, UnexpectedStatus, 1),
    (307, UnexpectedStatus, 1),
]


@pytest.mark.parametrize(("status", "kind", "requests"), STATUSES)
def test_a_refusal_has_a_type_a_next_step_and_a_bound(status: int, kind: type[Refused], requests: int) -> None:
    """What will be refused again is asked once; trouble and the rate limit have their numbers of attempts."""
    script = Script(lambda _: refusal(status, {"retry-after": "1", "location": "https://elsewhere.example/"}))
    with pytest.raises(kind) as caught:
        read(script, look)
    assert len(script.requests) == requests
    assert (caught.value.status, caught.value.error_id, caught.value.request_id) == (status, "some_id", "r1")
    assert caught.value.message == f"reading the subscription: HTTP {status}: no"
    assert caught.value.next_step


def test_a_forbidden_call_names_the_scope_that_it_needs() -> None:
    """Whoever reads it can mend the token."""
    with pytest.raises(Forbidden, match="Give the token the scope registry:read"):
        read(Script(lambda _: refusal(403)), look)


@pytest.mark.parametrize("body", [HTML.encode(), b"", b"{", b"[]", b'{"id": 5}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("status", [403, 409, 500])
def test_a_refusal_whose_body_is_anything_is_still_that_refusal(status: int, body: bytes) -> None:
    """The status speaks; a body that is no JSON of the API is not needed."""
    with pytest.raises(Refused) as caught:
        read(Script(lambda _: httpx.Response(status, content=body)), look)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [404, 412])
def test_an_html_page_is_no_fact_about_the_registry(status: int) -> None:
    """A proxy's 404 does not say that no collection is active, nor its 412 that collections are automated."""
    with pytest.raises(MalformedAnswer, match=f"an HTML page with the status {status}"):
        read(Script(lambda _: httpx.Response(status, html=HTML)), look)


@pytest.mark.parametrize(
    ("body", "came"),
    [
        (HTML.encode(), "an HTML page"),
        (b'{"subscription": {', "18 bytes"),
        (b"", "0 bytes"),
        (b"[]", "2 bytes"),
        (b'{"subscription": 5}', "19 bytes"),
        (b"\xff\xfe", "2 bytes"),
        (b'{"subscription": ' + b"[" * 100_000, "100017 bytes"),
    ],
)
def test_a_success_that_is_no_json_of_the_api_says_what_came(body: bytes, came: str) -> None:
    """It is asked for again as any trouble on the way, and never taken for an answer."""
    script = Script(lambda _: httpx.Response(200, content=body, headers={"content-type": "text/x"}))
    with pytest.raises(
        MalformedAnswer, match=r"reading the subscription: expected JSON .* content type text/x"
    ) as caught:
        read(script, look)
    assert came in caught.value.message
    assert len(script.requests) == TROUBLES


FAULTS: list[httpx.Response | Exception] = [
    httpx.ConnectError("refused"),
    httpx.ReadError("reset"),
    httpx.Response(200, content=b"{"),
    refusal(502),
    refusal(429, {"retry-after": "30"}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=["unreachable", "lost", "cut", "502", "429"])
def test_a_get_is_repeated_until_the_trouble_is_over(fault: httpx.Response | Exception) -> None:
    """One fault is not the end of a run."""
    script = in_turn(fault, httpx.Response(200, json={"subscription": {"tier": {"name": "Basic"}}}))

    async def tier(reader: Reader) -> str:
        return (await reader.subscription()).tier

    assert read(script, tier) == "Basic"


def test_waits_grow_and_scatter() -> None:
    """About half a second, one, and two, each up to half as long again."""
    script = Script(lambda _: refusal(500))
    with pytest.raises(ServerError):
        read(script, look)
    waits = [later - earlier for earlier, later in pairwise(script.moments)]
    assert [0.5 <= waits[0] <= 0.75, 1 <= waits[1] <= 1.5, 2 <= waits[2] <= 3] == [True, True, True]


def test_a_429_is_asked_again_only_after_the_pause_it_names() -> None:
    """`retry-after` is obeyed each time (law 13)."""
    script = Script(lambda _: refusal(429, {"retry-after": "30"}))
    with pytest.raises(RateLimited):
        read(script, look)
    assert script.moments == [30.0 * n for n in range(LIMITED)]


def test_a_429_that_names_no_pause_is_asked_again_after_ever_longer_ones() -> None:
    """One second, two, four, and so on to half a minute: the provider's windows slide, so a place comes free soon."""
    script = Script(lambda _: refusal(429))
    with pytest.raises(RateLimited):
        read(script, look)
    assert [later - earlier for earlier, later in pairwise(script.moments)] == [1, 2, 4, 8, 16, 30, 30]


def test_what_the_provider_says_is_shown_bounded_and_plain() -> None:
    """No control character reaches a terminal or a log, and no flood of text."""
    script = Script(lambda _: refusal(403, message="\x1b[2J\r\nno\u202e" + "x" * 10_000))
    with pytest.raises(Forbidden) as caught:
        read(script, look)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_a_refusal_that_echoes_the_token_does_not_show_it() -> None:
    """A token never reaches an error (law 11)."""
    script = Script(lambda request: refusal(403, message=request.headers["authorization"]))
    with pytest.raises(Forbidden) as caught:
        read(script, look)
    assert TOKEN not in str(caught.value)
    assert "(the token)" in str(caught.value)


def test_the_last_error_is_the_one_that_is_raised() -> None:
    """A mixture of troubles ends in the last, after as many attempts as for one kind."""
    script = in_turn(refusal(500), httpx.ConnectError("no"), refusal(502), httpx.ReadError("reset"))
    with pytest.raises(RemoteError) as caught:
        read(script, look)
    assert type(caught.value) is AnswerLost
