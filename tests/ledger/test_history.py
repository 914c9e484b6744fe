"""The history tells what was done, newest first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cleaner.ledger.history import PastCollection, PastDeletion, PastRun
from cleaner.ledger.ledger import Ledger
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Outcome
from cleaner.model.plan import Freed, HeldBack, HoldReason
from cleaner.model.report import DeletedManifest, FailedDeletion, Report, SkippedDeletion
from cleaner.retention.words import say
from tests.ledger.samples import BLOBS, REASONS, START, deletion, digest

REPORT = Report(
    registry="acme",
    error="the token was refused",
    exit_code=1,
    deleted=(DeletedManifest("a", digest(1)), DeletedManifest("a", digest(2))),
    failed=(FailedDeletion("a", digest(3), "403"),),
    skipped=(SkippedDeletion("a", digest(4), "404"),) * 3,
    held_back=(HeldBack("b", HoldReason.SHARE, "", 7), HeldBack(None, HoldReason.CAP, "", 5)),
    predicted=Freed(4096, 3),
    collection=Collection("c-1", "succeeded", freed_bytes=4000),
    warnings=(),
)


def test_a_run_is_told_with_its_summary(ledger: Ledger) -> None:
    """Its counts, bytes, error and exit code are those of its report; what is held back counts manifests."""
    run = ledger.begin_run("acme")
    ledger.end_run(run, REPORT)
    began, ended = START, START + timedelta(seconds=1)
    expected = PastRun("run-1", "acme", began, ended, 1, "the token was refused", 2, 1, 3, 12, 4096, 4000)
    assert ledger.history.runs(9) == (expected,)


def test_a_run_that_was_killed_has_no_end(ledger: Ledger) -> None:
    """Everything that only its end would tell is None."""
    ledger.begin_run("acme")
    assert ledger.history.runs(9) == (PastRun("run-1", "acme", START, *[None] * 9),)


@pytest.mark.parametrize(
    ("outcome", "name", "error"),
    [(Deleted(), "deleted", None), (AlreadyGone(), "gone", None), (Failed("403: no scope"), "failed", "403: no scope")],
)
def test_a_deletion_is_told_with_its_reasons_and_its_outcome(
    ledger: Ledger, outcome: Outcome, name: str, error: str | None
) -> None:
    """What, when, why and what came of it, in words that need no policy to read them."""
    intent = ledger.intend(ledger.begin_run("acme"), "acme", deletion(1), BLOBS)
    ledger.settle(intent, outcome)
    why = tuple(say(reason) for reason in REASONS)
    times = (intent.at, name, error, intent.at + timedelta(seconds=1), None)
    assert ledger.history.deletions(9) == (
        PastDeletion(1, "run-1", "acme", "shop/api", digest(1), ("v1",), why, *times),
    )


def test_a_collection_is_told_with_its_run(ledger: Ledger) -> None:
    """What the provider and we said of it."""
    run = ledger.begin_run("acme")
    ledger.collection_started("acme", run, Collection("c-1", "requested"), ours=True)
    ended = Collection("c-1", "succeeded", created_at=START, updated_at=START, freed_bytes=7, blobs_deleted=2)
    ledger.collection_ended("acme", ended, Freed(9, 2))
    seen, end = START + timedelta(seconds=1), START + timedelta(seconds=2)
    assert ledger.history.collections(9) == (
        PastCollection("acme", "c-1", run, True, "succeeded", seen, START, START, end, 9, 7, 2),
    )


@pytest.fixture
def busy(ledger: Ledger) -> Ledger:
    """Three runs, on two registries, each with a deletion and a collection."""
    for number, registry in enumerate(("acme", "other", "acme"), start=1):
        run = ledger.begin_run(registry)
        ledger.intend(run, registry, deletion(number), BLOBS)
        ledger.collection_started(registry, run, Collection(f"c-{number}", "requested"), ours=True)
    return ledger


@pytest.mark.parametrize(
    ("limit", "registry", "numbers"),
    [(9, None, [3, 2, 1]), (2, None, [3, 2]), (9, "acme", [3, 1]), (1, "acme", [3]), (9, "third", []), (0, None, [])],
)
def test_the_newest_come_first(busy: Ledger, limit: int, registry: str | None, numbers: list[int]) -> None:
    """At most `limit` of one registry, or of all."""
    history = busy.history
    assert [past.id for past in history.runs(limit, registry)] == [f"run-{number}" for number in numbers]
    assert [past.digest for past in history.deletions(limit, registry)] == [digest(number) for number in numbers]
    assert [past.uuid for past in history.collections(limit, registry)] == [f"c-{number}" for number in numbers]


def test_deletions_of_one_run(busy: Ledger) -> None:
    """A run's deletions are told apart from those of other runs."""
    assert [past.digest for past in busy.history.deletions(9, run="run-2")] == [digest(2)]
    assert busy.history.deletions(9, registry="acme", run="run-2") == ()


def test_a_run_that_died_is_told_apart_from_one_that_still_runs(ledger: Ledger) -> None:
    """Whoever begins a run holds the registry: one that has not ended by then died, and is not said to run still."""
    died, other = ledger.begin_run("acme"), ledger.begin_run("other")
    ledger.begin_run("acme")
    runs = {run.id: run for run in ledger.history.runs(9)}
    assert (runs[died].ended_at, runs[died].exit_code) == (START + timedelta(seconds=2), None)
    assert "it died before its end" in (runs[died].error or "")
    assert runs[other].ended_at is None
