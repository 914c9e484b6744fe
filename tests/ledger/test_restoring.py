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
    assert ledger.lost_from("acme") == ("shop/api", "shop/web")
    ledger.restored("acme", first)
    assert (bodies(ledger), names(ledger.restorable("acme", ALL))) == (1, [("shop/web", digest(1), True)])
    assert ledger.lost_from("acme") == ("shop/web",)
    ledger.restored("acme", second)
    assert (bodies(ledger), ledger.lost_from("acme")) == (0, ())


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


def delete_with(ledger: Ledger, number: int, *tags: str) -> str:
    """One deletion of what has these tags; gives its run."""
    run = ledger.begin_run("acme", RunKind.CLEAN)
    ledger.settle(ledger.intend(run, "acme", deletion(number, tags=tags), BLOBS, BODY), Deleted())
    return run


def told(ledger: Ledger, which: Which = ALL) -> list[tuple[int, tuple[int, ...], tuple[str, ...]]]:
    """The deletions that can be undone, those that are undone with them, and the tags."""
    return [(one.deletion, one.earlier, one.tags) for one in ledger.restorable("acme", which)]


def test_a_manifest_that_was_deleted_twice_comes_back_once_with_all_its_tags(ledger: Ledger) -> None:
    """Those of the last deletion first; once it is back, none of its deletions counts any more."""
    delete_with(ledger, 1, "v1", "stable")
    delete_with(ledger, 1, "nightly", "stable")
    assert told(ledger) == [(2, (1,), ("nightly", "stable", "v1"))]
    ledger.restored("acme", ledger.restorable("acme", ALL)[0])
    assert (ledger.gone("acme"), ledger.uncollected("acme"), ledger.restorable("acme", ALL)) == ((), (), ())


def test_a_tag_that_something_else_carried_last_is_not_the_earlier_ones(ledger: Ledger) -> None:
    """It moved on between the two deletions of the first, and stood on the second when that was deleted."""
    first = delete_with(ledger, 1, "edge", "v1")
    delete_with(ledger, 3, "edge")
    delete_with(ledger, 1, "nightly")
    assert told(ledger) == [(2, (), ("edge",)), (3, (1,), ("nightly", "v1"))]
    assert told(ledger, Which(run=first)) == [(1, (), ("edge", "v1"))]


@pytest.mark.parametrize("meant", [0, 1])
def test_a_run_is_undone_and_no_other_deletion_with_it(ledger: Ledger, meant: int) -> None:
    """The other deletion of the same manifest keeps its tags, its bytes, and its place in the history."""
    runs = [delete_with(ledger, 1, tag) for tag in ("v1", "nightly")]
    assert told(ledger, Which(run=runs[meant])) == [(meant + 1, (), (("v1", "nightly")[meant],))]
    ledger.restored("acme", ledger.restorable("acme", Which(run=runs[meant]))[0])
    assert [past.can_be_undone for past in reversed(ledger.history.deletions(9))] == [meant == 1, meant == 0]
    assert told(ledger) == [(2 - meant, (), (("nightly", "v1")[meant],))]
    assert bodies(ledger) == 1


def test_what_a_collection_took_is_told_of_the_deletions_that_are_meant(ledger: Ledger) -> None:
    """Also where a later run deleted the same again; of all together, that one tells that it can come back."""
    first = delete_with(ledger, 1, "v1")
    ledger.collected("acme", START + timedelta(days=1))
    delete_with(ledger, 1, "nightly")
    assert [gone.tags for gone in ledger.collected_of("acme", Which(run=first))] == [("v1",)]
    assert ledger.collected_of("acme", ALL) == ()
    ledger.restored("acme", ledger.restorable("acme", ALL)[0])
    assert (ledger.gone("acme"), ledger.collected_of("acme", Which(run=first))) == ((), ())


def test_a_deletion_without_an_outcome_is_known_by_when_it_was_intended(ledger: Ledger) -> None:
    """Its run was killed: whether it was carried out is looked up before anything is undone."""
    open_still = intend(ledger, 1)
    assert ledger.knows("acme", Which(since=open_still.at))
    assert ledger.knows("acme", Which(repository="shop/api", digest=digest(1)))
    assert not ledger.knows("acme", Which(since=open_still.at + timedelta(microseconds=1)))


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
