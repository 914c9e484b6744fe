"""One registry's worker: one thing at a time, nothing lost, nothing twice, whatever comes in whichever order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.worker import Worker
from cleaner.errors import RunInProgress
from cleaner.model.event import Event, RunNotBegun
from cleaner.model.report import Report
from cleaner.model.run import Firing, RunKind, Schedule
from tests.daemon.events import report
from tests.daemon.household import NIGHTLY, at, configuration, entry
from tests.virtual_time import VirtualTimeLoop

CLEANING, COLLECTION = Schedule.CLEANING, Schedule.COLLECTION
LINE = "30 2 * * * UTC"
FIRST, SECOND = Firing(CLEANING, LINE, at("2:30")), Firing(CLEANING, LINE, at("2:30", 26))
COLLECTED = '{schedule: "0 4 * * *"}'
RUN, IN_HAND, FORECAST = 60.0, 5.0, 20.0


@dataclass(slots=True)
class Work:
    """What a worker was about: `runs` are begin, end, the due moment answered, and the outcome."""

    registry: RegistrySettings
    outcomes: list[str] = field(default_factory=list)
    runs: list[tuple[float, float, Firing | None, str]] = field(default_factory=list)
    kinds: list[RunKind] = field(default_factory=list)
    forecasts: list[tuple[float, float]] = field(default_factory=list)
    broken_off: int = 0
    told: list[Event] = field(default_factory=list)

    async def carry(self, _: RegistrySettings, kind: RunKind, firing: Firing | None) -> Report:
        """A run takes a minute; stopped, it has something in hand for five seconds more."""
        began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        self.kinds.append(kind)
        outcome = self.outcomes.pop(0) if self.outcomes else "success"
        if outcome == "held":
            self.runs.append((began, began, firing, outcome))
            raise RunInProgress("held by another process", "wait")
        try:
            await asyncio.sleep(RUN)
        except asyncio.CancelledError:
            outcome = "stopped"
            await self._finish()
        self.runs.append((began, loop.time(), firing, outcome))
        return report(outcome)

    async def _finish(self) -> None:
        try:
            await asyncio.sleep(IN_HAND)
        except asyncio.CancelledError:
            self.broken_off += 1
            raise

    async def forecast(self, _: RegistrySettings) -> None:
        """It takes twenty seconds."""
        began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        try:
            await asyncio.sleep(FORECAST)
        finally:
            self.forecasts.append((began, loop.time()))


@pytest.fixture
def registry(tmp_path: Path) -> RegistrySettings:
    """One that is cleaned each night, and collected on a schedule of its own."""
    return settings(tmp_path, schedule=NIGHTLY, garbage_collection=COLLECTED)


def settings(folder: Path, **keys: str) -> RegistrySettings:
    """The registry of such a configuration."""
    path = folder / "config.yaml"
    path.write_text(configuration(entry(**keys)), encoding="utf-8")
    return load(path, {}).registries[0]


Story = Callable[[Worker], Coroutine[Any, Any, None]]


def works(registry: RegistrySettings, story: Story, *outcomes: str) -> Work:
    """What a worker was about while the story happened and five hours afterwards; runs end so, then well."""
    work = Work(registry, list(outcomes))

    async def life() -> None:
        worker = Worker(registry, work.carry, work.forecast, work.told.append)
        working = asyncio.create_task(worker.work())
        await story(worker)
        await asyncio.sleep(5 * 3600)
        worker.stop()
        await working
        await asyncio.sleep(5 * 3600)

    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(life())
    finally:
        loop.close()
    assert all(ended <= begins for (_, ended, *_), (begins, *_) in zip(work.runs, work.runs[1:], strict=False))
    return work


def moments(work: Work) -> list[float]:
    """When the runs began."""
    return [began for began, *_ in work.runs]


def answered(work: Work) -> list[tuple[Firing | None, str]]:
    """Which due moment each run was for, and its outcome."""
    return [(firing, outcome) for _, _, firing, outcome in work.runs]


def test_what_is_wanted_often_before_it_begins_is_done_once(registry: RegistrySettings) -> None:
    """And answers the newest due moment; a person's wish among them takes nothing away."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        worker.want(CLEANING, SECOND)
        worker.want(CLEANING)

    assert answered(works(registry, story)) == [(SECOND, "success")]


