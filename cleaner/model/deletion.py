"""A deletion's way through the ledger: the intent before it is sent, the outcome after it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from cleaner.model.manifest import Blob, Digest


@dataclass(frozen=True, slots=True)
class Intent:
    """A deletion that is durably written down and may now be sent. Only the ledger builds one (law 8)."""

    id: int
    run: str
    registry: str
    repository: str
    digest: Digest
    at: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """The server's answer says that it is gone by our request (204, or found gone after a lost answer)."""


@dataclass(frozen=True, slots=True)
class AlreadyGone:
    """404: it was gone before our request."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was refused, or the answer says nothing: the manifest is still there as far as anybody knows."""

    error: str


Outcome: TypeAlias = Deleted | AlreadyGone | Failed


@dataclass(frozen=True, slots=True)
class Gone:
    """A manifest that we deleted: what it listed (for orphans left behind) and the blobs that it referred to.

    The blobs are remembered until they are collected.
    """

    repository: str
    digest: Digest
    children: tuple[Digest, ...]
    blobs: tuple[Blob, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Body:
    """A manifest's very bytes, and the media type under which they can be put back."""

    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restorable:
    """A manifest that we deleted, that nobody collected as far as we know, and that was not brought back since.

    `deletion` is its number in the ledger, `run` the run that deleted it, `at` when that was answered. `tags` and
    `children` are what it had then. `body` is None where its bytes were not kept: then nobody can bring it back.
    `earlier` are deletions of the same manifest that are undone together with that one; the tags are of all of them.
    """

    deletion: int
    run: str
    repository: str
    digest: Digest
    tags: tuple[str, ...]
    children: tuple[Digest, ...]
    at: datetime
    body: Body | None
    earlier: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """A manifest that we deleted at `at`, and whose blobs a collection has taken since: nobody can bring it back."""

    repository: str
    digest: Digest
    tags: tuple[str, ...]
    at: datetime
    collected_at: datetime
