"""Deletions, runs and garbage collections: what is written down is what is read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.errors import StateError
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Gone, Intent, Outcome
from cleaner.model.manifest import Digest
from cleaner.model.plan import Freed
from cleaner.model.run import Firing, RunKind, Schedule
from tests.ledger.samples import BLOBS, HOSTILE, START, deletion, digest, numbered, opened, ticking

ACTIVE = Collection("c-1", "scanning manifests", created_at=START)


def intend(ledger: Ledger, number: int = 1) -> Intent:
    """An intent of a run of its own."""
    return ledger.intend(ledger.begin_run("acme", RunKind.CLEAN), "acme", deletion(number), BLOBS)


def digests(gone: tuple[Gone, ...]) -> list[Digest]:
    """Their digests."""
    return [one.digest for one in gone]


def test_an_intent_names_what_is_to_be_sent(ledger: Ledger) -> None:
    """It carries run, registry, repository, digest and the time at which it was written down."""
    intent = intend(ledger)
    assert intent == Intent(1, "run-1", "acme", "shop/api", digest(1), START + timedelta(seconds=1))
    assert ledger.unsettled("acme") == (intent,)


@pytest.mark.parametrize(
    ("outcome", "gone", "uncollected"),
    [(Deleted(), [digest(1)], [digest(1)]), (AlreadyGone(), [], [digest(1)]), (Failed("403: no scope"), [], [])],
    ids=["deleted", "gone before", "failed"],
)
def test_an_outcome_settles_its_intent(
    ledger: Ledger, outcome: Outcome, gone: list[Digest], uncollected: list[Digest]
) -> None:
    """Only an answer makes a manifest gone by us; what was gone before awaits a collection all the same."""
    ledger.settle(intend(ledger), outcome)
    assert ledger.unsettled("acme") == ()
    assert digests(ledger.gone("acme")) == gone
    assert digests(ledger.uncollected("acme")) == uncollected


def test_what_is_gone_tells_its_children_and_blobs(ledger: Ledger) -> None:
    """What a deleted manifest listed and referred to is remembered, blobs without a size among it."""
    ledger.settle(intend(ledger), Deleted())
    expected = Gone("shop/api", digest(1), (digest(2),), BLOBS, START + timedelta(seconds=2))
    assert ledger.gone("acme") == ledger.uncollected("acme") == (expected,)


def test_an_intent_is_settled_once(ledger: Ledger) -> None:
    """A second outcome is refused and changes nothing."""
    intent = intend(ledger)
    ledger.settle(intent, Deleted())
    with pytest.raises(StateError, match=f"deletion of {digest(1)} in shop/api cannot be settled as failed"):
        ledger.settle(intent, Failed("too late"))
    assert digests(ledger.gone("acme")) == [digest(1)]


def test_a_foreign_intent_is_not_settled(ledger: Ledger) -> None:
    """An intent of another ledger, whose number belongs to another digest here, settles nothing."""
    intent = intend(ledger)
    with pytest.raises(StateError, match="holds no open intent 1 for it"):
        ledger.settle(replace(intent, digest=digest(9)), Deleted())
    assert ledger.unsettled("acme") == (intent,)


def test_an_intent_needs_a_run(ledger: Ledger) -> None:
    """No deletion is written down for a run that never began."""
    with pytest.raises(StateError, match=r"state\.db cannot be used: it refused \(FOREIGN KEY constraint failed\)"):
        ledger.intend("run-7", "acme", deletion(1), BLOBS)
    assert ledger.unsettled("acme") == ()


def test_registries_do_not_see_each_other(ledger: Ledger) -> None:
    """Neither intents nor what is gone, uncollected or ours crosses from one registry to another."""
    ledger.settle(intend(ledger, 1), Deleted())
    intend(ledger, 3)
    ledger.collection_started("acme", None, ACTIVE, ours=True)
    ledger.collected("other", START + timedelta(days=1))
    assert (ledger.unsettled("other"), ledger.gone("other"), ledger.uncollected("other")) == ((), (), ())
    assert not ledger.is_ours("other", "c-1")
    assert digests(ledger.uncollected("acme")) == [digest(1)]


def test_what_earlier_tries_of_a_run_deleted_is_counted_by_repository(ledger: Ledger) -> None:
    """Of one due moment and one registry, what the provider's answers say is deleted, whichever try did it."""
    due, later = (Firing(Schedule.CLEANING, "daily", START + timedelta(days=days)) for days in (0, 1))
    tries: list[tuple[str, Firing | None, Outcome]]
    tries = [
        ("acme", due, Deleted()),
        ("acme", due, Deleted()),
        ("acme", due, Failed("409")),
        ("acme", due, AlreadyGone()),
        ("acme", later, Deleted()),
        ("acme", None, Deleted()),
        ("beta", due, Deleted()),
    ]
    for number, (registry, firing, outcome) in enumerate(tries):
        run = ledger.begin_run(registry, RunKind.CLEAN, firing)
        ledger.settle(ledger.intend(run, registry, deletion(number), BLOBS), outcome)
    assert ledger.deleted_for("acme", due.due) == {deletion(0).manifest.repository: 2}
    assert ledger.deleted_for("acme", START + timedelta(days=9)) == {}


