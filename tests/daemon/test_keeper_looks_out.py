"""Between its runs the daemon forecasts the next one and looks at the registry; what fails there is only a warning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.model.event import Planned, RegistryWatched, RunBegan, RunEnded, StorageSeen, Warned
from tests.changes import collect
from tests.daemon.household import (
    HOUR,
    MINUTE,
    NIGHTLY,
    Household,
    account,
    at,
    configuration,
    entry,
    household,
    metric,
    versions,
)
from tests.house import CONTROL, START, path_of

DUE = at("2:30")
SCHEDULED = configuration(entry(schedule=NIGHTLY))
SWITCH = "https://switch.example/ping/secret"
WATCHED = configuration(entry(schedule='"0 13 * * *"', heartbeat="{url: {env: SWITCH}}"))
PAUSED = httpx.Response(500, json={"id": "trouble", "message": "not now"})


def lives(home: Household, until: datetime) -> None:
    """One process, until then."""

    async def story() -> None:
        async with home.process():
            await home.until(until)

    home.run(story())


def forecasts(home: Household) -> list[tuple[datetime, int]]:
    """Each plan that was made outside any run: its minute, and how many manifests it condemns."""
    plans: list[tuple[datetime, int]] = []
    running = False
    for moment, told in home.heard:
        running = isinstance(told, RunBegan) or (running and not isinstance(told, RunEnded))
        if isinstance(told, Planned) and not running:
            plans.append((moment.replace(second=0, microsecond=0), len(told.plan.deletions)))
    return plans


def test_a_forecast_follows_the_start_and_each_run(tmp_path: Path) -> None:
    """It says what the next run will do, and not what the last one did."""
    with household(tmp_path, SCHEDULED) as home:
        lives(home, DUE + HOUR)
        assert forecasts(home) == [(START, 2), (DUE, 0)]


def test_a_forecast_is_made_for_the_moment_at_which_the_next_run_is_due(tmp_path: Path) -> None:
    """What is too young now and will be too old then is shown as going."""
    keep = '[{tags: ["v*"], within: 33d}]'
    text = configuration(entry(schedule='"0 9 26 * *"', keep=keep))
    with household(tmp_path, text) as home:
        lives(home, START + MINUTE)
        assert forecasts(home) == [(START, 3)]
        assert len(home.house.plan().deletions) < 3


def test_a_registry_without_a_schedule_is_forecast_as_of_now(tmp_path: Path) -> None:
    """For whoever thinks of asking for a run."""
    with household(tmp_path, configuration(entry())) as home:
        lives(home, START + HOUR)
        assert forecasts(home) == [(START, 2)]


def test_a_forecast_follows_a_reload(tmp_path: Path) -> None:
    """Of what has changed: the other registry's stays as it is."""
    text = configuration(entry(), entry("beta"))
    with household(tmp_path, text, account(acme=versions(), beta=versions())) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + HOUR)
                home.configure(configuration(entry(keep='[{tags: ["v*"], last: 1}]'), entry("beta")))
                assert await process.keeper.reload() is None
                await home.until(START + 2 * HOUR)

        home.run(story())
        assert forecasts(home) == [(START, 2), (START, 2), (START + HOUR, 3)]


def test_a_forecast_gives_way_to_a_run_that_is_due(tmp_path: Path) -> None:
    """The run begins on time, however slow the provider is, and a forecast follows it."""
    with household(tmp_path, configuration(entry(schedule='"0 13 * * *"'))) as home:
        due = at("13:00", 24)
        home.house.network.delay = lambda _: 50.0 if home.house.now() < due else 0.0

        async def story() -> None:
            await home.until(due - MINUTE)
            async with home.process():
                await home.until(due + HOUR)

        home.run(story())
        assert home.began() == [due]
        assert home.outcomes() == ["success"]
        assert forecasts(home) == [(due, 0)]


TROUBLES: dict[str, Callable[[httpx.Request], httpx.Response | None]] = {
    "500": lambda _: PAUSED,
    "401": lambda _: httpx.Response(401, json={"id": "unauthorized", "message": "no"}),
    "no JSON": lambda request: httpx.Response(200, text="<html>") if request.url.host == CONTROL else None,
}


@pytest.mark.parametrize("case", TROUBLES)
def test_a_forecast_or_a_look_that_fails_is_a_warning_and_nothing_else(tmp_path: Path, case: str) -> None:
    """Nothing ends, nothing is tried again before its time, and the next run is as good as ever."""
    with household(tmp_path, SCHEDULED) as home:
        until = at("13:02", 24)
        home.house.network.before = lambda request: TROUBLES[case](request) if home.house.now() < until else None

        async def story() -> None:
            async with home.process() as process:
                await home.until(at("13:02", 24))
                warnings = [told.text for _, told in home.told(Warned)]
                assert len([text for text in warnings if "what the next run would do is not known" in text]) == 1
                # The collection at 0, 5, … 60 minutes, the storage at 0 and 60, the audit at 60.
                assert len([text for text in warnings if "could not be looked at between runs" in text]) == 13 + 2 + 1
                assert metric(process, "warnings_total acme") == len(warnings) == 17
                assert home.told(RegistryWatched) == []
                await home.until(DUE + MINUTE)

        home.run(story())
        assert home.outcomes() == ["success"]
        assert home.told(RegistryWatched) != []
        assert forecasts(home) == [(DUE, 0)]


