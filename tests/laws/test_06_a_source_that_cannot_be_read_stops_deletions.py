"""Law 6: a protection source that cannot be read stops all deletions that it could have vetoed. Fail closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.model.plan import HoldReason
from tests.shelves import Shelf, house, left, policy, registry

SOURCES = ["[{file: images.txt}]", "[{kubernetes: {}}]", "[{app_platform: {}}]"]


def shelf() -> Shelf:
    """Five versions, three of which no rule keeps."""
    shelf = Shelf()
    for n in range(5):
        shelf.image(f"v{n}", days=40 - n)
    return shelf


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_deleted_while_a_source_cannot_be_read(tmp_path: Path, source: str) -> None:
    """Not one mutating request; the report says what was held back and why, exit code 3."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=source)
    with house(registry(shelf()), configuration, tmp_path) as world:
        report = world.apply()
        assert len(left(world)) == 5
        assert {request.method for request in world.network.seen} == {"GET"}
        assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [(None, HoldReason.SOURCE, 3)]
        assert report.exit_code == 3


@pytest.mark.parametrize("source", SOURCES)
def test_the_plan_says_so_too(tmp_path: Path, source: str) -> None:
    """A plan under an unreadable source holds back what a run would, and its numbers add up."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=source, mode="plan")
    with house(registry(shelf()), configuration, tmp_path) as world:
        plan = world.plan()
        assert plan.deletions == ()
        assert [(held.reason, held.manifests) for held in plan.held_back] == [(HoldReason.SOURCE, 3)]
        assert (plan.manifests, plan.kept) == (5, 2)


def test_a_person_cannot_let_a_repository_through_a_source(tmp_path: Path) -> None:
    """`--allow` opens limits, not vetoes."""
    configuration = policy('[{tags: ["v*"], last: 2}]', in_use=SOURCES[0])
    with house(registry(shelf()), configuration, tmp_path) as world:
        assert world.apply(allowed=["shop"]).deleted == ()
        assert len(left(world)) == 5


def test_one_unreadable_source_among_several_is_enough(tmp_path: Path) -> None:
    """What the others say does not make up for it."""
    in_use = "[{file: images.txt}, {app_platform: {}}]"
    with house(registry(shelf()), policy('[{tags: ["v*"], last: 2}]', in_use=in_use), tmp_path) as world:
        assert world.apply().exit_code == 3
        assert len(left(world)) == 5