def test_a_collection_covers_what_was_answered_before_it_began(ledger: Ledger) -> None:
    """What was answered at its very beginning, or later, still awaits a collection (law 7)."""
    for number in (1, 3, 5):
        ledger.settle(intend(ledger, number), Deleted())
    second = ledger.gone("acme")[1]
    ledger.collected("acme", second.at)
    assert digests(ledger.uncollected("acme")) == [digest(3), digest(5)]
    assert digests(ledger.gone("acme")) == [digest(1), digest(3), digest(5)]


def test_a_collection_covers_no_open_intent_and_no_failure(ledger: Ledger) -> None:
    """What is settled after a collection succeeded awaits the next one."""
    intent = intend(ledger, 1)
    ledger.settle(intend(ledger, 3), Failed("500"))
    ledger.collected("acme", START + timedelta(seconds=60))
    assert [past.collected_at for past in ledger.history.deletions(9)] == [None, None]
    ledger.settle(intent, Deleted())
    assert digests(ledger.uncollected("acme")) == [digest(1)]


def test_a_collection_is_ours_only_where_we_started_it(ledger: Ledger) -> None:
    """One that was found is not ours; nor is one that nobody recorded."""
    ledger.collection_started("acme", ledger.begin_run("acme", RunKind.CLEAN), ACTIVE, ours=True)
    ledger.collection_started("acme", None, replace(ACTIVE, uuid="c-2"), ours=False)
    ledger.collection_started("acme", None, replace(ACTIVE, uuid="c-3"), ours=False)
    assert [ledger.is_ours("acme", uuid) for uuid in ("c-1", "c-2", "c-3", "c-4")] == [True, False, False, False]


def test_a_collection_of_ours_stays_ours(ledger: Ledger) -> None:
    """A later run that finds it, looks at it and sees it end takes neither it nor its first run away from us."""
    ledger.collection_started("acme", ledger.begin_run("acme", RunKind.CLEAN), ACTIVE, ours=True)
    ledger.collection_started("acme", ledger.begin_run("acme", RunKind.CLEAN), ACTIVE, ours=False)
    ledger.collection_started("acme", None, ACTIVE, ours=False)
    ledger.collection_ended("acme", replace(ACTIVE, status="succeeded"), None)
    assert ledger.is_ours("acme", "c-1")
    assert [past.run for past in ledger.history.collections(9)] == ["run-1"]


