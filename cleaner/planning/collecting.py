"""The next step with a garbage collection, before it is started and while we follow it (law 12: every wait ends).

Before ours is started: nothing was pushed for `quiet`: Start; it can still be so in time: Look again; else GiveUp.

One that we follow:
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
class Start:
    """Nothing was pushed for long enough: start one."""


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
    """Leave it active, or start none, and say so."""


BeforeStart: TypeAlias = Start | Look | GiveUp
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


def before_start(quiet: timedelta, calm: timedelta, left: timedelta) -> BeforeStart:
    """What to do before a collection is started that shall wait until nothing was pushed for `quiet`.

    `calm` is how long ago the last push was; one in the future counts as now. `left` is how much longer may be waited:
    what cannot be reached within it is not waited for.
    """
    if calm >= quiet:
        return Start()
    pause = max(quiet - max(calm, timedelta(0)), _FIRST_PAUSE)
    return Look(pause) if pause <= left else GiveUp()


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
