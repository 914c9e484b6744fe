"""A manifest's time, and what counts as newest (policy page, "Age and order").

That is its `updated_at`, or what the ledger knows since: what its tags did, or that we put it back. A push leaves a
trace in `updated_at`, a retag does not, and what is put back may have kept the time of its first push.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime

from cleaner.model.manifest import Manifest
from cleaner.model.use import TagMemory


def own_time(manifest: Manifest, now: datetime, memory: TagMemory) -> datetime | None:
    """The time for grace, `untagged` and `keep_at_least`: any of its tags coming, its last one leaving, its return.

    None where its `updated_at` is missing or in the future, whatever else was seen.
    """
    left = memory.left.get(manifest.digest)
    if left is not None and not manifest.tags:
        return _latest(manifest, (left,), now, memory)
    return time_by(manifest.tags, manifest, now, memory)


def time_by(tags: Iterable[str], manifest: Manifest, now: datetime, memory: TagMemory) -> datetime | None:
    """The time that a rule counts from which selects these of its tags: when the last of them, or all of it, came.

    None where its `updated_at` is missing or in the future.
    """
    return _latest(manifest, (memory.came[tag] for tag in tags if tag in memory.came), now, memory)


def _latest(manifest: Manifest, seen: Iterable[datetime], now: datetime, memory: TagMemory) -> datetime | None:
    updated_at = manifest.updated_at
    if updated_at is None or updated_at > now:
        return None
    back = memory.back.get(manifest.digest, updated_at)
    # A look may be later than the `now` that is judged by: the second judgement of a run, or `plan --at`.
    return min(now, max((updated_at, back, *seen)))


def boundary(times: Iterable[datetime], count: int) -> datetime:
    """The time of the last of the `count` newest: whatever is as new as that is among them, so ties keep.

    Raises:
        ValueError: there are no times, or `count` is below 1.
    """
    return min(heapq.nlargest(count, times))
