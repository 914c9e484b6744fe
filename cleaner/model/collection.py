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


@dataclass(frozen=True, slots=True)
class Collection:
    """One garbage collection; `status` is the provider's word, sizes in bytes, None where it does not say."""

    uuid: str
    status: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    freed_bytes: int | None = None
    blobs_deleted: int | None = None

    @property
    def state(self) -> CollectionState:
        """What its status means."""
        return _ENDED.get(self.status, CollectionState.ACTIVE)
