"""Law 3: a repository whose listing is incomplete or inconsistent is listed again, and left alone if it stays so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from cleaner.model.event import Planned
from cleaner.model.plan import HoldReason
from tests.changes import delete, entries, push
from tests.house import House, path_of
from tests.shelves import Shelf, house, left, policy, registry

KEEP = '[{tags: ["v*"], last: 217}, {tags: ["s*"], last: 1}]'
TRIES = 4
Spoil = Callable[[httpx.Request, dict[str, Any]], bytes | int]


def no_total(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """`meta` is missing."""
    del page["meta"]
    return as_json(page)


def garbled_total(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """`meta.total` is no number."""
    page["meta"]["total"] = "many"
    return as_json(page)


def higher_total(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """`meta.total` promises one more than there are."""
    page["meta"]["total"] += 1
    return as_json(page)


def moving_total(request: httpx.Request, page: dict[str, Any]) -> bytes:
    """`meta.total` is another on the second page."""
    page["meta"]["total"] += int(request.url.params["page"]) - 1
    return as_json(page)


def missing_entry(request: httpx.Request, page: dict[str, Any]) -> bytes:
    """The last page holds one less than `meta.total` says."""
    if request.url.params["page"] == "2":
        page["manifests"].pop()
    return as_json(page)


def empty_page(request: httpx.Request, page: dict[str, Any]) -> bytes:
    """The second page is empty."""
    if request.url.params["page"] == "2":
        page["manifests"] = []
    return as_json(page)


def same_page(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """Every entry of a page is the same."""
    page["manifests"] = page["manifests"][:1] * len(page["manifests"])
    return as_json(page)


def two_faces(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """One digest stands there twice, with other tags."""
    page["manifests"][1] = {**page["manifests"][0], "tags": ["another"]}
    return as_json(page)


def tag_on_two(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """One tag stands on two digests."""
    page["manifests"][1]["tags"] = page["manifests"][0]["tags"]
    return as_json(page)


def no_digest(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """An entry has no digest."""
    del page["manifests"][0]["digest"]
    return as_json(page)


def bad_tags(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """An entry's tags are no list."""
    page["manifests"][0]["tags"] = "v1"
    return as_json(page)


def half(_: httpx.Request, page: dict[str, Any]) -> bytes:
    """The JSON breaks off."""
    return as_json(page)[:-20]


def failing(_: httpx.Request, _page: dict[str, Any]) -> int:
    """The page fails."""
    return 500


def failing_second(request: httpx.Request, page: dict[str, Any]) -> bytes | int:
    """The second page fails."""
    return 502 if request.url.params["page"] == "2" else as_json(page)


def vanished(_: httpx.Request, _page: dict[str, Any]) -> int:
    """The repository is unknown of a sudden."""
    return 404


def as_json(page: dict[str, Any]) -> bytes:
    return json.dumps(page).encode()


def named(value: object) -> str:
    """A case is called as its function is."""
    return getattr(value, "__name__", str(value))


TWICE = (
    no_total, garbled_total, higher_total, moving_total, missing_entry, empty_page, same_page, two_faces, tag_on_two,
    no_digest, bad_tags, failing_second,
)  # fmt: skip
TRIED_IN_EACH_READING = (half, failing)


@dataclass
class Spoiled:
    """Spoils the pages of one repository's listing, its first `readings` or all, at once or after the plan."""

    house: House
    spoil: Spoil
    readings: int = 1_000_000
    from_plan_on: bool = False
    begun: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if "/repositories/broken/digests?" not in path_of(request):
            return None
        if self.from_plan_on and not any(isinstance(event, Planned) for event in self.house.events):
            return None
        if request.url.params["page"] == "1":
            self.begun.append(path_of(request))
        if len(self.begun) > self.readings:
            return None
        given = self.spoil(request, json.loads(answer.content))
        return httpx.Response(given) if isinstance(given, int) else httpx.Response(200, content=given)


