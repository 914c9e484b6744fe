"""What the control plane's endpoints are given, and what they answer with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starlette.responses import Response

from cleaner.simulator.world import Registry, World


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that was let in: the path as it was sent, its decoded parameters, its query and its body."""

    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


Endpoint: TypeAlias = Callable[[World, Ask], Response]


class Refusal(Exception):
    """An answer of the control plane that is no success: status, the provider's id for it, and a sentence."""

    def __init__(self, status: int, error_id: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_id = error_id
        self.message = message


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "bad_request", message)


def not_found() -> Refusal:
    """404, in the words of the provider's description."""
    return Refusal(404, "not_found", "The resource you requested could not be found.")


def conflict(message: str) -> Refusal:
    """409."""
    return Refusal(409, "conflict", message)


def precondition_failed(message: str) -> Refusal:
    """412."""
    return Refusal(412, "precondition_failed", message)


def answer(value: object, status: int = 200) -> Response:
    """`value` as JSON, in ASCII: a lone surrogate of a load file has no other way out."""
    return Response(json.dumps(value), status, media_type="application/json")


def no_content() -> Response:
    """204."""
    return Response(status_code=204)


def refused(refusal: Refusal, request_id: str) -> Response:
    """The provider's error body (API page, "Objects")."""
    body = {"id": refusal.error_id, "message": refusal.message, "request_id": request_id}
    return answer(body, refusal.status)


def posted(ask: Ask) -> Mapping[str, object]:
    """The request's JSON object; no body is an empty one.

    Raises:
        Refusal: 400 where it is no JSON object.
    """
    if not ask.body:
        return {}
    try:
        value = json.loads(ask.body)
    except (ValueError, RecursionError) as error:
        raise bad_request("error parsing request body") from error
    if not isinstance(value, dict):
        raise bad_request("error parsing request body: expected a JSON object")
    return value


def asked_registry(world: World, ask: Ask) -> Registry:
    """The registry that the path names.

    Raises:
        Refusal: 404 where there is none of that name.
    """
    registry = world.registry(ask.params["registry"])
    if registry is None:
        raise not_found()
    return registry
