"""Whatever comes to need a condemned manifest, at every point of a run: honoured up to the second judgement.

Between the answer of a repository's second listing and a DELETE lies the window that remains (docs/safety.md). A bare
tag that is put on a manifest within it goes with the manifest. An index that lists it, and what runs it by its digest,
have it back before the collection where its bytes are kept; elsewhere no collection starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.model.report import Report
from cleaner.model.safeguard import CollectionWithheld
from cleaner.simulator.manifests import descriptors, parsed
from tests.changes import after_requests, entries, move_tag, push
from tests.house import House
from tests.shelves import Shelf, house, left, policy, registry
from tests.workloads import APP_PLATFORM, SOURCES, Workloads

KEEP = '[{tags: ["release-*"]}, {tags: ["v*"], last: 1}]'
IN_USE = f"[{{{SOURCES[APP_PLATFORM]}}}]"
LISTING = "shop/digests?page=1&"
NIGHT = timedelta(hours=12).total_seconds()


@dataclass(slots=True)
class Scene:
    """A registry whose older release in `shop`, a signed index of one platform, no rule keeps.

    Something happens to it before the request that follows on `point` others, unless the runs are over by then.
    """

    house: House
    shelf: Shelf
    child: str
    index: str
    signature: str
    point: int
    happened: bool = False
    reports: list[Report] = field(default_factory=list)

    def play(self, runs: int, change: Change) -> None:
        """So many runs, half a day apart."""

        def happen() -> None:
            self.happened = True
            change(self)

        after_requests(self.house, self.point, happen)
        for _ in range(runs):
            self.reports.append(self.house.apply())
            self.house.run(asyncio.sleep(NIGHT))

    def places(self, method: str, containing: str) -> list[int]:
        """Where among all requests those of that kind stand."""
        return self.house.network.places(method, containing)

    @property
    def honoured(self) -> bool:
        """Whether it happened before the repository's second listing was answered."""
        looks = self.places("GET", LISTING)
        return len(looks) < 2 or self.point <= looks[1]

    @property
    def in_the_window(self) -> bool:
        """Whether it happened after that, and before the release's DELETE arrived."""
        return not self.honoured and self.point <= self.places("DELETE", self.index)[0]

    def send(self, digest: str) -> None:
        """A client sends a manifest, unless the registry has it."""
        if digest not in left(self.house):
            self.shelf.manifests.append(next(m for m in self.shelf.manifests if m["digest"] == digest))
            push(self.house, self.shelf)

    def tagged(self, tag: str) -> str | None:
        """The digest that carries a tag."""
        return next((str(entry["digest"]) for entry in entries(self.house) if tag in str(entry["tags"])), None)

    def pulls(self, digest: str | None) -> bool:
        """Whether a manifest is there with all that it lists, down to the blobs."""
        storage = self.house.registry_of_the_world().storage
        body = storage.body("shop", digest)
        if body is None:
            return False
        blobs, children = descriptors(parsed(body), "config", "layers"), descriptors(parsed(body), "manifests")
        return all(storage.blob(blob.digest) for blob in blobs) and all(self.pulls(child.digest) for child in children)

    @property
    def withheld(self) -> bool:
        """Whether no collection started in the last run, and an alarm was raised: exit code 1."""
        alarmed = any(isinstance(event, CollectionWithheld) for event in self.house.events)
        return alarmed and self.reports[-1].exit_code == 1 and self.reports[-1].collection is None

    @property
    def read_only(self) -> bool:
        """Whether a collection is active: nobody can push then."""
        return self.house.registry_of_the_world().active_collection is not None


Change = Callable[[Scene], object]


def retag(scene: Scene) -> None:
    """Somebody moves `release-1` onto the old release; one who does so when it is gone pushes it anew."""
    if not scene.read_only:
        scene.send(scene.child)
        scene.send(scene.index)
        move_tag(scene.house, "release-1", scene.index)


def list_it(scene: Scene) -> None:
    """Somebody pushes an index of the old release's platform; a registry takes none whose children it does not have."""
    if not scene.read_only:
        scene.send(scene.child)
        scene.shelf.index([scene.child], "multi", days=0)
        push(scene.house, scene.shelf)


def run_it(scene: Scene) -> None:
    """Something runs the old release, by its digest."""
    Workloads(scene.house).deploy(APP_PLATFORM, "shop", digest=scene.index)


