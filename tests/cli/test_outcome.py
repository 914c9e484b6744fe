"""The exit code that what was held back deserves (contracts, "Exit codes")."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cleaner.cleaning.report import Reporter
from cleaner.cli.outcome import exit_code
from cleaner.model.event import HeldBackLate, Planned
from cleaner.model.plan import HeldBack, HoldReason, Plan

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def plan(*reasons: HoldReason) -> Plan:
    held = tuple(HeldBack("api", reason, "a detail", 1) for reason in reasons)
    return Plan("acme", len(held), 0, (), held, None, (), ())


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ((), 0),
        ((HoldReason.NOTICE,), 0),
        *(((reason,), 3) for reason in HoldReason if reason is not HoldReason.NOTICE),
        ((HoldReason.NOTICE, HoldReason.CAP), 3),
    ],
)
def test_what_is_held_back_is_3_but_for_what_was_only_announced(reasons: tuple[HoldReason, ...], code: int) -> None:
    """A notice runs out by itself; of a plan and of a run alike, however late the run came to it."""
    reporter, late = Reporter("acme"), Reporter("acme")
    reporter.hear(Planned(plan(*reasons), NOW))
    for held in plan(*reasons).held_back:
        late.hear(HeldBackLate("acme", held))
    assert exit_code(plan(*reasons)) == code
    assert [exit_code(each.report(None, None)) for each in (reporter, late)] == [code, code]
