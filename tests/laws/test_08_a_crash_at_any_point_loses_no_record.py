"""Law 8, for whole runs: a crash between any two requests or writes loses no record and repeats no harm.

A fresh application on the same state finishes the work as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cleaner.cleaning.orders import Mandate
from cleaner.errors import RunInProgress
from cleaner.model.report import Report
from cleaner.model.run import STOPPED
from tests.crashes import crashes, points_of
from tests.house import House
from tests.shelves import LAYER_BYTES, Shelf, house, left, policy, registry
from tests.wholeness import Wholeness

CONFIGURATION = policy('[{tags: ["v*"], last: 1}]', rest="untagged: {within: 1d}")


def content() -> dict[str, object]:
    """Two releases, the older of them an index with a child and a signature, and an old orphan."""
    shelf = Shelf()
    index = shelf.index([shelf.image(days=90)], "v1", days=90)
    shelf.signature(index, days=90)
    shelf.image(days=80)
    shelf.image("v2", days=30)
    return registry(shelf)


def records(world: House) -> tuple[Counter[str], int, int]:
    """How often the ledger has each digest as deleted; how many intents are open; how many are not collected."""
    with world.application() as application:
        done = [d.digest for d in application.ledger.history.deletions(100) if d.outcome in ("deleted", "gone")]
        return Counter(done), len(application.ledger.unsettled("acme")), len(application.ledger.uncollected("acme"))


def carried_out(world: House) -> Counter[str]:
    """How often the registry carried out the deletion of each digest."""
    log = world.log.as_json()["requests"]
    assert isinstance(log, list)
    done = [entry["path"] for entry in log if entry["method"] == "DELETE" and entry["status"] in (204, None)]
    return Counter(path.rpartition("/")[2] for path in done)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state in which every manifest is known: a run on it has so many fewer points."""
    directory = tmp_path_factory.mktemp("known")
    with house(content(), CONFIGURATION, directory) as world:
        world.plan()
    return directory / "state.db"


@pytest.fixture
def fresh(tmp_path: Path, known: Path) -> Callable[[], House]:
    """Gives a house with that state, each time another."""
    numbers = itertools.count()

    def make() -> House:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        (directory / "state.db").write_bytes(known.read_bytes())
        return house(content(), CONFIGURATION, directory, collection_duration=timedelta(seconds=2))

    return make


def test_after_a_crash_at_any_point_the_next_run_finishes_the_work(fresh: Callable[[], House]) -> None:
    """Every manifest that is gone has one record, each deletion was carried out once, and all is collected."""
    with fresh() as undisturbed:
        points = points_of(undisturbed, undisturbed.apply)
    for point in range(points):
        with fresh() as world:
            before = {digest for _, digest in world.digests()}
            wholeness = Wholeness(world)
            assert crashes(world, point, world.apply)
            assert wholeness.lacking_children() + wholeness.lacking_attachments() == []
            report = world.apply()
            gone = before - left(world)
            assert (len(gone), report.exit_code) == (4, 0), point
            assert records(world) == (Counter(gone), 0, 0), point
            assert carried_out(world) == Counter(gone), point
            assert world.registry_of_the_world().storage.stored_bytes() == LAYER_BYTES


def test_the_record_of_a_dead_run_stays_in_the_history(tmp_path: Path) -> None:
    """A run that was killed has no exit code, and the one after it notes that it died."""
    with house(content(), CONFIGURATION, tmp_path) as world:
        assert crashes(world, 30, world.apply)
        world.apply()
        with world.application() as application:
            last, first = application.ledger.history.runs(10)
        assert first.exit_code is None
        assert "it died before its end" in (first.error or "")
        assert last.exit_code == 0


def test_one_run_a_registry_at_a_time(tmp_path: Path) -> None:
    """A second run on the same state, in the middle of the first, is refused before it sends anything."""
    with house(content(), CONFIGURATION, tmp_path) as world, world.application() as other:
        refusals: list[RunInProgress] = []

        async def second() -> None:
            try:
                await other.clean(world.registry, Mandate(), world.events.append)
            except RunInProgress as refused:
                refusals.append(refused)

        def meanwhile(request: httpx.Request) -> None:
            if request.method == "DELETE" and not refusals:
                world.loop.create_task(second())

        world.network.before = meanwhile
        assert world.apply().exit_code == 0
        assert refusals
        assert len(world.network.places("GET", "repositoriesV2")) == 3  # the family, the inventory, the last look


def test_no_deletion_is_sent_that_is_not_written_down(tmp_path: Path) -> None:
    """At the moment at which a DELETE leaves, another reader of the state finds its intent."""
    with house(content(), CONFIGURATION, tmp_path) as world, world.application() as other:
        written: list[bool] = []

        def look(request: httpx.Request) -> None:
            if request.method == "DELETE":
                digest = request.url.path.rpartition("/")[2]
                written.append(digest in {intent.digest for intent in other.ledger.unsettled("acme")})

        world.network.before = look
        world.apply()
        assert written == [True] * 4


@pytest.mark.parametrize("carried_out_first", [True, False])
@pytest.mark.parametrize("answer", [200, 202, 302, 418, 500, 504, None])
def test_an_answer_that_leaves_it_open_is_settled_by_looking(
    tmp_path: Path, answer: int | None, *, carried_out_first: bool
) -> None:
    """Whatever a DELETE was answered with, or nothing: the record says what the next listing says."""
    lost: list[str] = []

    def answered(request: httpx.Request) -> httpx.Response | None:
        if request.method != "DELETE" or lost:
            return None
        lost.append(request.url.path.rpartition("/")[2])
        if answer is None:
            raise httpx.ReadError("cut")
        return httpx.Response(answer)

    with house(content(), CONFIGURATION, tmp_path) as world:
        if carried_out_first:
            world.network.after = lambda request, _: answered(request)
        else:
            world.network.before = answered
        report = world.apply()
        assert report.exit_code == 0
        assert len(report.deleted) == 4
        assert records(world) == (Counter(deleted.digest for deleted in report.deleted), 0, 0)
        assert len(world.network.places("DELETE", lost[0])) == (1 if carried_out_first else 2)


@pytest.mark.parametrize("tenths", range(1, 12))
def test_a_run_that_is_stopped_settles_what_it_has_in_hand(tmp_path: Path, tenths: int) -> None:
    """Whenever a person stops it: no intent is left open, and what is gone is on record."""

    async def stopped(doing: Coroutine[Any, Any, Report]) -> Report:
        task = asyncio.ensure_future(doing)
        asyncio.get_running_loop().call_later(tenths / 25, task.cancel)
        return await task

    with house(content(), CONFIGURATION, tmp_path) as world:
        before = {digest for _, digest in world.digests()}
        with world.application() as application:
            cleaning = application.clean(world.registry, Mandate(), world.events.append)
            report = world.run(stopped(cleaning))
        assert report.exit_code == STOPPED
        done, unsettled, _ = records(world)
        assert (done, unsettled) == (Counter(before - left(world)), 0)
        assert {deleted.digest for deleted in report.deleted} == set(done)
