"""What a run held back waits for a person: the status page says so at its top, and says what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.daemon.page import Page, page, render
from cleaner.daemon.past import Past
from cleaner.ledger.history import PastRun
from cleaner.model.event import Planned, RunEnded
from cleaner.model.plan import HeldBack, HoldReason
from cleaner.model.report import Report
from cleaner.model.run import RunKind
from tests.daemon.boards import DAY, MALICE, SCRIPT, Scene, plan_of_malice, scene
from tests.house import START

SHARE = "would lose 17 of its 20 manifests, more than limits.share 50%"
TROUBLES = [reason for reason in HoldReason if reason.is_trouble]
NEXT_STEP = "What goes beyond share or cap: cleaner plan shows it, and cleaner approve REPOSITORY lets it go"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """A board over a house, of a daemon that has just started."""
    with scene(tmp_path) as fresh:
        yield fresh


def ended(at: Scene, *held: HeldBack) -> None:
    """A run has ended, and held these back."""
    code = 3 if any(each.reason.is_trouble for each in held) else 0
    report = Report("acme", None, code, (), (), (), held, None, None, ())
    at.board.hear(RunEnded("acme", "run-1", RunKind.CLEAN, report, timedelta(seconds=9)))


def planned(at: Scene, *held: HeldBack) -> None:
    """The next run's plan holds these back."""
    at.board.hear(Planned(replace(plan_of_malice(), registry="acme", held_back=held, waiting=()), START))


def a_run(name: str, kind: RunKind, exit_code: int) -> PastRun:
    """A run as the ledger has it."""
    return PastRun(
        id=name,
        registry="acme",
        kind=kind,
        due_at=None,
        started_at=START - DAY,
        ended_at=START - DAY,
        exit_code=exit_code,
        error=None,
        deleted=0,
        failed=0,
        skipped=0,
        held_back=17,
        predicted_bytes=None,
        freed_bytes=None,
    )


def seen(at: Scene, *runs: PastRun) -> Page:
    """The page, where the ledger tells of these runs, the newest first."""
    return page(at.board.registries(), Past({"acme": runs} if runs else {}), None, at.house.now())


@pytest.mark.parametrize("reason", TROUBLES)
def test_what_the_last_run_held_back_needs_attention(at: Scene, reason: HoldReason) -> None:
    """Whatever the trouble is: with the repository, and why."""
    ended(at, HeldBack("shop/web", reason, SHARE, 17))
    assert seen(at).summary == "1 of 2 registries needs attention"
    assert seen(at).registries[0].troubles == (f"Held back in shop/web: {SHARE}",)


def test_what_speaks_for_all_names_no_repository(at: Scene) -> None:
    """A source that cannot be read holds back everything."""
    ended(at, HeldBack(None, HoldReason.SOURCE, "images.txt cannot be read", 0))
    assert seen(at).registries[0].troubles == ("Held back: images.txt cannot be read",)


def test_many_places_are_cut_short(at: Scene) -> None:
    """The first three and how many more there are, harmless whatever they are called."""
    ended(at, *(HeldBack(name, HoldReason.SHARE, SHARE, 3) for name in MALICE))
    troubles = seen(at).registries[0].troubles
    assert len(troubles) == 4
    assert troubles[-1] == f"Held back besides: {len(MALICE) - 3} more"
    assert SCRIPT not in render(seen(at))


def test_a_notice_needs_no_attention(at: Scene) -> None:
    """It runs out by itself."""
    ended(at, HeldBack("shop/web", HoldReason.NOTICE, "goes from then on", 17))
    assert seen(at).summary == "2 registries, nothing needs attention"


@pytest.mark.parametrize(("code", "troubles"), [(3, 1), (0, 0)])
def test_a_run_before_the_start_is_known_by_its_outcome(at: Scene, code: int, troubles: int) -> None:
    """The ledger has no reasons, so the page names the command that has."""
    found = seen(at, a_run("earlier", RunKind.PLAN, code)).registries[0].troubles
    assert found == ("The last run held deletions back: cleaner plan shows which, and why",) * troubles


def test_a_collection_since_then_hides_nothing(at: Scene) -> None:
    """It judged nothing: what waited for a person before it waits still, until a run that judges holds nothing back."""
    collected, held, sound = (
        a_run("collected", RunKind.COLLECT, 0),
        a_run("held", RunKind.CLEAN, 3),
        a_run("sound", RunKind.CLEAN, 0),
    )
    assert len(seen(at, collected, held, sound).registries[0].troubles) == 1
    assert seen(at, collected, sound, held).registries[0].troubles == ()
    unsure = a_run("unsure", RunKind.COLLECT, 3)
    assert (
        len(seen(at, unsure, sound).registries[0].troubles) == len(seen(at, unsure, held).registries[0].troubles) == 1
    )


@pytest.mark.parametrize("reason", TROUBLES)
def test_the_list_says_what_can_be_done_about_a_limit(at: Scene, reason: HoldReason) -> None:
    """Share and cap are for a person to lift; of what cannot be read, the detail says what is wrong."""
    planned(at, HeldBack("shop/web", reason, SHARE, 17))
    assert (NEXT_STEP in render(seen(at))) is (reason in {HoldReason.SHARE, HoldReason.CAP})


def test_nothing_can_be_approved_where_nothing_is_enforced(at: Scene) -> None:
    """There `cleaner plan` alone is named."""
    planned(at, HeldBack("shop/web", HoldReason.SHARE, SHARE, 17))
    at.board.expect([replace(settings, policies=settings.policies[1:]) for settings in at.settings])
    text = render(seen(at))
    assert "What goes beyond share or cap: cleaner plan shows it" in text
    assert "cleaner approve" not in text
