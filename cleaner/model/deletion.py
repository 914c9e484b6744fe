"""A deletion's way through the ledger: the intent before it is sent, the outcome after it is answered."""

from __future__ import annotations

from dataclasses import dataclass
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
