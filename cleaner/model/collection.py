"""A garbage collection as the provider reports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CollectionState(StrEnum):
    """What a status means to us. A status that no page names means still active (API page)."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDED = {
    "succeeded": CollectionState.SUCCEEDED,
    "success": CollectionState.SUCCEEDED,  # the contract's prose, against its own enumeration
    "failed": CollectionState.FAILED,
    "cancelled": CollectionState.CANCELLED,
}


_FREES_NOTHING = "untagged manifests only"


@dataclass(frozen=True, slots=True)
class Collection:
    """One garbage collection; `status` and `type` are the provider's words, sizes in bytes, None where it is silent."""

    uuid: str
    status: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    freed_bytes: int | None = None
    blobs_deleted: int | None = None
    type: str = ""

    @property
    def collects_blobs(self) -> bool:
        """Whether its type removes blobs; one of the three removes manifests alone (API page)."""
        return self.type != _FREES_NOTHING

    @property
    def state(self) -> CollectionState:
        """What its status means."""
        return _ENDED.get(self.status, CollectionState.ACTIVE)
