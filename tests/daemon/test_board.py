"""The board: what is known now of each registry, from what was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.config.load import load
from cleaner.config.settings import Settings
from cleaner.daemon.board import WARNINGS, Active, Board, Due, Known, RegistryFacts, Running, SourceFacts, Stage
from cleaner.model.collection import Collection
from cleaner.model.event import (
    Breaker,
    BreakerTripped,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    Event,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RegistryWatched,
    RepositoriesListed,
    RunBegan,
    RunEnded,
    RunNotBegun,
    RunScheduled,
    StorageSeen,
    Warned,
)
from cleaner.model.manifest import Digest
from cleaner.model.registry import Storage
from cleaner.model.report import Report
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import Audited, CollectionWithheld, SourceFailed, SourceRead
from tests.daemon.boards import CONFIGURATION, condemned, plan_of_malice
from tests.daemon.events import FINDINGS
from tests.house import START

SECOND = timedelta(seconds=1)
REPORT = Report("acme", None, 0, (), (), (), (), None, None, ())
ENDED = RunEnded("acme", "run-1", RunKind.CLEAN, REPORT, 9 * SECOND)
PLAN = replace(plan_of_malice(), registry="acme")
GONE = condemned("shop/web")


def settings(folder: Path) -> Settings:
    """The settings of the boards' configuration."""
    file = folder / "config.yaml"
    file.write_text(f"state: sqlite:///{folder}/state.db\n{CONFIGURATION}", encoding="utf-8")
    return load(file, {})


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board that expects two registries, and on which a second passes between events."""
    seconds = iter(range(10_000))
    fresh = Board(lambda: START + next(seconds) * SECOND)
    fresh.expect(settings(tmp_path).registries)
    return fresh


def heard(board: Board, *events: Event) -> RegistryFacts:
    """What is known of the first registry once these were told."""
    for event in events:
        board.hear(event)
    return board.registries()[0]


def collection(uuid: str = "c-1", status: str = "requested") -> Collection:
    return Collection(uuid, status)


def test_at_first_nothing_is_known(board: Board) -> None:
    """Each registry of the configuration is there, in its order, with nothing to say of it."""
    acme, hostile = board.registries()
    assert (acme.name, hostile.name) == ("acme", "hostile")
    assert acme == RegistryFacts(acme.settings)
    assert board.reloaded is None


@pytest.mark.parametrize(
    ("event", "known"),
    [
        (StorageSeen("acme", Storage(1, 2, 3, 2)), lambda facts: facts.storage == Known(Storage(1, 2, 3, 2), START)),
        (Planned(PLAN, START), lambda facts: facts.plan == Known(PLAN, START)),
        (ENDED, lambda facts: facts.last_run == Known(ENDED, START)),
        (RunBegan("acme", "run-1", RunKind.PLAN), lambda facts: facts.running == Running("run-1", RunKind.PLAN, START)),
        (RegistryWatched("acme", None), lambda facts: (facts.active, facts.watched_at) == (None, START)),
        (Warned("acme", "odd"), lambda facts: facts.warnings == (Known("odd", START),)),
        (BreakerTripped("acme", Breaker.SHARE, "much"), lambda facts: facts.warnings == (Known("much", START),)),
        (SourceRead("acme", "f", 7), lambda facts: facts.sources == {"f": SourceFacts(Known(7, START))}),
        (
            SourceFailed("acme", "f", "gone"),
            lambda facts: facts.sources == {"f": SourceFacts(None, Known("gone", START))},
        ),
        (CollectionWithheld("acme", "needed"), lambda facts: facts.withheld == Known("needed", START)),
        (Audited("acme", FINDINGS), lambda facts: facts.audit == Known(FINDINGS, START)),
        (
            RunNotBegun("acme", RunKind.CLEAN, "held"),
            lambda facts: facts.warnings == (Known("a run (clean) could not begin: held", START),),
        ),
    ],
    ids=lambda value: type(value).__name__ if not callable(value) else "",
)
def test_what_is_told_is_known(board: Board, event: Event, known: Callable[[RegistryFacts], bool]) -> None:
    """With the moment at which it was told; the other registry knows nothing of it."""
    assert known(heard(board, event))
    other = board.registries()[1]
    assert other == RegistryFacts(other.settings)


@pytest.mark.parametrize(
    ("event", "stage"),
    [
        (RepositoriesListed("acme", 3), Stage.LISTING),
        (ManifestsWanted("acme", 3), Stage.READING),
        (ManifestRead("acme", "shop", Digest("sha256:" + "0" * 64), readable=True), Stage.READING),
        (Planned(PLAN, START), Stage.PLANNED),
        (ManifestDeleted("acme", GONE), Stage.DELETING),
        (DeletionFailed("acme", GONE, "no"), Stage.DELETING),
        (CollectionStarted("acme", collection(), adopted=False), Stage.COLLECTING),
        (CollectionPolled("acme", collection()), Stage.COLLECTING),
        (Warned("acme", "odd"), Stage.BEGINNING),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_run_comes_further(board: Board, event: Event, stage: Stage) -> None:
    """Its stage follows what it does; outside a run the same event begins none."""
    assert heard(board, event).running is None
    running = heard(board, RunBegan("acme", "run-1", RunKind.CLEAN), event).running
    assert running is not None
    assert running.stage is stage


def test_a_run_that_ended_is_under_way_no_more(board: Board) -> None:
    """Its report stays until the next one's."""
    facts = heard(board, RunBegan("acme", "run-1", RunKind.CLEAN), ENDED)
    assert facts.running is None
    assert facts.last_run == Known(ENDED, START + SECOND)


