"""Law 1: what a policy keeps is not deleted, judged for the plan and again on a fresh listing; only what both condemn.

The second judgement has the same `now`, and its listing is no older than `recheck` when a deletion relies on it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.changes import after_requests, entries, move_tag, once_planned, push
from tests.house import House
from tests.shelves import Shelf, house, left, policy, registry
from tests.workloads import APP_PLATFORM, SOURCES, Workloads

KEEP = '[{tags: [main]}, {tags: ["v*"], last: 2}]'
LISTING = "/digests?page=1&"


def builds(count: int) -> tuple[Shelf, list[str]]:
    """A repository of builds v0, v1 and so on, a day apart, the last of them `main` too; their digests."""
    shelf = Shelf()
    digests = [shelf.image(f"v{n}", *(["main"] if n == count - 1 else []), days=40 - n) for n in range(count)]
    return shelf, digests


def looked_between(of: House, first: int, last: int) -> bool:
    """Whether a listing was asked for from the first of these requests on, and before the last."""
    return any(first <= place < last for place in of.network.places("GET", LISTING))


def rolled_back_after(requests: int, state: Path) -> House:
    """After a run in which `main` went back to the oldest of four builds when so many requests had been sent."""
    shelf, digests = builds(4)
    with house(registry(shelf), policy(KEEP), state) as world:
        after_requests(world, requests, lambda: move_tag(world, "main", digests[0]))
        world.apply()
    return world


def test_a_tag_that_moves_at_any_point_of_a_run_is_honoured_up_to_the_last_look(tmp_path: Path) -> None:
    """Whenever `main` goes back to the oldest build, only a deletion whose look is older than that takes the build."""
    old = builds(4)[1][0]
    saved: list[bool] = []
    while len(saved) < 30:
        state = tmp_path / str(len(saved))
        state.mkdir()
        world = rolled_back_after(len(saved), state)
        gone = world.network.places("DELETE", old)
        assert not gone or not looked_between(world, len(saved), gone[0])
        saved.append(old in left(world))
    assert saved == sorted(saved, reverse=True)
    assert {*saved} == {True, False}


def pushed_index(world: House, shelf: Shelf, old: str) -> None:
    """An index comes that lists the old build."""
    shelf.index([old], "main-multi", days=0)
    push(world, shelf)


def protected(world: House, _: Shelf, old: str) -> None:
    """The old build gets a protected tag."""
    move_tag(world, "hold-for-audit", old)


def newer_time(world: House, _: Shelf, old: str) -> None:
    """The old build is pushed once more, as it is."""
    for entry in entries(world):
        if entry["digest"] == old:
            entry["updated_at"] = world.now().isoformat()


@pytest.mark.parametrize("change", [pushed_index, protected, newer_time])
def test_whatever_keeps_it_meanwhile_keeps_it(tmp_path: Path, change: Callable[[House, Shelf, str], None]) -> None:
    """The second judgement sees tags, families and ages as they are by then; what it drops is in the report."""
    shelf, digests = builds(5)
    with house(registry(shelf), policy(KEEP), tmp_path) as world:
        once_planned(world, lambda: change(world, shelf, digests[0]))
        report = world.apply()
        assert digests[0] in left(world)
        assert digests[0] in {skipped.digest for skipped in report.skipped}
        assert digests[1] not in left(world)
        assert report.exit_code == 0


def test_what_only_the_second_judgement_condemns_stays(tmp_path: Path) -> None:
    """A build that a newer one pushes out of `last: 2` in the middle of a run goes in the next run at the earliest."""
    shelf, digests = builds(4)

    def newer_build() -> None:
        shelf.image("v4", days=2)
        push(world, shelf)

    with house(registry(shelf), policy(KEEP), tmp_path) as world:
        once_planned(world, newer_build)
        world.apply()
        assert digests[2] in left(world)
        world.apply()
        assert digests[2] not in left(world)


def test_time_that_passes_in_a_run_condemns_nothing(tmp_path: Path) -> None:
    """Both judgements are as of the start of the run: what was young enough then is so until the run's end."""
    shelf = Shelf()
    almost = shelf.image("almost", days=30 - 60 / 86400)
    old = shelf.image("old", days=31)
    shelf.image("new", days=3)
    with house(registry(shelf), policy("[{within: 30d}]"), tmp_path) as world:
        world.network.delay = lambda request: 50.0 if "digests" in request.url.path else 0.0
        world.apply()
        assert world.loop.time() > 60
        assert old not in left(world)
        assert almost in left(world)
        world.apply()
        assert almost not in left(world)


