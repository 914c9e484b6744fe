"""Law 6: a protection source that cannot be read stops all deletions that it could have vetoed. Fail closed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cleaner.cli.outcome import exit_code
from cleaner.model.plan import HoldReason
from cleaner.model.safeguard import SourceFailed
from tests.changes import once_planned
from tests.house import House
from tests.shelves import Shelf, house, left, policy, registry

SOURCES = ["[{file: images.txt}]", "[{kubernetes: {}}]", "[{app_platform: {}}]"]


def shelf(name: str = "shop") -> Shelf:
    """Five versions, three of which no rule keeps."""
    shelf = Shelf(name)
    for n in range(5):
        shelf.image(f"v{n}", days=40 - n)
    return shelf


def unreadable(configuration: str, state: Path, *shelves: Shelf) -> House:
    """A house without a cluster around it, without files, and whose token may not read apps."""
    world = house(registry(*shelves), configuration, state)
    world.network.before = lambda request: httpx.Response(403) if request.url.path.startswith("/v2/apps") else None
    return world


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_deleted_while_a_source_cannot_be_read(tmp_path: Path, source: str) -> None:
    """Not one mutating request; the report says what was held back and why, exit code 3."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=source)
    with unreadable(configuration, tmp_path, shelf()) as world:
        report = world.apply()
        assert len(left(world)) == 5
        assert {request.method for request in world.network.seen} == {"GET"}
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [(None, HoldReason.SOURCE, 3)]
        assert report.exit_code == 3


@pytest.mark.parametrize("source", SOURCES)
def test_the_plan_says_so_too(tmp_path: Path, source: str) -> None:
    """A plan under an unreadable source holds back what a run would, and its numbers add up."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=source, mode="plan")
    with unreadable(configuration, tmp_path, shelf()) as world:
        plan = world.plan()
        assert plan.deletions == ()
        assert [(held.reason, held.manifests) for held in plan.held_back] == [(HoldReason.SOURCE, 3)]
        assert (plan.manifests, plan.kept) == (5, 2)


def test_a_person_cannot_let_a_repository_through_a_source(tmp_path: Path) -> None:
    """`--allow` opens limits, not vetoes."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=SOURCES[0])
    with unreadable(configuration, tmp_path, shelf()) as world:
        assert world.apply(allowed=["shop"]).deleted == ()
        assert len(left(world)) == 5


def test_one_unreadable_source_among_several_is_enough(tmp_path: Path) -> None:
    """What the others say does not make up for it."""
    in_use = "[{file: images.txt}, {app_platform: {}}]"
    (tmp_path / "images.txt").write_text("shop:v0\n", encoding="utf-8")
    with unreadable(policy('[{tags: ["v*"], last: 2}]', in_use=in_use), tmp_path, shelf()) as world:
        assert world.apply().exit_code == 3
        assert len(left(world)) == 5


def test_a_source_that_speaks_for_some_repositories_vetoes_in_these_alone(tmp_path: Path) -> None:
    """`repositories` says where; elsewhere the work goes on, exit code 3 all the same."""
    in_use = "[{file: images.txt, repositories: [shop]}]"
    shelves = (shelf("api"), shelf())
    with unreadable(policy('[{tags: ["v*"], last: 2}]', in_use=in_use), tmp_path, *shelves) as world:
        report = world.apply()
        assert (len(left(world, "api")), len(left(world)), report.exit_code) == (2, 5, 3)
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [("shop", HoldReason.SOURCE, 3)]


def test_a_source_that_cannot_be_read_is_told_though_nothing_would_go(tmp_path: Path) -> None:
    """Named with its repositories in plan and report, exit code 3: the next image condemned there is stopped."""
    in_use = "[{file: images.txt, repositories: [quiet]}]"
    quiet = Shelf("quiet")
    quiet.image("v9", days=2)
    with unreadable(policy('[{tags: ["v*"], last: 2}]', in_use=in_use), tmp_path, shelf(), quiet) as world:
        plan, report = world.plan(), world.apply()
        assert (exit_code(plan), exit_code(report), len(report.deleted)) == (3, 3, 3)
        for (held,) in (plan.held_back, report.held_back):
            assert (held.repository, held.reason, held.manifests) == (None, HoldReason.SOURCE, 0)
            assert "images.txt" in held.detail
            assert held.detail.endswith("(it speaks for quiet)")


def test_a_source_that_can_be_read_no_more_before_the_deletions_stops_them_too(tmp_path: Path) -> None:
    """It told for the plan; it is asked again after that, and what it does not tell then nobody knows."""
    file = tmp_path / "images.txt"
    file.write_text("shop:v0\n", encoding="utf-8")
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use="[{file: images.txt}]")
    with house(registry(shelf()), configuration, tmp_path) as world:
        once_planned(world, file.unlink)
        report = world.apply()
        assert (len(left(world)), report.exit_code) == (5, 3)
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [("shop", HoldReason.SOURCE, 2)]


def test_every_source_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Each as an event, for the log, the metrics and the status page."""
    in_use = "[{file: images.txt}, {app_platform: {}}]"
    with unreadable(policy('[{tags: ["v*"], last: 2}]', in_use=in_use, mode="plan"), tmp_path, shelf()) as world:
        world.plan()
        failed = [event.source for event in world.events if isinstance(event, SourceFailed)]
        assert sorted(failed) == ["app_platform", f"file {tmp_path / 'images.txt'}"]
