"""The data plane's words: what its endpoints are given, its error bodies, and what a manifest's bytes say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response

from cleaner.simulator.answers import answer
from cleaner.simulator.world import Registry, World

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


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
    """An answer of the data plane that is no success: status, the distribution specification's code, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def denied(denial: Denial, headers: Mapping[str, str]) -> Response:
    """The error body of the distribution specification."""
    response = answer({"errors": [{"code": denial.code, "message": denial.message, "detail": None}]}, denial.status)
    response.headers.update(headers)
    return response


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What one manifest says of a blob or of another manifest; `size` in bytes."""

    digest: str
    size: int


def parsed(body: bytes) -> Mapping[str, object]:
    """A manifest's JSON object, empty where its bytes are none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def media_type(manifest: Mapping[str, object]) -> str:
    """What it says it is, else what it looks like."""
    stated = manifest.get("mediaType")
    if isinstance(stated, str):
        return stated
    return OCI_INDEX if "manifests" in manifest else OCI_MANIFEST


def descriptors(manifest: Mapping[str, object], *keys: str) -> Iterator[Descriptor]:
    """The descriptors under these keys, each a descriptor or a list of them; what has no digest is left out."""
    for key in keys:
        value = manifest.get(key)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(digest := item.get("digest"), str):
                size = item.get("size")
                yield Descriptor(digest, size if isinstance(size, int) else 0)
