"""What a writer sends, and what it says of each answer: nothing is sent twice that may have been carried out."""

from __future__ import annotations

import json

import httpx
import pytest

from cleaner.config.settings import Family
from cleaner.docr.retries import LIMITED, TROUBLES
from cleaner.docr.writer import Writer
from cleaner.errors import (
    AnswerLost,
    CollectionAutomated,
    Conflict,
    Forbidden,
    MalformedAnswer,
    NotFound,
    RateLimited,
    RemoteError,
    ServerError,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
    Unreachable,
)
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Deleted, Intent
from tests.docr.asking import START, Script, api, digest, in_turn, refusal, write

INTENT = Intent(1, "run", "acme", "shop/web", digest(1), START)


async def delete(writer: Writer) -> Deleted | AlreadyGone:
    return await writer.delete_manifest(INTENT, not_after=600.0)


async def start(writer: Writer) -> Collection:
    return await writer.start_collection()


@pytest.mark.parametrize("family", [Family.REGISTRIES, Family.REGISTRY])
def test_a_delete_names_the_digest_of_its_intent(family: Family) -> None:
    """The slash of the repository is quoted, the digest is sent as it is, and a 204 means that it is gone."""
    script = in_turn(httpx.Response(204))
    assert write(script, delete, api(family)) == Deleted()
    assert script.paths == [f"DELETE /v2/{family.value}/acme/repositories/shop%2Fweb/digests/{digest(1)}"]


def test_a_404_means_that_it_was_gone_before() -> None:
    """It is not counted as deleted."""
    assert write(in_turn(refusal(404)), delete) == AlreadyGone()


OUTCOMES: list[tuple[httpx.Response | Exception, type[RemoteError], int]] = [
    (httpx.ReadError("reset"), AnswerLost, 1),
    (httpx.ReadTimeout(""), AnswerLost, 1),
    (httpx.WriteError(""), AnswerLost, 1),
    (refusal(500), ServerError, 1),
    (refusal(503), ServerError, 1),
    (refusal(409), Conflict, 1),
    (refusal(403), Forbidden, 1),
    (refusal(401), Unauthorized, 1),
    (refusal(422), Unprocessable, 1),
    (httpx.Response(404, html="<html>"), MalformedAnswer, 1),
    (httpx.Response(200, html="<html>"), MalformedAnswer, 1),
    (httpx.Response(202), MalformedAnswer, 1),
    (httpx.Response(307, headers={"location": "https://elsewhere.example/"}), UnexpectedStatus, 1),
    (httpx.ConnectError("refused"), Unreachable, TROUBLES),
    (httpx.ConnectTimeout(""), Unreachable, TROUBLES),
    (refusal(429, {"retry-after": "5"}), RateLimited, LIMITED),
]


def always(answer: httpx.Response | Exception) -> Script:
    def respond(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return Script(respond)


@pytest.mark.parametrize(("answer", "kind", "requests"), OUTCOMES)
def test_a_delete_is_sent_again_only_where_it_was_certainly_not_carried_out(
    answer: httpx.Response | Exception, kind: type[RemoteError], requests: int
) -> None:
    """When no connection was made, and after a 429; anything else is for the caller, who looks."""
    script = always(answer)
    with pytest.raises(kind) as caught:
        write(script, delete)
    assert type(caught.value) is kind
    assert len(script.requests) == requests
    assert "shop/web" in caught.value.message
    assert caught.value.next_step


def test_a_delete_that_found_no_connection_at_first_is_carried_out_later() -> None:
    """Once."""
    assert write(in_turn(httpx.ConnectError("refused"), httpx.Response(204)), delete) == Deleted()


def test_a_pause_beyond_the_deadline_is_not_waited_for() -> None:
    """The listing that the deletion relies on would be too old by then."""
    script = always(refusal(429, {"retry-after": "601"}))
    with pytest.raises(RateLimited):
        write(script, delete)
    assert len(script.requests) == 1


def test_a_forbidden_delete_names_its_scope() -> None:
    """Reading needs another one."""
    with pytest.raises(Forbidden, match="the scope registry:delete"):
        write(in_turn(refusal(403)), delete)


@pytest.mark.parametrize("family", [Family.REGISTRIES, Family.REGISTRY])
def test_a_collection_is_of_unreferenced_blobs_only(family: Family) -> None:
    """In both families with the same body: the other types remove manifests behind the policy's back."""
    answer = {"garbage_collection": {"uuid": "u-1", "status": "requested"}}
    script = in_turn(httpx.Response(201, json=answer))
    assert write(script, start, api(family)) == Collection("u-1", "requested")
    assert script.paths == [f"POST /v2/{family.value}/acme/garbage-collection"]
    assert json.loads(script.requests[0].content) == {"type": "unreferenced blobs only"}
    assert script.requests[0].headers["content-type"] == "application/json"


def test_a_412_means_that_the_provider_collects_by_itself() -> None:
    """That is no failure of the run."""
    with pytest.raises(CollectionAutomated, match="acme is collected by the provider itself") as caught:
        write(in_turn(refusal(412)), start)
    assert caught.value.exit_code == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(409), Conflict),
        (refusal(404), NotFound),
        (refusal(403), Forbidden),
        (refusal(500), ServerError),
        (httpx.ReadTimeout(""), AnswerLost),
        (httpx.Response(201, json={}), MalformedAnswer),
        (httpx.Response(201, html="<html>"), MalformedAnswer),
    ],
)
def test_a_start_that_may_have_happened_is_not_repeated(
    answer: httpx.Response | Exception, kind: type[RemoteError]
) -> None:
    """The caller looks whether one is active, and adopts it."""
    script = always(answer)
    with pytest.raises(kind):
        write(script, start)
    assert len(script.requests) == 1


def test_a_cancellation_names_its_collection() -> None:
    """And gives what became of it."""
    script = in_turn(httpx.Response(200, json={"garbage_collection": {"uuid": "u-1", "status": "cancelling"}}))

    async def cancel(writer: Writer) -> Collection:
        return await writer.cancel_collection("u-1")

    assert write(script, cancel) == Collection("u-1", "cancelling")
    assert script.paths == ["PUT /v2/registries/acme/garbage-collection/u-1"]
    assert json.loads(script.requests[0].content) == {"cancel": True}
