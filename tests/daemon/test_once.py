"""`cleaner run --once`: one round of every registry's runs, side by side, and the exit codes that they deserve."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.daemon.once import one_round
from cleaner.daemon.runs import carrying
from cleaner.model.event import ManifestDeleted, RunBegan, RunEnded, RunNotBegun
from cleaner.model.run import STOPPED, RunKind
from tests.daemon.household import HOUR, Household, account, configuration, entry, household, versions
from tests.house import path_of

COLLECTED = '{schedule: "0 4 * * *", min_freed: 0B}'
NAMES = ("acme", "beta")
MANY = 24


def round_of(home: Household, stop_after: float | None = None) -> list[int]:
    """The exit codes of one round; stopped so many seconds after the first deletion."""

    async def story() -> list[int]:
        with home.house.application() as application:
            carry = carrying(application, home.memory.hear)
            rounds = asyncio.create_task(one_round(home.house.settings.registries, carry, home.memory.hear))
            if stop_after is not None:
                await home.hears(ManifestDeleted)
                await asyncio.sleep(stop_after)
                rounds.cancel()
            return await rounds

    return home.run(story())


def test_each_registry_has_each_of_its_runs_once_and_side_by_side(tmp_path: Path) -> None:
    """Cleaned, or only planned where nothing is enforced; collected where that has a timetable of its own."""
    text = configuration(
        entry("acme", schedule='"0 2 * * *"', garbage_collection=COLLECTED), entry("beta"), entry("gamma", mode="plan")
    )
    world = account(acme=versions(MANY), beta=versions(MANY), gamma=versions())
    with household(tmp_path, text, world) as home:
        assert round_of(home) == [0, 0, 0, 0]
        kinds = [(told.registry, told.kind) for _, told in home.told(RunBegan)]
        assert sorted(kinds) == [
            ("acme", RunKind.CLEAN),
            ("acme", RunKind.COLLECT),
            ("beta", RunKind.CLEAN),
            ("gamma", RunKind.PLAN),
        ]
        assert home.told(RunBegan, "beta")[0][0] < home.told(RunEnded, "acme")[0][0]
        assert [len(home.house.digests(name)) for name in ("acme", "beta", "gamma")] == [2, 2, 4]
        assert {run.due_at for run in home.past_runs()} == {None}


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its code is 1, and nothing is tried again: one round is one round."""
    text = configuration(*(entry(name) for name in NAMES))
    with household(tmp_path, text, account(acme=versions(), beta=versions())) as home:
        home.house.network.before = lambda request: (
            httpx.Response(500, json={"id": "trouble", "message": "no"}) if "/acme/" in path_of(request) else None
        )
        assert round_of(home) == [1, 0]
        assert home.outcomes("acme") == ["failed"]
        assert len(home.house.digests("beta")) == 2


def test_one_that_another_process_holds_is_told_as_not_begun(tmp_path: Path) -> None:
    """Its code is that of the error; its other runs are tried all the same."""
    text = configuration(entry("acme", garbage_collection=COLLECTED), entry("beta"))
    with household(tmp_path, text, account(acme=versions(), beta=versions())) as home:
        with home.house.application() as other, other.ledger.hold("acme"):
            assert round_of(home) == [1, 1, 0]
        assert [told.kind for _, told in home.told(RunNotBegun, "acme")] == [RunKind.CLEAN, RunKind.COLLECT]


def test_what_is_held_back_is_3(tmp_path: Path) -> None:
    """As for `apply`."""
    with household(tmp_path, configuration(entry()).replace("share: 100%", "share: 10%")) as home:
        assert round_of(home) == [3]


@pytest.mark.parametrize("after", [0.0, 2.0, 7.0])
def test_a_stop_gives_130_and_finishes_what_is_in_hand(tmp_path: Path, after: float) -> None:
    """On every registry; no deletion is sent afterwards, and no further run begins."""
    text = configuration(entry("acme", garbage_collection=COLLECTED), entry("beta"))
    with household(tmp_path, text, account(acme=versions(MANY), beta=versions(MANY))) as home:
        home.house.network.delay = lambda request: 5.0 if request.method == "DELETE" else 0.0
        began = home.house.now()
        assert round_of(home, stop_after=after) == [STOPPED, STOPPED]
        assert home.house.now() - began < HOUR
        (stopped_at, _) = home.told(ManifestDeleted)[0]
        stopped_at += timedelta(seconds=after + 0.001)
        assert all(moment <= stopped_at for moment, _ in home.deletes())
        assert {past.outcome for past in home.past_deletions() if past.error is None} == {"deleted"}
        assert [run.exit_code for run in home.past_runs()] == [STOPPED, STOPPED]
        assert {told.kind for _, told in home.told(RunBegan)} == {RunKind.CLEAN}


def test_a_stop_while_only_reading_is_130_as_well(tmp_path: Path) -> None:
    """Nothing is in hand then, and nothing is finished: it ends at once."""
    with household(tmp_path, configuration(entry())) as home:

        async def story() -> list[int]:
            with home.house.application() as application:
                carry = carrying(application, home.memory.hear)
                rounds = asyncio.create_task(one_round(home.house.settings.registries, carry, home.memory.hear))
                await asyncio.sleep(0)
                rounds.cancel()
                return await rounds

        assert home.run(story()) == [STOPPED]
        assert len(home.house.network.seen) == 1