def scene(state: Path, schedule: str, beside: tuple[Shelf, ...], point: int) -> Scene:
    """The registry with these repositories beside `shop`."""
    state.mkdir()
    shop = Shelf()
    shop.image("v2", "release-1", days=30)
    child = shop.image(days=40)
    index = shop.index([child], "v1", days=40)
    signature = shop.signature(index, days=40)
    configuration = policy(KEEP, in_use=IN_USE, collection=f"min_freed: 0B, schedule: {schedule}")
    return Scene(house(registry(*beside, shop), configuration, state), shop, child, index, signature, point)


def at_every_point(state: Path, change: Change) -> Iterator[Scene]:
    """The scene after one run that collects at its end, for every point at which the change can happen."""
    for point in range(1000):
        played = scene(state / str(point), "after-clean", (api(),), point)
        with played.house:
            played.play(1, change)
        if not played.happened:
            return
        yield played


def from_the_plan_to_the_collection(state: Path, schedule: str, change: Change) -> Iterator[Scene]:
    """The scene after the runs of which the last collects, for every point between the first plan and that."""
    runs = 1 if schedule == "after-clean" else 2
    undisturbed = scene(state / "undisturbed", schedule, (), -1)
    with undisturbed.house:
        undisturbed.play(runs, change)
    planned, (collected,) = undisturbed.places("GET", "/v2/apps?")[1], undisturbed.places("POST", "")
    for point in range(planned, collected + 1):
        played = scene(state / str(point), schedule, (), point)
        with played.house:
            played.play(runs, change)
        yield played


def api() -> Shelf:
    """A repository that comes before `shop`, and loses a build as well."""
    shelf = Shelf("api")
    for n in range(2):
        shelf.image(f"v{n}", days=40 - n)
    return shelf


def test_a_bare_tag_is_honoured_up_to_the_second_judgement(tmp_path: Path) -> None:
    """Before it, the release stays; in the window, release and tag go; after the DELETE it is a push like any other."""
    kept, lost, pushed = list[int](), list[int](), list[int]()
    for played in at_every_point(tmp_path, retag):
        if played.honoured:
            kept.append(played.point)
            assert {played.child, played.index, played.signature} < left(played.house)
            assert played.tagged("release-1") == played.index
            assert (played.pulls(played.index), played.reports[0].exit_code) == (True, 0)
        elif played.in_the_window:
            lost.append(played.point)
            assert played.index not in left(played.house)
            assert played.tagged("release-1") is None
        elif played.tagged("release-1") == played.index:
            pushed.append(played.point)
            assert played.pulls(played.index) or played.withheld
    assert (kept, lost) == (list(range(len(kept))), list(range(len(kept), len(kept) + len(lost))))
    assert lost
    assert pushed


def test_an_index_that_lists_it_pulls_whole_after_the_collection(tmp_path: Path) -> None:
    """Whenever it was pushed: its platform was kept, brought back, or came along; a run later all is collected."""
    restored = 0
    for played in from_the_plan_to_the_collection(tmp_path, "before-clean", list_it):
        assert played.reports[1].collection is not None
        assert played.pulls(played.tagged("multi"))
        restored += len(played.reports[1].restored)
    assert restored


def test_what_is_run_by_its_digest_is_there_after_the_collection(tmp_path: Path) -> None:
    """Whenever it began to run, until the last look has asked: the whole release was kept, or is brought back."""
    restored = 0
    for played in from_the_plan_to_the_collection(tmp_path, "before-clean", run_it):
        began = played.places("POST", "")
        asked = [place for place in played.places("GET", "/v2/apps?") if [place] < began]
        in_time = not began or played.point <= asked[-1]
        assert ({played.child, played.index, played.signature} < left(played.house)) is in_time
        assert played.pulls(played.index) is in_time
        restored += len(played.reports[1].restored)
    assert restored


@pytest.mark.parametrize("change", [list_it, run_it])
def test_where_its_bytes_are_not_kept_no_collection_starts(tmp_path: Path, change: Change) -> None:
    """A collection was to follow at once: what came to need something in the window stops it, with an alarm."""
    withheld = 0
    for played in from_the_plan_to_the_collection(tmp_path, "after-clean", change):
        needs = played.tagged("multi") if change is list_it else played.index
        asked = played.places("GET", "/v2/apps?")[-1]
        assert played.withheld or played.pulls(needs) or played.point > asked
        assert not (played.withheld and played.places("POST", ""))
        withheld += played.withheld
    assert withheld
