"""A run that failed, or could not begin, is tried again with growing pauses: until one succeeds, or the next is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from cleaner.model.event import RunBegan, RunNotBegun
from cleaner.model.run import RunKind
from tests.daemon.household import HOUR, MINUTE, Household, at, configuration, entry, household, metric

NOON = '"30 12 * * *"'
DUE = at("12:30", 24)
PAUSES = [minutes * MINUTE for minutes in (1, 2, 4, 8, 16, 32, *[60] * 8)]

Trouble = Callable[[httpx.Request], httpx.Response | None]


def answers(home: Household, status: int, until: datetime, since: datetime = DUE) -> None:
    """The provider answers so for a while."""
    refusal = {"id": "trouble", "message": "not now"}
    home.house.network.before = lambda _: (
        httpx.Response(status, json=refusal) if since <= home.house.now() < until else None
    )


def lives(home: Household, until: datetime) -> None:
    """One process, until then."""

    async def story() -> None:
        async with home.process():
            await home.until(until)

    home.run(story())


@pytest.mark.parametrize("status", [500, 401, 429])
def test_a_failed_run_is_tried_again_with_growing_pauses(tmp_path: Path, status: int) -> None:
    """After one minute, then twice as long each time, at most an hour; until one succeeds, and then no more."""
    with household(tmp_path, configuration(entry(schedule=NOON))) as home:
        answers(home, status, at("18:45", 24))
        lives(home, at("22:00", 24))
        assert home.outcomes()[-1] == "success"
        assert set(home.outcomes()[:-1]) == {"failed"}
        assert home.pauses() == PAUSES[: len(home.pauses())]
        assert at("18:45", 24) < home.began()[-1] < at("19:50", 24)
        assert {run.due_at for run in home.past_runs()} == {DUE}


def test_after_a_success_the_pauses_begin_anew(tmp_path: Path) -> None:
    """What fails the next time is tried again after a minute."""
    with household(tmp_path, configuration(entry(schedule='"30 12,20 * * *"'))) as home:
        answers(home, 500, at("12:50", 24))
        lives(home, at("19:00", 24))
        assert home.outcomes() == ["failed"] * 5 + ["success"]
        assert home.pauses() == PAUSES[:5]
        answers(home, 500, at("20:33", 24), since=at("20:30", 24))
        lives(home, at("22:00", 24))
        assert home.outcomes()[6:] == ["failed"] * 2 + ["success"]
        assert home.pauses()[6:] == PAUSES[:2]


def test_the_next_due_moment_takes_the_place_of_the_next_try(tmp_path: Path) -> None:
    """It begins on time, is a first try again, and what it answers is the new moment."""
    with household(tmp_path, configuration(entry(schedule='"30 12,14 * * *"'))) as home:
        answers(home, 500, at("14:31", 24))
        lives(home, at("18:00", 24))
        assert home.pauses()[:6] == PAUSES[:6]
        assert home.pauses()[-1] == MINUTE
        second = at("14:30", 24)
        assert home.began()[-2] == second
        assert [run.due_at for run in home.past_runs()] == [DUE] * 7 + [second] * 2
        assert home.outcomes() == ["failed"] * 8 + ["success"]


def test_a_registry_that_another_process_works_on_is_tried_again_likewise(tmp_path: Path) -> None:
    """It is told that the run did not begin, and why; nothing is asked of the provider meanwhile by a run."""
    with household(tmp_path, configuration(entry(schedule=NOON))) as home:

        async def story() -> None:
            async with home.process() as process:
                with home.house.application() as other, other.ledger.hold("acme"):
                    await home.until(at("12:36", 24))
                await home.until(at("13:00", 24))
                assert metric(process, "runs_total acme clean failed") == 3
                assert metric(process, "runs_total acme clean success") == 1

        home.run(story())
        assert home.outcomes() == ["not begun"] * 3 + ["success"]
        assert home.pauses() == PAUSES[:3]
        told = [each for _, each in home.told(RunNotBegun)]
        assert {each.kind for each in told} == {RunKind.CLEAN}
        assert all("Another run holds the registry acme" in each.error for each in told)
        assert len(home.told(RunBegan)) == 1
        assert [run.due_at for run in home.past_runs()] == [DUE]


def test_a_run_that_was_asked_for_answers_what_failed_before(tmp_path: Path) -> None:
    """It takes the place of the next try; when it succeeds nothing more is tried, and the due moment is answered."""
    with household(tmp_path, configuration(entry(schedule=NOON))) as home:
        answers(home, 500, at("12:50", 24))

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("12:55", 24))
                process.keeper.start_run("acme")
                await home.until(at("15:00", 24))

        home.run(story())
        assert home.began()[-1] == at("12:55", 24)
        assert home.outcomes()[-2:] == ["failed", "success"]
        assert home.past_runs()[-1].due_at == DUE


def test_what_is_held_back_is_not_tried_again(tmp_path: Path) -> None:
    """It waits for a person, and no try changes that."""
    text = configuration(entry(schedule=NOON)).replace("share: 100%", "share: 10%")
    with household(tmp_path, text) as home:
        lives(home, DUE + 6 * HOUR)
        assert home.outcomes() == ["held_back"]
