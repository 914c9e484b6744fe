"""Since when manifests have been condemned: by every look, and under one policy text."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.ledger.ledger import Ledger
from tests.ledger.samples import START, digest, opened

HOUR = timedelta(hours=1)
ONE, TWO = digest(1), digest(2)


def condemn(ledger: Ledger, hours: int, *numbers: int, text: str = "text") -> dict[str, int]:
    """A look so many hours after the start; gives since which hour it tells each to be condemned."""
    condemned = ledger.notices.condemned("acme", "shop", text, {digest(n) for n in numbers}, START + hours * HOUR)
    assert ledger.notices.since("acme", "shop", text) == condemned
    return {name: (since - START) // HOUR for name, since in condemned.items()}


def test_a_notice_outlives_the_process(path: Path) -> None:
    """It is told to the microsecond."""
    with closing(opened(path)) as ledger:
        condemn(ledger, 0, 1)
    with closing(opened(path)) as ledger:
        assert ledger.notices.since("acme", "shop", "text") == {ONE: START}


def test_a_notice_runs_from_the_first_look_that_condemned(ledger: Ledger) -> None:
    """Each manifest's from its own, as long as every look since condemned it."""
    assert condemn(ledger, 0, 1) == {ONE: 0}
    assert condemn(ledger, 1, 1, 2) == {ONE: 0, TWO: 1}
    assert condemn(ledger, 2, 1, 2) == {ONE: 0, TWO: 1}


def test_one_look_that_does_not_condemn_ends_a_notice(ledger: Ledger) -> None:
    """What is condemned again later is announced anew; the others' notices go on."""
    condemn(ledger, 0, 1, 2)
    assert condemn(ledger, 1, 2) == {TWO: 0}
    assert condemn(ledger, 2, 1, 2) == {ONE: 2, TWO: 0}
    assert condemn(ledger, 3) == {}


def test_another_policy_text_starts_anew(ledger: Ledger) -> None:
    """Also when the first one comes back: what it announced was taken back meanwhile."""
    condemn(ledger, 0, 1, 2)
    assert condemn(ledger, 1, 1, text="another") == {ONE: 1}
    assert ledger.notices.since("acme", "shop", "text") == {}
    assert condemn(ledger, 2, 1, 2) == {ONE: 2, TWO: 2}


@pytest.mark.parametrize(("first", "second"), [(2, 1), (9_999, 3), (1, 2)])
def test_of_two_looks_the_one_that_was_written_down_first_counts(ledger: Ledger, first: int, second: int) -> None:
    """A clock that goes back shortens nothing that was promised."""
    condemn(ledger, first, 1)
    assert condemn(ledger, second, 1) == {ONE: first}
    assert condemn(ledger, 4, 1) == {ONE: first}


def test_what_a_clock_wrote_that_was_ahead_ends_with_the_policy_text(ledger: Ledger) -> None:
    """Or with a look that spares it; else it is waited for."""
    condemn(ledger, 9_999, 1, 2)
    assert condemn(ledger, 1, 2) == {TWO: 9_999}
    assert condemn(ledger, 2, 1, 2) == {ONE: 2, TWO: 9_999}
    assert condemn(ledger, 3, 1, 2, text="another") == {ONE: 3, TWO: 3}


def test_what_a_look_spares_is_announced_anew(ledger: Ledger) -> None:
    """All but what it condemns as well, whatever the policy text; it announces nothing by itself."""
    condemn(ledger, 0, 1, 2)
    ledger.notices.spared("acme", "other")
    ledger.notices.spared("acme", "shop", {TWO, digest(3)})
    assert ledger.notices.since("acme", "shop", "text") == {TWO: START}
    ledger.notices.spared("acme", "shop")
    assert condemn(ledger, 1, 1, 2) == {ONE: 1, TWO: 1}


def test_repositories_and_registries_have_notices_of_their_own(ledger: Ledger) -> None:
    """One digest in two places is announced in each by itself."""
    condemn(ledger, 0, 1)
    ledger.notices.condemned("acme", "other", "text", [ONE], START + HOUR)
    ledger.notices.condemned("beta", "shop", "text", [], START + HOUR)
    assert ledger.notices.since("acme", "shop", "text") == {ONE: START}
    assert ledger.notices.since("acme", "other", "text") == {ONE: START + HOUR}
    assert ledger.notices.since("beta", "shop", "text") == {}