def test_a_collection_is_one_record_with_its_newest_facts(ledger: Ledger) -> None:
    """Each look brings its status up to date; what an earlier answer told and a later one leaves out stays."""
    ledger.collection_started("acme", None, ACTIVE, ours=True)
    ledger.collection_started(
        "acme", None, Collection("c-1", "deleting unreferenced blobs", freed_bytes=10, blobs_deleted=1), ours=False
    )
    ledger.collection_ended("acme", Collection("c-1", "succeeded", updated_at=START, freed_bytes=90), Freed(100, 3))
    (past,) = ledger.history.collections(9)
    assert (past.status, past.freed_bytes, past.blobs_deleted, past.predicted_bytes) == ("succeeded", 90, 1, 100)
    assert (past.first_seen_at, past.created_at, past.updated_at) == (START, START, START)
    assert past.ended_at == START + timedelta(seconds=2)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(ledger: Ledger, text: str) -> None:
    """Whatever a registry puts into a tag comes back as it was, and does nothing."""
    ledger.intend(ledger.begin_run("acme", RunKind.CLEAN), "acme", deletion(1, tags=(text, "v1")), BLOBS)
    (past,) = ledger.history.deletions(9)
    assert past.tags == (text, "v1")
    assert len(ledger.unsettled("acme")) == 1


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger: ledger.settle(intend(ledger), Failed("\ud800")),
        lambda ledger: ledger.collection_started("acme", None, replace(ACTIVE, freed_bytes=2**63), ours=False),
    ],
    ids=["half a character", "a number of 65 bits"],
)
def test_a_value_that_fits_into_no_database_is_refused(ledger: Ledger, write: Callable[[Ledger], None]) -> None:
    """It is a StateError like any other, and leaves nothing half written."""
    with pytest.raises(StateError, match=r"state\.db cannot be used"):
        write(ledger)
    assert len(ledger.unsettled("acme")) == len(ledger.history.deletions(9))
    assert ledger.history.collections(9) == ()


def delete(ledger: Ledger, number: int) -> Intent:
    """One deletion from its intent to its outcome."""
    intent = ledger.intend("run-1", "acme", deletion(number), BLOBS)
    ledger.settle(intent, Deleted())
    return intent


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{}/state.db"], ids=["in memory", "in a file"])
def test_threads_take_turns(tmp_path: Path, url: str) -> None:
    """Deletions from many threads all get an intent of their own, and each its outcome."""
    with closing(open_ledger(url.format(tmp_path), now=ticking(), new_id=numbered())) as ledger:
        ledger.begin_run("acme", RunKind.CLEAN)
        with ThreadPoolExecutor(8) as pool:
            intents = list(pool.map(lambda number: delete(ledger, number), range(100)))
        assert [intent.digest for intent in intents] == [digest(number) for number in range(100)]
        assert len({intent.id for intent in intents}) == 100
        assert ledger.unsettled("acme") == ()
        assert sorted(digests(ledger.gone("acme"))) == [digest(number) for number in range(100)]


def test_a_ledger_in_memory_is_held_by_nobody_else() -> None:
    """There is nothing to hold in memory, which no other process shares."""
    with closing(open_ledger("sqlite://", now=ticking(), new_id=numbered())) as ledger:
        with ledger.hold("acme"), ledger.hold("acme"):
            ledger.begin_run("acme", RunKind.CLEAN)
        assert [past.id for past in ledger.history.runs(9)] == ["run-1"]


@pytest.mark.parametrize("registry", ["", "../other", "Acme", "a" * 64, "acme\n"])
def test_no_lock_file_is_named_after_what_is_no_registry_name(ledger: Ledger, registry: str) -> None:
    """A name that could lead out of the state's directory is refused."""
    with pytest.raises(StateError, match="1 to 63 of the characters a-z"), ledger.hold(registry):
        pytest.fail("held")


def test_a_lock_file_that_cannot_be_made_is_named(ledger: Ledger, path: Path) -> None:
    """The message says which file and why."""
    path.with_name("state.db.acme.lock").mkdir()
    with pytest.raises(StateError, match=r"lock file .*state\.db\.acme\.lock cannot be used: Is a directory"):  # noqa: SIM117
        with ledger.hold("acme"):
            pytest.fail("held")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_state_that_was_taken_away_holds_nothing(path: Path, *, replaced: bool) -> None:
    """What would be written to it would be lost: no run begins, and the message says what to do."""
    with closing(opened(path)) as ledger:
        path.rename(path.with_name("moved.db"))
        if replaced:
            path.write_bytes(b"")
        with pytest.raises(StateError, match="removed or replaced"), ledger.hold("acme"):
            pass


def test_a_hold_ends_with_its_block(path: Path) -> None:
    """Also when the block raises."""
    with closing(opened(path)) as ledger:
        with pytest.raises(ZeroDivisionError), ledger.hold("acme"):
            raise ZeroDivisionError
        with ledger.hold("acme"):
            assert ledger.begin_run("acme", RunKind.CLEAN) == "run-1"
