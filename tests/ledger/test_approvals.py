"""What a person let through share and cap: exactly these digests, until they are gone."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Outcome
from cleaner.model.listing import Listing
from cleaner.model.manifest import Manifest
from cleaner.model.run import RunKind
from tests.ledger.samples import BLOBS, START, deletion, digest, failing_at, numbered, opened, ticking, url_of

LATER = START + timedelta(hours=1)
BOTH = {digest(1), digest(2)}


def delete(ledger: Ledger, number: int, outcome: Outcome, registry: str = "acme", repository: str = "shop/api") -> None:
    """One deletion from its intent to its outcome."""
    run = ledger.begin_run(registry, RunKind.CLEAN)
    ledger.settle(ledger.intend(run, registry, deletion(number, repository), BLOBS), outcome)


def test_an_approval_outlives_the_process(path: Path) -> None:
    """It is told by repository, with its moment; of this registry alone."""
    with closing(opened(path)) as ledger:
        ledger.approvals.approve("acme", "shop/api", BOTH, START)
        ledger.approvals.approve("acme", "shop/web", [digest(3)], LATER)
        ledger.approvals.approve("acme", "empty", [], LATER)
    with closing(opened(path)) as ledger:
        assert ledger.approvals.approved("acme") == {
            "shop/api": {digest(1): START, digest(2): START},
            "shop/web": {digest(3): LATER},
        }
        assert ledger.approvals.approved("other") == {}


def test_a_second_approval_renews_the_first(ledger: Ledger) -> None:
    """What it does not name stays approved since before."""
    ledger.approvals.approve("acme", "shop/api", BOTH, START)
    ledger.approvals.approve("acme", "shop/api", [digest(2)], LATER)
    assert ledger.approvals.approved("acme") == {"shop/api": {digest(1): START, digest(2): LATER}}


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [(Deleted(), True), (AlreadyGone(), True), (Failed("500"), False)],
    ids=str,
)
def test_an_approval_ends_when_its_manifest_is_gone(ledger: Ledger, outcome: Outcome, *, ends: bool) -> None:
    """By us or by others; a failure leaves it standing for the next try."""
    ledger.approvals.approve("acme", "shop/api", BOTH, START)
    delete(ledger, 1, outcome)
    assert set(ledger.approvals.approved("acme")["shop/api"]) == (BOTH - {digest(1)} if ends else BOTH)


def test_an_approval_ends_when_a_listing_does_not_show_its_manifest(ledger: Ledger) -> None:
    """A look at a whole listing tells, if it is later than the one before; of its repository alone."""
    ledger.approvals.approve("acme", "shop/api", BOTH, START)
    ledger.approvals.approve("acme", "shop/web", BOTH, START)
    first, second = (Manifest("shop/api", name, START, ()) for name in sorted(BOTH))
    for hours, listed, left in ((2, (first, second), BOTH), (3, (first,), BOTH), (1, (first,), {first.digest})):
        ledger.memory.observe("acme", Listing("shop/api", listed), START - timedelta(hours=hours), timedelta(days=30))
        assert set(ledger.approvals.approved("acme")["shop/api"]) == left
    assert set(ledger.approvals.approved("acme")["shop/web"]) == BOTH


def test_an_approval_speaks_of_one_repository_of_one_registry(ledger: Ledger) -> None:
    """What goes elsewhere under the same digest does not use it up."""
    ledger.approvals.approve("acme", "shop/api", BOTH, START)
    delete(ledger, 1, Deleted(), registry="other")
    delete(ledger, 1, Deleted(), repository="shop/web")
    assert set(ledger.approvals.approved("acme")["shop/api"]) == BOTH


@pytest.mark.parametrize("words", ["DELETE FROM approvals", "UPDATE deletions"])
def test_an_approval_ends_together_with_the_outcome(path: Path, words: str) -> None:
    """Where one cannot be written, neither is: nothing is used up for nothing, nor stands for what is gone."""
    engine = engine_at(url_of(path))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        ledger.approvals.approve("acme", "shop/api", BOTH, START)
        with failing_at(engine, words), pytest.raises(StateError):
            delete(ledger, 1, Deleted())
        assert set(ledger.approvals.approved("acme")["shop/api"]) == BOTH
        assert [intent.digest for intent in ledger.unsettled("acme")] == [digest(1)]