def test_what_is_wanted_during_a_run_is_done_once_after_it(registry: RegistrySettings) -> None:
    """Whoever wants it, and however often."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(10)
        for _ in range(3):
            worker.want(CLEANING)

    work = works(registry, story)
    assert moments(work) == [0.0, RUN]
    assert answered(work) == [(FIRST, "success"), (None, "success")]


def test_both_schedules_are_served_in_the_order_of_their_moments(registry: RegistrySettings) -> None:
    """One after the other: there is one run a registry at a time."""

    async def story(worker: Worker) -> None:
        worker.want(COLLECTION, Firing(COLLECTION, "0 4 * * * UTC", at("4:00")))
        worker.want(CLEANING, FIRST)

    work = works(registry, story)
    assert work.kinds == [RunKind.COLLECT, RunKind.CLEAN]
    assert moments(work) == [0.0, RUN]


def test_a_forecast_keeps_no_run_waiting_and_follows_each(registry: RegistrySettings) -> None:
    """One is made at first, broken off when a run is wanted, and begun anew after the run."""

    async def story(worker: Worker) -> None:
        await asyncio.sleep(10)
        worker.want(CLEANING, FIRST)

    work = works(registry, story)
    assert moments(work) == [10.0]
    assert work.forecasts == [(0.0, 10.0), (10.0 + RUN, 10.0 + RUN + FORECAST)]


@pytest.mark.parametrize("trouble", ["failed", "held"])
def test_a_failure_is_tried_again_for_the_same_due_moment(registry: RegistrySettings, trouble: str) -> None:
    """After a minute, two, four; the pauses are as short as at first after a success."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(3600)
        worker.want(CLEANING, SECOND)

    work = works(registry, story, trouble, trouble, "success", trouble, "success")
    pauses = [began - ended for (_, ended, *_), (began, *_) in zip(work.runs, work.runs[1:], strict=False)]
    assert [pauses[0], pauses[1], pauses[3]] == [60.0, 120.0, 60.0]
    assert [firing for firing, _ in answered(work)] == [FIRST] * 3 + [SECOND] * 2
    assert len([e for e in work.told if isinstance(e, RunNotBegun)]) == (3 if trouble == "held" else 0)


def test_a_run_that_was_asked_for_answers_the_due_moment_that_a_failed_one_left_open(
    registry: RegistrySettings,
) -> None:
    """Should the process end meanwhile, the next one knows that it was due."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(90)
        worker.want(CLEANING)

    assert answered(works(registry, story, "failed")) == [(FIRST, "failed"), (FIRST, "success")]


def test_other_settings_stop_a_run_and_it_is_begun_anew(registry: RegistrySettings) -> None:
    """For the same due moment, as soon as what it had in hand is finished."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(10)
        worker.adopt(replace(registry, deletions=7))

    work = works(registry, story)
    assert answered(work) == [(FIRST, "stopped"), (FIRST, "success")]
    assert moments(work) == [0.0, 10.0 + IN_HAND]


def test_a_wish_during_a_run_that_other_settings_stop_does_not_take_its_due_moment(registry: RegistrySettings) -> None:
    """The run that is begun anew is both."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(10)
        worker.want(CLEANING)
        worker.adopt(replace(registry, deletions=7))

    assert answered(works(registry, story)) == [(FIRST, "stopped"), (FIRST, "success")]


Interrupt = Callable[[Worker, RegistrySettings], None]
TWICE: dict[str, tuple[Interrupt, Interrupt]] = {
    "two reloads": (lambda w, r: w.adopt(replace(r, deletions=7)), lambda w, r: w.adopt(replace(r, deletions=8))),
    "a reload and a stop": (lambda w, r: w.adopt(replace(r, deletions=7)), lambda w, _: w.stop()),
    "two stops": (lambda w, _: w.stop(), lambda w, _: w.stop()),
}


@pytest.mark.parametrize("pause", [0.0, 2.0])
@pytest.mark.parametrize("case", TWICE)
def test_what_is_in_hand_is_finished_also_when_it_is_stopped_twice(
    registry: RegistrySettings, case: str, pause: float
) -> None:
    """The second time must not break off what the first one let finish."""
    first, second = TWICE[case]

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(10)
        first(worker, registry)
        await asyncio.sleep(pause)
        second(worker, registry)

    work = works(registry, story)
    assert work.broken_off == 0
    assert work.runs[0] == (0.0, 10.0 + IN_HAND, FIRST, "stopped")
    assert len(work.runs) == (2 if case == "two reloads" else 1)


@pytest.mark.parametrize("outcome", ["success", "failed", "stopped"])
def test_a_schedule_that_is_dropped_leaves_nothing_due(tmp_path: Path, outcome: str) -> None:
    """Neither a run that failed nor one that was stopped by that is begun again."""
    scheduled, without = settings(tmp_path, schedule=NIGHTLY), settings(tmp_path)

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(10 if outcome == "stopped" else RUN + 10)
        worker.adopt(without)

    assert answered(works(scheduled, story, outcome)) == [(FIRST, outcome)]


def test_a_wish_survives_that_there_is_no_schedule(tmp_path: Path) -> None:
    """A person asked for it: other settings only begin it anew."""
    without = settings(tmp_path)

    async def story(worker: Worker) -> None:
        worker.want(CLEANING)
        await asyncio.sleep(10)
        worker.adopt(replace(without, deletions=7))

    assert answered(works(without, story)) == [(None, "stopped"), (None, "success")]


@pytest.mark.parametrize("after", [0.0, 10.0, RUN + 10, RUN + 30.0])
def test_after_a_stop_nothing_begins(registry: RegistrySettings, after: float) -> None:
    """Not what is wanted, not another try, not a forecast: whether it was running, waiting to try again, or idle."""

    async def story(worker: Worker) -> None:
        worker.want(CLEANING, FIRST)
        await asyncio.sleep(after)
        worker.want(CLEANING)
        worker.stop()
        worker.want(COLLECTION)

    work = works(registry, story, "failed", "failed")
    assert all(began <= after for began in [*moments(work), *(began for began, _ in work.forecasts)])
