"""What an answer says: the typed error of a status that is no success, and the value that a JSON body spells."""

from __future__ import annotations

import base64
import re
from typing import TypeVar

import msgspec

from cleaner.docr.budget import asked_pause
from cleaner.docr.call import Answer, Call, Send
from cleaner.docr.values import text
from cleaner.docr.wire import DataPlaneError, DataPlaneErrors, ErrorBody
from cleaner.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    MalformedAnswer,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Refused,
    ServerError,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
)

T = TypeVar("T")

_SHOWN_CHARACTERS, _SHOWN_ERRORS = 200, 5
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,80}", re.IGNORECASE)
_KINDS: dict[int, type[Refused]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Unprocessable,
    429: RateLimited,
}
_NEXT_STEPS: dict[type[Refused], str] = {
    BadRequest: "Check `api.url` and `api.family`: the API does not understand what its page describes",
    Unauthorized: "Check that `api.token` names a variable or file with a valid token that has not expired",
    Forbidden: "Give the token {scope}",
    NotFound: "Check the registry's name and `api.url`, and that the token belongs to that account",
    Conflict: "Try again when what keeps the registry busy, such as a garbage collection, has ended",
    PreconditionFailed: "Set `api.family: registries` if the account has several registries; else see what was said",
    Unprocessable: "See what was said; please report it if the request should have been fine",
    RateLimited: "Try again later, or leave more of the rate limit to this token's other users",
    ServerError: "Try again later; the provider's status page may know more",
    UnexpectedStatus: "Check that `api.url` and `api.registry_url` lead to the provider; redirects are not followed",
}
_NEXT_STEPS_BY_CODE = {
    "MANIFEST_BLOB_UNKNOWN": "Put back what it refers to first; what a collection took must be pushed anew",
    "UNSUPPORTED": "Try again when no garbage collection is active: the registry takes nothing meanwhile",
}
"""What the data plane's codes (OCI distribution specification, "Error Codes") say better than the status."""


def checked(send: Send) -> Send:
    """The layer that raises a status that is no success as its typed error."""

    async def layer(call: Call) -> Answer:
        return accepted(await send(call), call)

    return layer


def accepted(answer: Answer, call: Call) -> Answer:
    """The answer itself, where its status is a success.

    Raises:
        Refused: the kind of it that belongs to the status.
        MalformedAnswer: an HTML page under a status that we would take for a fact about the registry.
    """
    if 200 <= answer.status < 300:
        return answer
    if answer.status in (404, 412) and is_html(answer):
        raise malformed(answer, call.what, f"an HTML page with the status {answer.status}")
    raise _refusal(answer, call)


def decoded(answer: Answer, what: str, shape: type[T]) -> T:
    """What the answer's JSON body spells, in this shape.

    Raises:
        MalformedAnswer: it is not JSON, is cut off, or has another shape.
    """
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (ValueError, RecursionError) as error:
        came = "an HTML page" if is_html(answer) else f"{len(answer.body)} bytes ({error})"
        raise malformed(answer, what, came) from None


def malformed(answer: Answer, what: str, came: str) -> MalformedAnswer:
    """The error for an answer that is not what the API page promises; `came` says what it is instead."""
    match = _MEDIA_TYPE.match(answer.headers.get("content-type", ""))
    kind = match[0] if match else "unknown"
    return MalformedAnswer(
        f"{what}: expected JSON as the API page describes it, got {came}, content type {kind}",
        "Try again later, and check whether a proxy stands between here and `api.url`",
    )


def shown(words: str) -> str:
    """Words of the other side, fit for a message: bounded, and without control characters."""
    return "".join(c if c.isprintable() else " " for c in words[:_SHOWN_CHARACTERS]).strip()


def _refusal(answer: Answer, call: Call) -> Refused:
    kind = _KINDS.get(answer.status, ServerError if answer.status >= 500 else UnexpectedStatus)
    error_id, message, request_id = _words(answer, call)
    error = kind(
        f"{call.what}: HTTP {answer.status}{f': {message}' if message else ''}",
        _NEXT_STEPS_BY_CODE.get(error_id) or _NEXT_STEPS.get(kind, "").format(scope=call.scope),
        status=answer.status,
        error_id=error_id,
        request_id=request_id,
    )
    if isinstance(error, RateLimited):
        error.retry_after = asked_pause(answer.headers)
    return error


def _words(answer: Answer, call: Call) -> tuple[str, str, str]:
    """Id, message and request id of a refusal on either plane, without what an echo of `call` would show (law 11)."""
    body = _read(answer.body, ErrorBody)
    errors = _read(answer.body, DataPlaneErrors).errors[:_SHOWN_ERRORS]
    said = [body.message] if body.message else [_sentence(error) for error in errors]
    error_id = body.id or next((error.code for error in errors), "")
    error_id, request_id, *said = (shown(_without_secrets(words, call)) for words in (error_id, body.request_id, *said))
    return error_id, "; ".join(dict.fromkeys(sentence.rstrip(".") for sentence in said)), request_id


def _sentence(error: DataPlaneError) -> str:
    detail = text(error.detail)
    return (error.message or error.code) + (f" ({detail})" if detail else "")


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (ValueError, RecursionError):
        return shape()


def _without_secrets(words: str, call: Call) -> str:
    """What authorises a request of the data plane is in the call itself: a token, or a user and password in base64."""
    scheme, _, secret = call.headers.get("authorization", "").partition(" ")
    pair = base64.b64decode(secret).decode("ascii") if scheme == "Basic" else ""
    for hidden in (secret, pair.partition(":")[2]):
        words = words.replace(hidden, "(a secret)") if hidden else words
    return words


def is_html(answer: Answer) -> bool:
    """Whether it is a page for people: a proxy's, for neither plane has any."""
    return "html" in answer.headers.get("content-type", "").lower() or answer.body.lstrip()[:1] == b"<"
