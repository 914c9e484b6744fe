"""A run that is stopped: the requests in hand are finished, recorded and reported, and nothing more is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cleaner.cleaning.orders import Mandate
from cleaner.ledger.history import PastDeletion, PastRun
from cleaner.model.event import RunBegan, RunEnded
from cleaner.model.report import Report
from cleaner.model.run import STOPPED
from tests.house import House
from tests.shelves import Shelf, house, policy, registry
from tests.slow_disk import SlowDiskLoop

UNSENT, TOLD = "the run was stopped before it was sent", "stopped; the next run goes on from here"
ON_THE_WAY = 5.0


@dataclass(slots=True)
class Stopped:
    """A run that was stopped `at` this moment of the loop, and when it had ended."""

    house: House
    report: Report | None
    at: float
    ended: float

    @property
    def sent(self) -> list[tuple[float, str]]:
        """The deletions that were sent, by moment and digest."""
        network = self.house.network
        moments = [network.moments[place] for place in network.places("DELETE")]
        return [(m, path.rpartition("/")[2]) for m, path in zip(moments, network.sent("DELETE"), strict=True)]

    def deletions(self) -> list[PastDeletion]:
        """The ledger's deletions."""
        with self.house.application() as application:
            return list(application.ledger.history.deletions(1000))

    def run(self) -> PastRun:
        """The ledger's only run."""
        with self.house.application() as application:
            (run,) = application.ledger.history.runs(10)
            return run

    def gone(self) -> set[str]:
        """The digests that are no longer there."""
        return {digest for _, digest in self.before - self.house.digests()}

    @property
    def before(self) -> set[tuple[str, str]]:
        """What was there at first."""
        return {("shop", str(entry["digest"])) for entry in _shelf().manifests}


def _shelf() -> Shelf:
    shelf = Shelf()
    for number in range(24):
        shelf.image(f"v{number}", days=100 - number)
    return shelf


@contextmanager
def cleaned(folder: Path, *, disk: float = 0.0, top: str = "") -> Iterator[House]:
    """A house that has 22 of 24 versions to delete, each deletion five seconds on its way; the disk takes `disk`."""
    with house(registry(_shelf()), policy('[{tags: ["v*"], last: 2}]', top=top), folder) as world:
        if disk:
            world.loop.close()
            world.loop = SlowDiskLoop(disk)
        world.network.delay = lambda request: ON_THE_WAY if request.method == "DELETE" else 0.0
        yield world


def stop(world: House, at: float) -> Stopped:
    """A run that is stopped at that moment."""
    return stop_when(world, asyncio.sleep(at))


def stop_when(world: House, moment: Coroutine[Any, Any, None]) -> Stopped:
    """A run that is stopped when the moment has come, or has ended before."""

    async def story() -> Stopped:
        loop = asyncio.get_running_loop()
        with world.application() as application:
            run = asyncio.create_task(application.clean(world.registry, Mandate(), world.events.append))
            await moment
            stopped_at = loop.time()
            run.cancel()
            await asyncio.wait([run])
            return Stopped(world, None if run.cancelled() else run.result(), stopped_at, loop.time())

    return world.run(story())


def check(stopped: Stopped) -> None:
    """What holds of every run that was stopped, whenever it was."""
    assert all(moment <= stopped.at for moment, _ in stopped.sent)
    assert stopped.ended - stopped.at < ON_THE_WAY + 1
    outcomes = {past.digest: (past.outcome, past.error) for past in stopped.deletions()}
    assert {digest for digest, (outcome, _) in outcomes.items() if outcome == "deleted"} == stopped.gone()
    assert {digest for _, digest in stopped.sent} == stopped.gone()
    assert {outcome for outcome in outcomes.values() if outcome[0] != "deleted"} <= {("failed", UNSENT)}
    told = {type(event): event for event in stopped.house.events}
    if RunBegan not in told:
        return
    ended = told[RunEnded]
    assert isinstance(ended, RunEnded)
    assert (ended.report.exit_code, ended.report.error) == (STOPPED, TOLD)
    assert {deleted.digest for deleted in ended.report.deleted} == stopped.gone()
    assert (stopped.run().exit_code, stopped.run().deleted) == (STOPPED, len(stopped.gone()))


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 4.0, 6.0, 6.9, 11.0, 13.0, 20.0])
def test_what_is_in_hand_is_finished_recorded_and_reported(tmp_path: Path, at: float) -> None:
    """Whatever the run was about when the stop came; no intent stays open, and no deletion is sent afterwards."""
    with cleaned(tmp_path) as world:
        check(stop(world, at))