def test_the_soonest_due_moment_comes_first(board: Board) -> None:
    """Each schedule has one; a schedule that was dropped has none."""
    later = RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, START + 9 * SECOND, SECOND)
    sooner = RunScheduled("acme", Schedule.COLLECTION, RunKind.COLLECT, START + 5 * SECOND, SECOND)
    soonest = replace(later, due=START + SECOND)
    collecting = Due(Schedule.COLLECTION, RunKind.COLLECT, START + 5 * SECOND)
    assert [due.at for due in heard(board, later, sooner).due] == [sooner.due, later.due]
    assert [due.at for due in heard(board, soonest).due] == [soonest.due, sooner.due]
    assert heard(board, replace(later, due=None, period=None)).due == (collecting,)


def test_an_active_collection_has_the_age_it_had(board: Board) -> None:
    """Since it began, or where the provider does not say that, since it was first seen; its status is the latest."""
    first = heard(board, CollectionStarted("acme", collection(), adopted=True))
    assert first.active == Active(collection(), START)
    later = heard(board, CollectionPolled("acme", collection(status="scanning manifests")))
    assert later.active == Active(collection(status="scanning manifests"), START)
    dated = replace(collection("c-2"), created_at=START - 60 * SECOND)
    assert heard(board, RegistryWatched("acme", dated)).active == Active(dated, START - 60 * SECOND)


@pytest.mark.parametrize(
    "event",
    [
        RegistryWatched("acme", None),
        CollectionPolled("acme", collection(status="succeeded")),
        CollectionEnded("acme", collection(status="failed"), adopted=False, predicted=None),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_collection_that_ended_is_active_no_more(board: Board, event: Event) -> None:
    """Whoever saw its end."""
    assert heard(board, CollectionStarted("acme", collection(), adopted=False)).active is not None
    assert heard(board, event).active is None


def test_a_source_that_cannot_be_read_is_known_as_it_was(board: Board) -> None:
    """With what it named before, and why it names nothing now; the next good look forgets the trouble."""
    read, failed = SourceRead("acme", "f", 7), SourceFailed("acme", "f", "gone")
    facts = heard(board, read, failed)
    assert facts.sources == {"f": SourceFacts(Known(7, START), Known("gone", START + SECOND))}
    assert heard(board, SourceRead("acme", "f", 8)).sources == {"f": SourceFacts(Known(8, START + 2 * SECOND))}


@pytest.mark.parametrize(
    ("event", "over"),
    [
        (CollectionStarted("acme", collection(), adopted=False), True),
        (CollectionStarted("acme", collection(), adopted=True), False),
        (ENDED, True),
        (replace(ENDED, report=replace(REPORT, exit_code=1)), False),
    ],
    ids=["ours", "another's", "a good run", "a failed run"],
)
def test_a_withheld_collection_is_known_until_it_is_over(board: Board, event: Event, *, over: bool) -> None:
    """Until a collection of ours starts, or a run comes to its end without that alarm."""
    assert heard(board, CollectionWithheld("acme", "needed"), RunBegan("acme", "run-1", RunKind.CLEAN)).withheld
    assert (heard(board, event).withheld is None) is over


def test_an_unknown_status_is_an_active_one(board: Board) -> None:
    """The API page: what no page names means still active."""
    assert heard(board, RegistryWatched("acme", collection(status="waiting for delete requests"))).active is not None


def test_warnings_are_few_and_each_stands_once(board: Board) -> None:
    """The latest stay; one that is told again moves to the end with its new time."""
    texts = [f"warning {number}" for number in range(WARNINGS + 5)]
    facts = heard(board, *(Warned("acme", text) for text in texts))
    assert [known.value for known in facts.warnings] == texts[-WARNINGS:]
    again = heard(board, Warned("acme", texts[-WARNINGS]))
    assert [known.value for known in again.warnings] == [*texts[-WARNINGS + 1 :], texts[-WARNINGS]]
    assert again.warnings[-1].at > facts.warnings[-1].at


def test_a_reload_is_known_with_its_error(board: Board) -> None:
    """The last one counts."""
    heard(board, ConfigurationReloaded("line 3"))
    assert board.reloaded == Known("line 3", START)
    heard(board, ConfigurationReloaded(None))
    assert board.reloaded == Known(None, START + SECOND)


def test_a_reload_keeps_what_is_known(board: Board, tmp_path: Path) -> None:
    """Registries that stay keep it under their new settings, in the new order; one that went is forgotten."""
    heard(board, StorageSeen("acme", Storage(1, 2, 3, 2)), StorageSeen("hostile", Storage(4, 5, 6, 2)))
    acme, hostile = settings(tmp_path).registries
    changed = replace(acme, deletions=1)
    board.expect([hostile, changed])
    assert [facts.name for facts in board.registries()] == ["hostile", "acme"]
    assert board.registries()[1].settings == changed
    assert board.registries()[1].storage is not None
    board.expect([hostile])
    board.hear(Warned("acme", "of nobody's"))
    board.expect([changed])
    assert board.registries() == (RegistryFacts(changed),)