def test_a_collection_that_somebody_else_started_is_seen_within_five_minutes(tmp_path: Path) -> None:
    """And that it has ended, as well: event, metrics and status page say so, without any run."""
    with household(tmp_path, SCHEDULED, collection=HOUR) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + HOUR + MINUTE)
                collect(home.house)
                began = home.house.now()
                seen = await seen_active(home)
                assert home.house.now() - began < 5 * MINUTE
                assert seen.active is not None
                assert metric(process, f"collection_active acme {seen.active.status}") == 1
                start = metric(process, "collection_active_start_timestamp_seconds acme")
                assert start == pytest.approx(began.timestamp(), abs=2)
                (facts,) = process.keeper.listeners.board.registries()
                assert facts.active is not None
                await home.until(began + HOUR + 5 * MINUTE)
                assert metric(process, "collection_active_start_timestamp_seconds acme") == 0
                read_only = metric(process, "read_only_seconds_total acme")
                assert read_only == pytest.approx(3600, abs=600)

        home.run(story())
        assert home.began() == []
        assert {request.method for request in home.house.network.seen} <= {"GET", "HEAD"}


async def seen_active(home: Household) -> RegistryWatched:
    """The first look that shows an active collection."""
    while (seen := await home.hears(RegistryWatched, within=HOUR)).active is None:
        pass
    return seen


def test_the_storage_is_looked_at_each_hour(tmp_path: Path) -> None:
    """And the collection every five minutes, also while a run is under way."""
    with household(tmp_path, SCHEDULED) as home:
        lives(home, START + 4 * HOUR + MINUTE)
        stored = [moment.replace(second=0, microsecond=0) for moment, _ in home.told(StorageSeen)]
        assert stored == [START + n * HOUR for n in range(5)]
        assert len(home.told(RegistryWatched)) == 4 * 12 + 1


def beats(home: Household) -> list[tuple[datetime, str]]:
    """What the dead man's switch was told, and when."""
    network = home.house.network
    return [
        (START + timedelta(seconds=round(moment)), path_of(request).removeprefix("/ping/secret"))
        for request, moment in zip(network.seen, network.moments, strict=True)
        if request.url.host == "switch.example"
    ]


def switched(home: Household, status: int, trouble_until: datetime) -> None:
    """The switch answers so; the provider is in trouble until then."""

    def before(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "switch.example":
            return httpx.Response(status, text="OK")
        return PAUSED if at("13:00", 24) <= home.house.now() < trouble_until else None

    home.house.network.before = before


@pytest.fixture(autouse=True)
def switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch's URL is in the environment."""
    monkeypatch.setenv("SWITCH", SWITCH)


def test_a_dead_mans_switch_hears_of_each_run(tmp_path: Path) -> None:
    """That it begins, that it failed, that it succeeded; each try is a run, and forecasts and looks are none."""
    with household(tmp_path, WATCHED) as home:
        switched(home, 200, at("13:01", 24))
        lives(home, at("15:00", 24))
        assert [told for _, told in beats(home)] == ["/start", "/fail", "/start", ""]
        assert beats(home)[0][0] == at("13:00", 24)


def test_a_switch_does_not_hear_of_a_run_that_another_process_kept_from_beginning(tmp_path: Path) -> None:
    """That other run tells the switch; ours does once it can begin."""
    with household(tmp_path, WATCHED) as home:
        switched(home, 200, START)

        async def story() -> None:
            async with home.process():
                with home.house.application() as other, other.ledger.hold("acme"):
                    await home.until(at("13:00", 24) + MINUTE / 2)
                    assert home.outcomes() == ["not begun"]
                await home.until(at("14:00", 24))

        home.run(story())
        assert [told for _, told in beats(home)] == ["/start", ""]


def test_a_switch_hears_of_a_run_that_could_not_be_written_down(tmp_path: Path) -> None:
    """Without a record nothing is begun: that is a failure, until a try succeeds."""
    with household(tmp_path, WATCHED) as home:
        switched(home, 200, START)

        async def story() -> None:
            async with home.process():
                await home.until(at("12:59", 24))
                home.alter("runs", "away")
                await home.until(at("13:00", 24) + MINUTE / 2)
                home.alter("away", "runs")
                await home.until(at("14:00", 24))

        home.run(story())
        assert [told for _, told in beats(home)] == ["/fail", "/start", ""]
        assert home.outcomes() == ["not begun", "success"]


@pytest.mark.parametrize("status", [404, 500])
def test_a_dead_switch_delays_nothing(tmp_path: Path, status: int) -> None:
    """The run begins and ends as it does without one; that it was not told is in the log, its URL is not."""
    took: list[timedelta] = []
    for text in (configuration(entry(schedule='"0 13 * * *"')), WATCHED):
        folder = tmp_path / str(len(took))
        folder.mkdir()
        with household(folder, text) as home:
            switched(home, status, START)
            home.house.network.delay = lambda request: 4.0 if request.url.host == "switch.example" else 0.0
            lives(home, at("14:00", 24))
            assert home.outcomes() == ["success"]
            assert home.began() == [at("13:00", 24)]
            took += [told.duration for _, told in home.told(RunEnded)]
            assert "secret" not in home.log.getvalue()
    assert took[1] - took[0] < timedelta(seconds=0.001)
    assert [line for line in home.lines("warning") if "dead man's switch" in line["detail"]]


def test_the_last_heartbeats_are_sent_before_the_process_is_gone(tmp_path: Path) -> None:
    """A run that has just ended is told of; a switch that does not answer is waited for a few seconds only."""
    with household(tmp_path, WATCHED) as home:
        switched(home, 200, START)
        home.house.network.delay = lambda request: 2.0 if request.url.host == "switch.example" else 0.0

        async def story() -> timedelta:
            async with home.process() as process:
                await home.hears(RunEnded)
                began = home.house.now()
                assert await process.stop()
                return home.house.now() - began

        assert home.run(story()) < timedelta(seconds=6)
        assert [told for _, told in beats(home)] == ["/start", ""]
