"""A notice runs only as long as every look condemns: what one look spares, or objects to, is announced anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cleaner.model.plan import HoldReason
from cleaner.model.report import Report
from tests.changes import entries, move_tag, once_planned, push
from tests.cleaning.undoing import BEFORE_CLEAN, KEEP_MAIN, condemning
from tests.house import House
from tests.shelves import Shelf, left, policy
from tests.waiting import DAY, HOUR, pass_by


def announced(report: Report) -> bool:
    """Whether the run deleted nothing, and held all of it back for its notice."""
    return not report.deleted and [held.reason for held in report.held_back] == [HoldReason.NOTICE]


def doomed() -> tuple[Shelf, str]:
    """A `main` that is kept, and a version that goes."""
    shelf = Shelf()
    shelf.image("main", days=2)
    return shelf, shelf.image("v1")


@contextmanager
def after_its_notice(state: Path) -> Iterator[tuple[House, Shelf, str]]:
    """A house whose next run may delete the version on its shelf: it was announced a day ago."""
    shelf, version = doomed()
    with condemning(shelf, state, rest="notice: 24h") as world:
        assert announced(world.apply())
        pass_by(world, DAY)
        world.events.clear()
        yield world, shelf, version


def governing(world: House, repositories: str) -> None:
    """The policy is for these repositories from now on."""
    text = policy(KEEP_MAIN, collection=BEFORE_CLEAN, rest="unmatched: delete\n        notice: 24h")
    world.settings = world.configured(text.replace('["*"]', repositories))


@pytest.mark.parametrize("look", ["apply", "plan"])
def test_while_no_policy_speaks_of_a_repository_nothing_in_it_is_condemned(tmp_path: Path, look: str) -> None:
    """Somebody objects by taking it out of the policy: put back into it, all of it is announced anew."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        governing(world, "[shop]")
        assert announced(world.apply())
        governing(world, "[other]")
        pass_by(world, DAY)
        getattr(world, look)()
        governing(world, "[shop]")
        assert announced(world.apply())
        pass_by(world, DAY)
        assert [gone.digest for gone in world.apply().deleted] == [version]


def test_a_plan_for_another_moment_ends_no_notice(tmp_path: Path) -> None:
    """It is no look, of repositories under no policy neither."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        governing(world, "[shop]")
        assert announced(world.apply())
        governing(world, "[other]")
        pass_by(world, DAY)
        world.plan(at=world.now())
        governing(world, "[shop]")
        assert [gone.digest for gone in world.apply().deleted] == [version]


def test_what_the_second_judgement_keeps_is_announced_anew(tmp_path: Path) -> None:
    """Somebody holds it between the plan and the second look, and lets go: it has its whole notice before it again."""
    with after_its_notice(tmp_path) as (world, _, version):
        once_planned(world, lambda: move_tag(world, "hold-it", version))
        assert [skipped.digest for skipped in world.apply().skipped] == [version]
        [entry] = [entry for entry in entries(world) if entry["digest"] == version]
        entry["tags"] = ["v1"]
        assert announced(world.apply())
        assert version in left(world)


def test_the_second_judgement_announces_nothing(tmp_path: Path) -> None:
    """What it is the first to condemn was told to nobody: the next run announces it."""
    with after_its_notice(tmp_path) as (world, shelf, version):
        other = shelf.image("v2")
        once_planned(world, lambda: push(world, shelf))
        assert [gone.digest for gone in world.apply().deleted] == [version]
        with world.application() as application:
            assert other not in application.ledger.notices.since("acme", "shop", world.registry.policies[0].fingerprint)


def test_a_clock_that_goes_back_shortens_no_notice(tmp_path: Path) -> None:
    """A run in the past, and one after the clock was set right, keep to what was promised."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path, rest="notice: 48h") as world:
        [promised] = {waiting.goes_at for waiting in world.plan().waiting}
        pass_by(world, HOUR)
        world.start -= DAY
        assert {waiting.goes_at for waiting in world.plan().waiting} == {promised}
        assert announced(world.apply())
        world.start += DAY
        pass_by(world, 40 * HOUR)
        assert announced(world.apply())
        pass_by(world, 8 * HOUR)
        assert [gone.digest for gone in world.apply().deleted] == [version]


def test_without_a_notice_a_clock_that_was_ahead_holds_nothing_back(tmp_path: Path) -> None:
    """A look in the future condemned it: that is no notice."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        world.start += 300 * DAY
        world.plan()
        world.start -= 300 * DAY
        assert [gone.digest for gone in world.apply().deleted] == [version]