def shelves() -> tuple[Shelf, Shelf]:
    """A repository of two pages, three of its 220 builds past the policy, and one of four builds, three past it."""
    broken, sound = Shelf("broken"), Shelf("sound")
    for n in range(220):
        broken.image(f"v{n}", days=400 - n)
    for n in range(4):
        sound.image(f"s{n}", days=40 - n)
    return broken, sound


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state in which every manifest is known, so that a run need not read them."""
    directory = tmp_path_factory.mktemp("known")
    with house(registry(*shelves()), policy(KEEP), directory) as world:
        world.plan()
    return directory / "state.db"


@pytest.fixture
def world(tmp_path: Path, known: Path) -> Iterator[House]:
    """A house with both repositories and that state."""
    (tmp_path / "state.db").write_bytes(known.read_bytes())
    with house(registry(*shelves()), policy(KEEP), tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("spoil", "begun"),
    [*((s, 2) for s in TWICE), *((s, 2 * TRIES) for s in TRIED_IN_EACH_READING), (vanished, 1)],
    ids=named,
)
def test_a_repository_is_left_alone_and_the_others_are_cleaned(world: House, spoil: Spoil, begun: int) -> None:
    """Its listing is read a second time and no third (a 404 is no accident), a page at most four times each time."""
    world.network.after = spoiled = Spoiled(world, spoil)
    report = world.apply()
    assert (len(left(world, "broken")), len(left(world, "sound"))) == (220, 1)
    assert [(held.repository, held.reason) for held in report.held_back] == [("broken", HoldReason.LISTING)]
    assert report.exit_code == 3
    assert report.predicted is None
    assert len(spoiled.begun) == begun


@pytest.mark.parametrize("spoil", TWICE[:9], ids=named)
def test_a_listing_that_is_whole_the_second_time_counts(world: House, spoil: Spoil) -> None:
    """A disturbance that passes costs a second reading, and nothing else."""
    world.network.after = Spoiled(world, spoil, readings=1)
    report = world.apply()
    assert (len(left(world, "broken")), len(left(world, "sound"))) == (217, 1)
    assert report.exit_code == 0


@pytest.mark.parametrize("spoil", [no_total, missing_entry, tag_on_two, half], ids=named)
def test_a_listing_that_is_spoiled_after_the_plan_holds_back_what_was_planned(world: House, spoil: Spoil) -> None:
    """The look before the deletions is under the same law as the one before the plan."""
    world.network.after = Spoiled(world, spoil, from_plan_on=True)
    report = world.apply()
    assert (len(left(world, "broken")), len(left(world, "sound"))) == (220, 1)
    assert [(h.repository, h.reason, h.manifests) for h in report.held_back] == [("broken", HoldReason.LISTING, 3)]
    assert report.exit_code == 3


def test_pushes_between_two_pages_are_seen(world: House) -> None:
    """Somebody pushes between two pages, each time anew: the listing does not add up, and nothing is deleted."""
    shelf, _ = shelves()

    def shift(request: httpx.Request) -> None:
        if "/repositories/broken/digests?page=2" in path_of(request):
            shelf.image(f"v{len(shelf.manifests)}", days=1)
            push(world, shelf)

    world.network.before = shift
    report = world.apply()
    assert [(held.repository, held.reason) for held in report.held_back] == [("broken", HoldReason.LISTING)]
    assert len(left(world, "broken")) == 222


def test_an_index_that_slips_through_between_two_pages_keeps_its_child(tmp_path: Path) -> None:
    """A delete and a push together leave `meta.total` as it was: the plan errs, and the second look puts it right."""
    shelf = Shelf()
    first = shelf.image("old", days=400)
    child = shelf.image(days=90)
    for n in range(198):
        shelf.image(f"v{n}", days=300)
    shelf.index([child], "keep", days=90)
    shifts = iter([True])

    def shift(request: httpx.Request) -> None:
        if "digests?page=2" in path_of(request) and next(shifts, False):
            delete(shop, first)
            shelf.image("new", days=1)
            push(shop, shelf)

    configuration = policy("[{}]", rest="untagged: {within: 30d}")
    with house(registry(shelf), configuration, tmp_path) as shop:
        assert shop.plan().deletions == ()
        shop.network.before = shift
        report = shop.apply()
        assert [skipped.digest for skipped in report.skipped] == [child]
        assert child in {entry["digest"] for entry in entries(shop)}


def test_a_list_of_repositories_that_is_incomplete_ends_the_run(tmp_path: Path) -> None:
    """What is not known to be there cannot be judged: no deletion anywhere, exit code 1."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)

    def without_total(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if "repositoriesV2" not in path_of(request):
            return None
        page = json.loads(answer.content)
        del page["meta"]
        return httpx.Response(200, json=page)

    with house(registry(shelf), policy('[{tags: ["v*"], last: 1}]'), tmp_path) as shop:
        shop.network.after = without_total
        report = shop.apply()
        assert (len(left(shop)), report.exit_code) == (4, 1)
        assert report.error is not None
