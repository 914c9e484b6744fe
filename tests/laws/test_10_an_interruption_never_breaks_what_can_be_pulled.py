"""Law 10: an index goes before its children, a subject before its signatures.

An interruption never leaves a tag that cannot be pulled, kept or not, nor an image without its signature.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.crashes import crashes
from tests.house import House
from tests.registries import load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.wholeness import Wholeness
from tests.worlds import random_registry

CONFIGURATION = policy('[{tags: ["v*"], last: 1}]', rest="untagged: {within: 1d}")
HARSH = policy('[{tags: ["nothing"]}]', rest="unmatched: delete\n        untagged: {within: 1d}")


def releases() -> Shelf:
    """Three releases that share a platform; each is a nested index, signed, and its signature is signed as well."""
    shelf = Shelf()
    shared = shelf.image(days=90)
    for n in range(3):
        inner = shelf.index([shared, shelf.image(days=90 - n)], days=90 - n)
        outer = shelf.index([inner, shelf.image(days=90 - n)], f"v{n}", days=90 - n)
        signature = shelf.signature(outer, days=90 - n)
        shelf.image(subject=signature, days=90 - n)
    return shelf


def test_whenever_the_process_dies_everything_that_is_left_is_whole(tmp_path: Path) -> None:
    """After a crash at any point, every index has its children and every image its signatures, so every tag pulls."""
    point, crashed = 0, True
    with house(registry(releases()), CONFIGURATION, tmp_path, collection_duration=timedelta(seconds=1)) as world:
        world.plan()
        wholeness = Wholeness(world)
        while crashed:
            point += 1
            crashed = crashes(world, point, world.apply)
            assert wholeness.lacking_children() == []
            assert wholeness.lacking_attachments() == []
        assert len(left(world)) == 7


def unlucky(world: House, wholeness: Wholeness, rng: random.Random) -> None:
    """Look at the registry before and after each request, of which many fail, carried out or not."""

    def before(_request: httpx.Request) -> httpx.Response | None:
        assert wholeness.lacking_children() == []
        if rng.random() < 0.1:
            raise httpx.ReadError("cut")
        return httpx.Response(rng.choice((500, 403, 409))) if rng.random() < 0.05 else None

    def after(_request: httpx.Request, _answer: httpx.Response) -> None:
        assert wholeness.lacking_children() == []
        if rng.random() < 0.1:
            raise httpx.ReadError("cut")

    world.network.before, world.network.after = before, after


@pytest.mark.parametrize("seed", range(400, 408))
def test_no_index_outlives_a_child_whatever_fails(tmp_path: Path, seed: int) -> None:
    """In random registries, with requests that fail at random: at no moment does an index lack a child."""
    rng = random.Random(seed)
    generated = random_registry(rng, scenes=8)
    with House(load_file(generated), HARSH, tmp_path, start=generated.now) as world:
        world.plan()
        wholeness = Wholeness(world)
        unlucky(world, wholeness, rng)
        for _ in range(3):
            world.apply()
        assert wholeness.lacking_children() == []


@pytest.mark.parametrize("status", [403, 500, 409, 418])
def test_what_an_index_lists_waits_for_it(tmp_path: Path, status: int) -> None:
    """An index whose deletion is refused keeps all that is below it; the report says that they were skipped."""
    shelf = releases()
    oldest = str(next(manifest for manifest in shelf.manifests if manifest["tags"] == ["v0"])["digest"])

    def refuse(request: httpx.Request) -> httpx.Response | None:
        refused = request.method == "DELETE" and request.url.path.endswith(oldest)
        return httpx.Response(status) if refused else None

    with house(registry(shelf), CONFIGURATION, tmp_path) as world:
        wholeness = Wholeness(world)
        world.network.before = refuse
        report = world.apply()
        assert wholeness.lacking_children() + wholeness.lacking_attachments() == []
        assert [failed.digest for failed in report.failed] == [oldest]
        assert len(report.skipped) == 5
        assert report.exit_code == 1


def test_a_deletion_that_was_interrupted_is_completed(tmp_path: Path) -> None:
    """Children whose index we deleted go in the next run, even where `untagged: keep` keeps what nobody tagged."""
    configuration = policy('[{tags: ["v*"], last: 1}]')
    with house(registry(releases()), configuration, tmp_path) as world:

        def die_after_the_first(_request: httpx.Request) -> httpx.Response | None:
            if len(world.network.places("DELETE")) > 2:
                raise httpx.ConnectError("the network is gone")
            return None

        world.network.before = die_after_the_first
        assert world.apply().exit_code == 1
        assert len(left(world)) > 7
        world.network.before = lambda _: None
        world.apply()
        assert len(left(world)) == 7


def test_what_is_below_an_index_that_the_provider_does_not_find_waits_until_it_is_seen_gone(tmp_path: Path) -> None:
    """A 404 proves nothing: the index is looked for, and while it is still listed its children stay."""
    shelf = Shelf()
    platforms = [shelf.image(days=90), shelf.image(days=90)]
    index = shelf.index(platforms, "v0", days=90)
    shelf.image("v1", days=80)
    with house(registry(shelf), CONFIGURATION, tmp_path) as world:

        def before(request: httpx.Request) -> httpx.Response | None:
            return httpx.Response(404, json={"id": "not_found"}) if request.method == "DELETE" else None

        world.network.before = before
        report = world.apply()
        assert [path.rpartition("/")[2] for path in world.network.sent("DELETE")] == [index]
        assert {skipped.digest for skipped in report.skipped} == {index, *platforms}
        assert report.predicted is not None
        assert (report.exit_code, report.predicted.bytes) == (0, 0)
