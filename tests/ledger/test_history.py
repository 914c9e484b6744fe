"""The history tells what was done, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from cleaner.ledger.history import SUCCESSES, PastCollection, PastDeletion, PastRun
from cleaner.ledger.ledger import Ledger
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Outcome
from cleaner.model.plan import Freed, HeldBack, HoldReason
from cleaner.model.report import DeletedManifest, FailedDeletion, Report, SkippedDeletion
from cleaner.model.run import Firing, RunKind, Schedule, outcome_of
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
    due = START - timedelta(minutes=5)
    run = ledger.begin_run("acme", RunKind.CLEAN, Firing(Schedule.CLEANING, "0 12 * * * UTC", due))
    ledger.end_run(run, REPORT)
    when = (due, START, START + timedelta(seconds=1))
    expected = PastRun("run-1", "acme", RunKind.CLEAN, *when, 1, "the token was refused", 2, 1, 3, 12, 4096, 4000)
    assert ledger.history.runs(9) == (expected,)


def test_a_run_that_was_killed_has_no_end(ledger: Ledger) -> None:
    """Everything that only its end would tell is None."""
    ledger.begin_run("acme", RunKind.COLLECT)
    assert ledger.history.runs(9) == (PastRun("run-1", "acme", RunKind.COLLECT, None, START, *[None] * 9),)


@pytest.mark.parametrize(
    ("outcome", "name", "error"),
    [(Deleted(), "deleted", None), (AlreadyGone(), "gone", None), (Failed("403: no scope"), "failed", "403: no scope")],
)
def test_a_deletion_is_told_with_its_reasons_and_its_outcome(
    ledger: Ledger, outcome: Outcome, name: str, error: str | None
) -> None:
    """What, when, why and what came of it, in words that need no policy to read them."""
    intent = ledger.intend(ledger.begin_run("acme", RunKind.CLEAN), "acme", deletion(1), BLOBS)
    ledger.settle(intent, outcome)
    why = tuple(say(reason) for reason in REASONS)
    times = (intent.at, name, error, intent.at + timedelta(seconds=1), None, None, False)
    assert ledger.history.deletions(9) == (
        PastDeletion(1, "run-1", "acme", "shop/api", digest(1), ("v1",), why, *times),
    )


def test_a_collection_is_told_with_its_run(ledger: Ledger) -> None:
    """What the provider and we said of it."""
    run = ledger.begin_run("acme", RunKind.CLEAN)
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
        run = ledger.begin_run(registry, RunKind.CLEAN)
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
    died, other = ledger.begin_run("acme", RunKind.CLEAN), ledger.begin_run("other", RunKind.CLEAN)
    ledger.begin_run("acme", RunKind.CLEAN)
    runs = {run.id: run for run in ledger.history.runs(9)}
    assert (runs[died].ended_at, runs[died].exit_code) == (START + timedelta(seconds=2), None)
    assert "it died before its end" in (runs[died].error or "")
    assert runs[other].ended_at is None


def ended(ledger: Ledger, kind: RunKind, exit_code: int, registry: str = "acme") -> str:
    """A run of that kind that ended so; gives its id."""
    run = ledger.begin_run(registry, kind)
    ledger.end_run(run, replace(REPORT, registry=registry, exit_code=exit_code))
    return run


def ids(runs: Mapping[RunKind, PastRun]) -> dict[str, str]:
    """Their ids, by the kind's name."""
    assert all(run.kind is kind for kind, run in runs.items())
    return {kind.value: run.id for kind, run in runs.items()}


def test_the_last_run_of_each_kind_is_told(ledger: Ledger) -> None:
    """Ended or not, whatever came of it, and of this registry only; a kind that never ran is left out."""
    ended(ledger, RunKind.CLEAN, 0)
    planned, failed = ended(ledger, RunKind.PLAN, 0), ended(ledger, RunKind.CLEAN, 1)
    ended(ledger, RunKind.COLLECT, 0, registry="other")
    assert ids(ledger.history.last_runs("acme")) == {"clean": failed, "plan": planned}
    running = ledger.begin_run("acme", RunKind.CLEAN)
    assert ids(ledger.history.last_runs("acme")) == {"clean": running, "plan": planned}
    assert ledger.history.last_runs("third") == {}


def test_the_last_success_of_each_kind_is_told(ledger: Ledger) -> None:
    """What a limit held back was reached all the same; a failure, a stop and a death hide no earlier success."""
    collected, cleaned = ended(ledger, RunKind.COLLECT, 0), ended(ledger, RunKind.CLEAN, 3)
    for kind in (RunKind.CLEAN, RunKind.COLLECT, RunKind.PLAN):
        ended(ledger, kind, 1)
        ended(ledger, kind, 130)
    ledger.begin_run("acme", RunKind.CLEAN)
    assert ids(ledger.history.last_successes("acme")) == {"clean": cleaned, "collect": collected}
    assert ledger.history.last_successes("other") == {}


def test_a_success_is_a_run_that_reached_its_end() -> None:
    """The exit codes that the history looks for are those of the outcomes that say so."""
    assert tuple(code for code in range(256) if outcome_of(code).reached_the_end) == SUCCESSES
