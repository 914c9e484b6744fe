"""The next step with a garbage collection: a transition table, and the end of every wait (law 12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cleaner.model.collection import Collection
from cleaner.model.plan import Freed
from cleaner.planning.collecting import (
    BeforeStart,
    Cancel,
    Ended,
    GiveUp,
    Look,
    Start,
    Step,
    Watch,
    before_start,
    next_step,
    worth_collecting,
)

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
OURS = Watch(timeout=HOUR, may_cancel=True)
LATE = replace(OURS, followed=HOUR)


@pytest.mark.parametrize("status", ["succeeded", "success", "failed", "cancelled"])
def test_an_ended_collection_is_over_however_late_it_is(status: str) -> None:
    """Both spellings of success end it, as do failure and cancellation."""
    assert next_step(Collection("u", status), replace(LATE, followed=9 * HOUR)) == Ended()


@pytest.mark.parametrize(
    "status",
    [
        "requested",
        "waiting for write JWTs to expire",
        "scanning manifests",
        "deleting unreferenced blobs",
        "cancelling",
        "waiting for delete requests",
        "",
        "SUCCEEDED",
    ],
)
def test_any_other_status_means_still_active(status: str) -> None:
    """A status that no page names was seen to hold for hours: it is followed like the others."""
    assert next_step(Collection("u", status), OURS) == Look(timedelta(seconds=1))


@pytest.mark.parametrize(
    ("watch", "step"),
    [
        (replace(OURS, looks=1), Look(timedelta(seconds=1.5))),
        (replace(OURS, looks=9), Look(timedelta(seconds=30))),
        (replace(OURS, looks=10**9), Look(timedelta(seconds=30))),
        (replace(OURS, followed=HOUR - timedelta(seconds=5), looks=99), Look(timedelta(seconds=5))),
        (LATE, Cancel()),
        (replace(LATE, may_cancel=False), GiveUp()),
        (replace(LATE, cancelled=True, looks=99), Look(timedelta(seconds=30))),
        (replace(LATE, cancelled=True, followed=HOUR + timedelta(minutes=15)), GiveUp()),
    ],
)
def test_pauses_grow_to_a_bound_and_the_wait_has_an_end(watch: Watch, step: Step) -> None:
    """Never past the timeout; then ours is cancelled once, others' are left, and both end."""
    assert next_step(Collection("u", "scanning manifests"), watch) == step


@pytest.mark.parametrize(
    ("uncollected", "freed", "worth"),
    [
        (0, Freed(500, 1), False),
        (0, None, False),
        (1, None, True),
        (1, Freed(0, 1, unsized=1), True),
        (1, Freed(0, 0), False),
        (1, Freed(99, 1), False),
        (1, Freed(100, 1), True),
    ],
)
def test_a_collection_starts_if_and_only_if_it_frees_enough(uncollected: int, freed: Freed | None, worth: bool) -> None:
    """Something must be uncollected, and free `min_freed` or an unknown amount."""
    assert worth_collecting(uncollected, freed, min_freed=100) is worth


def test_nothing_to_free_is_not_worth_it_even_where_any_amount_would_do() -> None:
    """`min_freed: 0B` still wants at least a byte: the registry is read-only meanwhile."""
    assert worth_collecting(3, Freed(0, 0), min_freed=0) is False
    assert worth_collecting(3, Freed(1, 1), min_freed=0) is True


@pytest.mark.parametrize(
    ("calm", "left", "step"),
    [
        pytest.param(10 * MINUTE, HOUR, Start(), id="just quiet enough"),
        pytest.param(HOUR, timedelta(0), Start(), id="quiet, and no time left"),
        pytest.param(4 * MINUTE, HOUR, Look(6 * MINUTE), id="quiet in six minutes"),
        pytest.param(4 * MINUTE, 6 * MINUTE, Look(6 * MINUTE), id="quiet just in time"),
        pytest.param(4 * MINUTE, 6 * MINUTE - SECOND, GiveUp(), id="quiet a second too late"),
        pytest.param(timedelta(0), HOUR, Look(10 * MINUTE), id="pushed this moment"),
        pytest.param(-HOUR, HOUR, Look(10 * MINUTE), id="pushed in the future, which counts as now"),
        pytest.param(-timedelta(days=36500), HOUR, Look(10 * MINUTE), id="pushed in a century"),
        pytest.param(10 * MINUTE - SECOND / 1000, HOUR, Look(SECOND), id="no look follows at once"),
        pytest.param(timedelta(0), -SECOND, GiveUp(), id="the time is over"),
    ],
)
def test_a_collection_waits_until_nothing_was_pushed_for_ten_minutes(
    calm: timedelta, left: timedelta, step: BeforeStart
) -> None:
    """It looks again when it could be quiet, and gives up as soon as that cannot be in time."""
    assert before_start(10 * MINUTE, calm, left) == step
