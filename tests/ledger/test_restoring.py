"""What was deleted can be brought back, byte by byte, as long as nobody collected it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import AlreadyGone, Body, Deleted, Failed, Intent, Outcome, Restorable
from cleaner.model.manifest import Digest
from cleaner.model.run import Firing, RunKind, Schedule
from tests.ledger.samples import BLOBS, START, deletion, digest, failing_at, numbered, opened, ticking, url_of

BODY = Body("application/vnd.oci.image.index.v1+json", b'{"schemaVersion":2}\x00\xff\n')
ALL = Which()


def intend(
    ledger: Ledger, number: int, repository: str = "shop/api", body: Body | None = BODY, registry: str = "acme"
) -> Intent:
    """An intent of a run of its own, with a body."""
    return ledger.intend(ledger.begin_run(registry, RunKind.CLEAN), registry, deletion(number, repository), BLOBS, body)


def delete(ledger: Ledger, number: int, repository: str = "shop/api", body: Body | None = BODY) -> Intent:
    """One deletion from its intent to its outcome."""
    intent = intend(ledger, number, repository, body)
    ledger.settle(intent, Deleted())
    return intent


def names(restorables: Iterable[Restorable]) -> list[tuple[str, Digest, bool]]:
    """Repository, digest, and whether there is a body."""
    return [(one.repository, one.digest, one.body is not None) for one in restorables]


def bodies(ledger: Ledger) -> int:
    """How many bodies are kept."""
    with ledger._database.reading() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM bodies").scalar_one()
        return count


def test_a_deletion_tells_all_that_brings_it_back(path: Path) -> None:
    """Its bytes, media type, tags and children outlive the process; the body's bytes are shown to nobody."""
    with closing(opened(path)) as ledger:
        delete(ledger, 1)
    with closing(opened(path)) as ledger:
        (restorable,) = ledger.restorable("acme", ALL)
    at = START + timedelta(seconds=2)
    expected = Restorable(1, "run-1", "shop/api", digest(1), ("v1",), (digest(2),), at, BODY)
    assert restorable == expected
    assert "schemaVersion" not in repr(restorable)


def test_a_deletion_without_a_body_is_told_without(ledger: Ledger) -> None:
    """Whoever undoes it can say by name what cannot come back."""
    delete(ledger, 1, body=None)
    assert names(ledger.restorable("acme", ALL)) == [("shop/api", digest(1), False)]
    assert not ledger.history.deletions(9)[0].can_be_undone


@pytest.mark.parametrize(
    ("outcome", "kept"), [(None, 1), (Deleted(), 1), (AlreadyGone(), 0), (Failed("500"), 0)], ids=str
)
def test_a_body_is_kept_for_what_we_deleted(ledger: Ledger, outcome: Outcome | None, kept: int) -> None:
    """And for what may turn out so; not for what failed, nor for what others deleted."""
    intent = intend(ledger, 1)
    if outcome is not None:
        ledger.settle(intent, outcome)
    deleted = isinstance(outcome, Deleted)
    assert len(ledger.restorable("acme", ALL)) == (1 if deleted else 0)
    assert (bodies(ledger), ledger.history.deletions(9)[0].can_be_undone) == (kept, deleted)


@pytest.mark.parametrize("words", ["INSERT INTO bodies", "INSERT INTO deletions"])
def test_an_intent_and_its_body_are_written_down_together(path: Path, words: str) -> None:
    """Where one cannot be, neither is, and nothing is sent: a crash between the two loses nothing."""
    engine = engine_at(url_of(path))
    with closing(ledger_on(engine, now=ticking(), new_id=numbered())) as ledger:
        with failing_at(engine, words), pytest.raises(StateError):
            intend(ledger, 1)
        assert (bodies(ledger), ledger.unsettled("acme")) == (0, ())


def test_a_body_is_kept_once(ledger: Ledger) -> None:
    """One digest in two repositories, or deleted twice, has the same bytes: they stay while one needs them."""
    delete(ledger, 1)
    delete(ledger, 1, "shop/web")
    assert bodies(ledger) == 1
    first, second = ledger.restorable("acme", ALL)
    ledger.restored("acme", first)
    assert (bodies(ledger), names(ledger.restorable("acme", ALL))) == (1, [("shop/web", digest(1), True)])
    ledger.restored("acme", second)
    assert bodies(ledger) == 0


