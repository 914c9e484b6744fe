"""The data plane's words: what its endpoints are given, and its error bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response

from cleaner.simulator.answers import answer
from cleaner.simulator.world import Registry, World


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the data plane that was let in."""

    registry: Registry
    repository: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: bytes

    @property
    def name(self) -> str:
        """The repository as the data plane names it, with its registry."""
        return f"{self.registry.name}/{self.repository}"

    def location(self, below: str) -> str:
        """The path of what stands below the repository."""
        return f"/v2/{quote(self.name)}/{below}"


Endpoint: TypeAlias = Callable[[World, Call], Response]


class Denial(Exception):
    """An answer of the data plane that is no success: status, the distribution specification's code, a sentence.

    Where it is about several things, each is a detail.
    """

    def __init__(self, status: int, code: str, message: str, *details: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


def denied(denial: Denial, headers: Mapping[str, str]) -> Response:
    """The error body of the distribution specification, with an error for each detail."""
    details = denial.details or (None,)
    errors = [{"code": denial.code, "message": denial.message, "detail": detail} for detail in details]
    response = answer({"errors": errors}, denial.status)
    response.headers.update(headers)
    return response
