"""The life of one garbage collection (API page, "Garbage collection"), as a value that time moves on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cleaner.simulator.storage import NOTHING, Freed

UNTAGGED = "untagged manifests only"
UNREFERENCED = "unreferenced blobs only"
BOTH = "untagged manifests and unreferenced blobs"
TYPES = (UNTAGGED, UNREFERENCED, BOTH)

PHASES = ("requested", "waiting for write JWTs to expire", "scanning manifests", "deleting unreferenced blobs")
CANCELLING = "cancelling"
SUCCEEDED = "succeeded"
CANCELLED = "cancelled"

_LONGEST_CANCELLING = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Collection:
    """A garbage collection that takes `duration` in equal phases; `freed` says what it removed once it succeeded."""

    uuid: str
    type: str
    created_at: datetime
    updated_at: datetime
    duration: timedelta
    status: str = PHASES[0]
    freed: Freed = NOTHING

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.status not in {SUCCEEDED, CANCELLED}


def advanced(collection: Collection, now: datetime) -> Collection:
    """`collection` as it stands at `now`; one that succeeds here has freed nothing yet."""
    if not collection.active:
        return collection
    phase = collection.duration / len(PHASES)
    if collection.status == CANCELLING:
        end = collection.updated_at + min(phase, _LONGEST_CANCELLING)
        return replace(collection, status=CANCELLED, updated_at=end) if now >= end else collection
    end = collection.created_at + collection.duration
    if now >= end:
        return replace(collection, status=SUCCEEDED, updated_at=end)
    passed = min(max((now - collection.created_at) // phase, 0), len(PHASES) - 1)
    return replace(collection, status=PHASES[passed], updated_at=collection.created_at + passed * phase)


def cancelled(collection: Collection, now: datetime) -> Collection:
    """`collection` after somebody asked at `now` that it end; a second asking changes nothing."""
    if collection.status == CANCELLING:
        return collection
    return replace(collection, status=CANCELLING, updated_at=now)