def test_a_failed_try_takes_no_body_from_a_deletion(ledger: Ledger) -> None:
    """Where the same digest was deleted elsewhere, its bytes stay."""
    delete(ledger, 1)
    ledger.settle(intend(ledger, 1, "shop/web"), Failed("403"))
    ledger.settle(intend(ledger, 1, registry="other"), AlreadyGone())
    assert names(ledger.restorable("acme", ALL)) == [("shop/api", digest(1), True)]


def test_a_collection_ends_what_can_be_undone(ledger: Ledger) -> None:
    """Of what it covers, nothing remains to undo and no body; of what was answered later, both do."""
    delete(ledger, 1)
    second = delete(ledger, 3)
    open_still = intend(ledger, 5)
    ledger.collected("acme", second.at + timedelta(seconds=1))
    assert names(ledger.restorable("acme", ALL)) == [("shop/api", digest(3), True)]
    assert [past.can_be_undone for past in ledger.history.deletions(9)] == [False, True, False]
    assert bodies(ledger) == 2
    ledger.settle(open_still, Deleted())
    assert names(ledger.restorable("acme", ALL))[1:] == [("shop/api", digest(5), True)]


def test_what_was_brought_back_is_not_gone(ledger: Ledger) -> None:
    """It left nothing behind, awaits no collection, is covered by none, and cannot be brought back again."""
    delete(ledger, 1)
    delete(ledger, 3)
    ledger.restored("acme", ledger.restorable("acme", ALL)[0])
    assert [gone.digest for gone in ledger.gone("acme")] == [digest(3)]
    assert [gone.digest for gone in ledger.uncollected("acme")] == [digest(3)]
    ledger.collected("acme", START + timedelta(days=1))
    past = ledger.history.deletions(9)[1]
    assert (past.outcome, past.collected_at, past.can_be_undone) == ("deleted", None, False)
    assert past.restored_at == START + timedelta(seconds=6)
    assert ledger.restorable("acme", ALL) == ()


def test_what_was_brought_back_still_counts_for_its_due_moment(ledger: Ledger) -> None:
    """A cap says how much a run may delete, whatever becomes of it later."""
    run = ledger.begin_run("acme", RunKind.CLEAN, Firing(Schedule.CLEANING, "daily", START))
    ledger.settle(ledger.intend(run, "acme", deletion(1), BLOBS, BODY), Deleted())
    ledger.restored("acme", ledger.restorable("acme", ALL)[0])
    assert ledger.deleted_for("acme", START) == {"shop/api": 1}


def test_of_a_manifest_that_was_deleted_twice_the_last_deletion_is_undone(ledger: Ledger) -> None:
    """To undo an earlier run does not bring it back; once it is back, none of its deletions counts any more."""
    first = delete(ledger, 1)
    delete(ledger, 1)
    assert ledger.restorable("acme", Which(run=first.run)) == ()
    (last,) = ledger.restorable("acme", ALL)
    ledger.restored("acme", last)
    assert (ledger.gone("acme"), ledger.uncollected("acme"), ledger.restorable("acme", ALL)) == ((), (), ())


def test_a_deletion_after_a_manifest_came_back_counts_anew(ledger: Ledger) -> None:
    """It is gone again, and can be brought back again."""
    delete(ledger, 1)
    ledger.restored("acme", ledger.restorable("acme", ALL)[0])
    delete(ledger, 1)
    assert [(one.deletion, one.body) for one in ledger.restorable("acme", ALL)] == [(2, BODY)]
    assert len(ledger.gone("acme")) == 1


@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        (ALL, [1, 3, 5, 1]),
        (Which(run="run-2"), [3]),
        (Which(repository="shop/api"), [1, 3, 5]),
        (Which(digest=digest(1)), [1, 1]),
        (Which(repository="shop/web", digest=digest(1)), [1]),
        (Which(since=START + timedelta(seconds=8)), [5, 1]),
        (Which(since=START + timedelta(seconds=9)), [1]),
        (Which(run="run-1", repository="shop/web"), []),
        (Which(run="run-9"), []),
    ],
    ids=str,
)
def test_what_is_meant_is_told_oldest_first(ledger: Ledger, which: Which, numbers: list[int]) -> None:
    """By run, repository, digest, or the moment it was answered, to the microsecond; all that is said must hold."""
    for number, repository in ((1, "shop/api"), (3, "shop/api"), (5, "shop/api"), (1, "shop/web")):
        delete(ledger, number, repository)
    assert [one.digest for one in ledger.restorable("acme", which)] == [digest(number) for number in numbers]
    assert ledger.restorable("other", which) == ()
