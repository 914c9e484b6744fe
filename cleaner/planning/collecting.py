"""The next step with a garbage collection that we follow (law 12: every wait has an end).

- its status has ended: Ended;
- within its time: Look again, after a pause that grows from 1 s to 30 s;
- past it, ours and to be cancelled: Cancel, once, and then 15 min more for the cancellation itself;
- past it otherwise: GiveUp.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from cleaner.model.collection import Collection, CollectionState
from cleaner.model.plan import Freed

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)
_GROWTH = 1.5
_CANCELLING = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over: succeeded, failed or cancelled."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look again after `pause`."""

    pause: timedelta


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the provider to cancel it."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Leave it active, and say so."""


Step: TypeAlias = Ended | Look | Cancel | GiveUp


@dataclass(frozen=True, slots=True)
class Watch:
    """How long we have followed a collection, and what we may do to it.

    `may_cancel`: it is ours and `on_timeout` says cancel. `cancelled` once we asked for that.
    """

    timeout: timedelta
    may_cancel: bool
    followed: timedelta = timedelta(0)
    looks: int = 0
    cancelled: bool = False


def next_step(collection: Collection, watch: Watch) -> Step:
    """What to do now with `collection`, given how long it has been followed."""
    if collection.state is not CollectionState.ACTIVE:
        return Ended()
    end = watch.timeout + _CANCELLING if watch.cancelled else watch.timeout
    if watch.followed < end:
        return Look(min(_pause(watch.looks), end - watch.followed))
    if watch.may_cancel and not watch.cancelled:
        return Cancel()
    return GiveUp()


def _pause(looks: int) -> timedelta:
    # The exponent is bounded, so that a long collection cannot overflow it.
    return min(_FIRST_PAUSE * _GROWTH ** min(looks, 20), _LONGEST_PAUSE)


def worth_collecting(uncollected: int, freed: Freed | None, min_freed: int) -> bool:
    """Whether a collection is worth its read-only time: so many manifests are uncollected, and it frees enough.

    `freed` is None where it cannot be told, and a lower bound where sizes are missing: then it is worth it.
    """
    if not uncollected:
        return False
    if freed is None or freed.unsized:
        return True
    return freed.bytes > 0 and freed.bytes >= min_freed
