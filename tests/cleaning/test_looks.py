"""What a look at a whole listing shows is remembered, whatever else the look comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cleaner.model.plan import HoldReason
from tests.changes import entries, move_tag, once_planned, push
from tests.cleaning.undoing import condemning, undo
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, house, left, policy, registry
from tests.waiting import HOUR, pass_by

USED = "registry.digitalocean.com/acme/shop:prod\n"
KEEP = '[{tags: [main, prod, "keep-*"]}]'


UNTAGGED_GO = policy(KEEP, in_use="[{file: images.txt}]", collection="schedule: never", rest="untagged: {within: 1d}")


def in_use_by_tag(shelf: Shelf, state: Path, governed: str = '"*"') -> House:
    """A house where `prod` is in use; its policy governs these repositories."""
    (state / "images.txt").write_text(USED, encoding="utf-8")
    return house(registry(shelf), UNTAGGED_GO.replace('"*"]\n', f"{governed}]\n"), state)


def refusing(digest: str) -> Callable[[httpx.Request], httpx.Response | None]:
    """A data plane that does not give this manifest."""
    return lambda request: httpx.Response(503) if request.url.host == REGISTRY and digest in path_of(request) else None


def stays_as_prod_moves_on(world: House, digest: str, to: str) -> bool:
    """Whether what `prod` leaves, so that it has no tag any more, is there after two runs more."""
    world.network.before = lambda _request: None
    world.settings = world.configured(UNTAGGED_GO)
    move_tag(world, "prod", to)
    [entry] = [entry for entry in entries(world) if entry["digest"] == digest]
    entry["tags"] = []
    for _ in range(2):
        pass_by(world, 30 * HOUR)
        assert world.apply().exit_code == 0
    return digest in left(world)


@pytest.mark.parametrize(("governed", "reasons"), [('"*"', [HoldReason.MANIFEST]), ("other", [])])
def test_a_look_that_judges_nothing_remembers_where_the_tags_are(
    tmp_path: Path, governed: str, reasons: list[HoldReason]
) -> None:
    """A manifest cannot be read, or no policy speaks of the repository: what `prod` pointed to then is kept later."""
    shelf = Shelf()
    shelf.image("prod", "keep-1")
    second, third = shelf.image("keep-2"), shelf.image("keep-3")
    with in_use_by_tag(shelf, tmp_path, governed) as world:
        world.apply()
        move_tag(world, "prod", second)
        unreadable = shelf.image("keep-new", days=1)
        push(world, shelf)
        world.network.before = refusing(unreadable)
        assert [held.reason for held in world.apply().held_back] == reasons
        assert stays_as_prod_moves_on(world, second, third)


def test_a_second_look_that_judges_nothing_remembers_where_the_tags_are(tmp_path: Path) -> None:
    """Between the plan and it `prod` moved, and something was pushed that cannot be read."""
    shelf = Shelf()
    shelf.image("prod", "keep-1")
    second, third = shelf.image("keep-2"), shelf.image("keep-3")
    shelf.image(days=30)
    with in_use_by_tag(shelf, tmp_path) as world:

        def change() -> None:
            move_tag(world, "prod", second)
            unreadable = shelf.image("keep-new", days=1)
            push(world, shelf)
            world.network.before = refusing(unreadable)

        once_planned(world, change)
        assert [held.reason for held in world.apply().held_back] == [HoldReason.MANIFEST]
        assert stays_as_prod_moves_on(world, second, third)


def test_what_an_undo_brought_back_was_pushed_just_now(tmp_path: Path) -> None:
    """Also where the provider keeps its old `updated_at`: it is young until its grace has run out."""
    shelf = Shelf()
    shelf.image("main", days=2)
    version = shelf.image("v1")
    with condemning(shelf, tmp_path) as world:
        pushed = {str(entry["digest"]): entry["updated_at"] for entry in entries(world)}
        world.apply()
        assert [manifest.digest for manifest in undo(world).restored] == [version]
        for entry in entries(world):
            entry["updated_at"] = pushed[str(entry["digest"])]
        pass_by(world, 12 * HOUR)
        assert world.apply().deleted == ()
        pass_by(world, 12 * HOUR)
        assert [gone.digest for gone in world.apply().deleted] == [version]