@pytest.mark.parametrize("tenths", range(0, 200, 7))
def test_so_it_is_when_the_stop_comes_while_something_is_written_down(tmp_path: Path, tenths: int) -> None:
    """The disk takes a tenth of a second for each write: the stop meets intents and outcomes on their way to it."""
    with cleaned(tmp_path, disk=0.1) as world:
        check(stop(world, tenths / 10 + 0.05))


@pytest.mark.parametrize("hundredths", range(1190, 1300, 7))
def test_a_stop_while_it_is_settled_what_became_of_lost_answers_sends_nothing(tmp_path: Path, hundredths: int) -> None:
    """A run that has looked what became of them, and writes that down, does not go on to the next deletions."""
    with cleaned(tmp_path, disk=0.1) as world:
        world.network.after = lose_the_answer
        stopped = stop(world, hundredths / 100)
        assert all(moment <= stopped.at for moment, _ in stopped.sent)
        assert stopped.ended - stopped.at < ON_THE_WAY + 1
        assert stopped.run().exit_code == STOPPED


def lose_the_answer(request: httpx.Request, _: httpx.Response) -> None:
    """The connection breaks after a deletion was carried out."""
    if request.method == "DELETE":
        raise httpx.ReadError("broken")


def test_a_stop_in_the_middle_of_the_deletions_was_tried(tmp_path: Path) -> None:
    """Were nothing in hand, the tests above would pass on nothing."""
    with cleaned(tmp_path) as world:
        stopped = stop(world, 8.0)
        assert stopped.ended - stopped.at > 1
        assert 0 < len(stopped.gone()) < 22


def test_a_deletion_that_waits_for_the_budget_is_not_sent(tmp_path: Path) -> None:
    """Its intent is closed: it says that it was not sent."""
    with cleaned(tmp_path, top="api: {rate_limit: {per_minute: 12, per_hour: 0, reserve: 0%}}") as world:
        stopped = stop(world, 10.0)
        check(stopped)
        assert [past.error for past in stopped.deletions() if past.outcome == "failed"]


def test_a_deletion_that_is_answered_with_429_after_the_stop_is_not_sent_again(tmp_path: Path) -> None:
    """The provider asks for a pause that would outlast any grace; what it refused was not carried out."""
    with cleaned(tmp_path) as world:
        world.network.before = lambda request: (
            httpx.Response(
                429, headers={"retry-after": "240"}, json={"id": "too_many_requests", "message": "slow down"}
            )
            if request.method == "DELETE"
            else None
        )
        stopped = stop(world, 3.0)
        assert stopped.ended - stopped.at < ON_THE_WAY + 1
        assert stopped.sent
        assert stopped.gone() == set()
        assert {past.outcome for past in stopped.deletions()} == {"failed"}
        assert all(moment <= stopped.at for moment, _ in stopped.sent)


@pytest.mark.parametrize("disk", [0.0, 0.1])
@pytest.mark.parametrize("later", [0.0, 2.0, 4.95, 5.05, 5.15, 5.3])
def test_a_collection_that_was_started_is_left_and_remembered_as_ours(
    tmp_path: Path, later: float, disk: float
) -> None:
    """Its start is finished and written down; the run does not wait for its end, and the next one adopts it."""
    with cleaned(tmp_path, disk=disk) as world:
        world.network.delay = lambda request: ON_THE_WAY if request.method == "POST" else 0.0
        stopped = stop_when(world, asked_for_a_collection(world, later))
        (collection,) = world.registry_of_the_world().collections
        with world.application() as application:
            assert application.ledger.is_ours("acme", collection.uuid)
        assert stopped.ended - stopped.at < ON_THE_WAY + 1
        assert stopped.run().exit_code == STOPPED
        assert len(stopped.gone()) == 22


async def asked_for_a_collection(world: House, later: float) -> None:
    """So many seconds after the run has asked for one."""
    while not world.network.places("POST", "/garbage-collection"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(later)


def test_the_next_run_goes_on_from_there(tmp_path: Path) -> None:
    """It deletes what is left, each once, and collects all."""
    with cleaned(tmp_path) as world:
        stop(world, 8.0)
        world.network.delay = lambda _: 0.0
        report = world.apply()
        assert report.exit_code == 0
        sent = world.network.sent("DELETE")
        assert len(sent) == len(set(sent)) == 22
        assert report.collection is not None
        assert report.collection.blobs_deleted == 22


def test_a_stop_lets_go_of_the_registry(tmp_path: Path) -> None:
    """Another process can work on it at once."""
    with cleaned(tmp_path) as world:
        stop(world, 8.0)
        with world.application() as application, application.ledger.hold("acme"):
            assert application.ledger.unsettled("acme") == ()