def test_the_second_judgement_is_as_of_the_start_of_the_run_too(tmp_path: Path) -> None:
    """`main` goes back to a build that was young enough when the run began, and is so no more when it is looked at."""
    shelf = Shelf()
    almost = shelf.image("v0", days=30 - 60 / 86400)
    shelf.image("v1", days=3)
    configuration = policy('[{tags: [main], within: 30d}, {tags: ["v*"], last: 1}]')
    with house(registry(shelf), configuration, tmp_path) as world:
        world.network.delay = lambda request: 50.0 if "digests" in request.url.path else 0.0
        once_planned(world, lambda: move_tag(world, "main", almost))
        world.apply()
        assert world.loop.time() > 60
        assert almost in left(world)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_what_begins_to_run_after_the_plan_stays(tmp_path: Path, source: str, by: str) -> None:
    """The sources are asked twice as well: what only the second reading names is dropped from the deletions."""
    shelf, digests = builds(5)
    with house(registry(shelf), policy(KEEP, in_use=f"[{{{SOURCES[source]}}}]"), tmp_path) as world:
        around = Workloads(world)
        image = {"tag": "v0"} if by == "tag" else {"digest": digests[0]}
        once_planned(world, lambda: around.deploy(source, "shop", **image))
        report = world.apply()
        assert digests[0] in left(world)
        assert [skipped.digest for skipped in report.skipped] == [digests[0]]
        assert {deleted.digest for deleted in report.deleted} == {digests[1], digests[2]}
        assert report.exit_code == 0


@pytest.mark.parametrize("source", SOURCES)
def test_what_stops_running_after_the_plan_stays_in_this_run(tmp_path: Path, source: str) -> None:
    """The plan kept it, so nothing is to be deleted that the second reading does not name any more."""
    shelf, digests = builds(5)
    configuration = policy(KEEP, in_use=f"[{{{SOURCES[source]}}}]").replace("protect: {", "protect: {remember: 0s, ")
    with house(registry(shelf), configuration, tmp_path) as world:
        around = Workloads(world)
        around.deploy(source, "shop", tag="v0")
        once_planned(world, around.stop)
        assert digests[0] not in {deleted.digest for deleted in world.apply().deleted}
        assert digests[0] in left(world)
        assert [deleted.digest for deleted in world.apply().deleted] == [digests[0]]


def ages_of_looks(world: House, look_at: str = LISTING) -> list[float]:
    """For each deletion, how old the look was on which it relied when it was sent, in seconds."""
    moments, looks = world.network.moments, world.network.places("GET", look_at)
    return [
        moments[gone] - max(moments[look] for look in looks if look < gone) for gone in world.network.places("DELETE")
    ]


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [
        pytest.param(40.0, "{per_minute: 0, per_hour: 0}", id="each deletion takes 40 s"),
        pytest.param(0.1, "{per_minute: 6, per_hour: 0, reserve: 0%}", id="the budget grants six a minute"),
    ],
)
def test_no_deletion_relies_on_a_look_older_than_recheck(tmp_path: Path, seconds: float, limit: str) -> None:
    """However slow deletions are, each is sent within `recheck` of a listing, and a tag that moves is honoured."""
    shelf, digests = builds(34)
    configuration = policy(KEEP, top=f"recheck: 90s\napi: {{rate_limit: {limit}}}")
    with house(registry(shelf), configuration, tmp_path) as world:
        world.network.delay = lambda request: seconds if request.method == "DELETE" else 0.0
        once_planned(world, lambda: world.loop.call_later(150, move_tag, world, "main", digests[31]))
        report = world.apply()
        assert max(ages_of_looks(world)) <= timedelta(seconds=90).total_seconds()
        assert len(world.network.places("GET", LISTING)) > 3
        assert report.exit_code == 0
        assert left(world) == {*digests[31:]}


@pytest.mark.parametrize("seconds", [1.0, 20.0, 40.0])
def test_no_deletion_relies_on_sources_asked_longer_ago_than_recheck(tmp_path: Path, seconds: float) -> None:
    """However slow deletions are, in this repository and in the one before it, what begins to run meanwhile is seen."""
    shelf, digests = builds(24)
    before = Shelf("api")
    for n in range(10):
        before.image(f"v{n}", days=40 - n)
    configuration = policy(KEEP, in_use=f"[{{{SOURCES[APP_PLATFORM]}}}]", top="recheck: 90s")
    with house(registry(before, shelf), configuration, tmp_path) as world:
        around = Workloads(world)
        world.network.delay = lambda request: seconds if request.method == "DELETE" else 0.0
        once_planned(world, lambda: world.loop.call_later(seconds, run, around, digests[-3]))
        world.apply()
        for look in (LISTING, "/v2/apps?"):
            assert max(ages_of_looks(world, look)) <= timedelta(seconds=90).total_seconds()
        assert left(world) == set(digests[-3:] if seconds > 1 else digests[-2:])


def run(around: Workloads, digest: str) -> None:
    """Something begins to run a build."""
    around.deploy(APP_PLATFORM, "shop", digest=digest)
