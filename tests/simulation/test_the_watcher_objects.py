"""The checker of the random worlds is no formality: of each promise that is broken before its eyes, it says so.

A checker that never objects proves nothing. So the cleaner is told something else than the watcher holds it to, or a
source lies, or somebody else's hand sends what no cleaner of ours would.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.house import CONTROL, START, TOKEN
from tests.simulation.promise import DAY, HOUR, Promise, Rules
from tests.simulation.weeks import Outcome, Twist, Weeks, lived

MOST_WORLDS = 12
STRICT = Rules(('{tags: ["v*"], last: 1}',), "untagged: {within: 1d}, unmatched: delete", 0 * HOUR)


def strict(promise: Promise) -> Promise:
    """A promise under which much goes, and soon: all that stays, stays for what is promised besides."""
    policies = dict.fromkeys(promise.policies, STRICT)
    return replace(promise, policies=policies, share=100, deletions=1000, grace=0 * HOUR, collection="never")


def by_apps(promise: Promise) -> Promise:
    return replace(strict(promise), sources=("app_platform",), speaks_for={})


def remembering(promise: Promise) -> Promise:
    return replace(by_apps(promise), remember=30 * DAY)


def announcing(promise: Promise) -> Promise:
    policies = dict.fromkeys(promise.policies, replace(STRICT, notice=72 * HOUR))
    return replace(strict(promise), policies=policies)


def unannounced(promise: Promise) -> Promise:
    return replace(promise, policies=dict.fromkeys(promise.policies, STRICT))


BROKEN = {
    "in use": Twist(by_apps, silent=True),
    "remembered": Twist(remembering, configured=lambda promise: replace(promise, remember=0 * DAY)),
    "notice": Twist(announcing, configured=unannounced),
    "young": Twist(lambda p: replace(strict(p), grace=24 * HOUR), lambda p: replace(p, grace=0 * HOUR)),
    "protected": Twist(lambda p: replace(strict(p), protected=("main",)), lambda p: replace(p, protected=())),
    "share": Twist(lambda p: replace(strict(p), share=10), lambda p: replace(p, share=100)),
    "source": Twist(by_apps, configured=lambda promise: replace(promise, sources=())),
    "collection": Twist(lambda p: replace(by_apps(p), collection="before-clean"), silent=True),
}
"""By promise, how it comes to be broken."""


@pytest.mark.parametrize("promise", BROKEN)
def test_a_broken_promise_is_seen(tmp_path: Path, promise: str) -> None:
    """Within a few worlds, by the name of the promise."""
    for seed in range(MOST_WORLDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if promise in broken(lived(seed, folder, BROKEN[promise])):
            return
    pytest.fail(f"nobody saw it in {MOST_WORLDS} worlds")


def broken(outcome: Outcome) -> set[str]:
    """The promises that the watcher saw broken."""
    return {violation.promise for violation in outcome.violations}


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Weeks]:
    """A world with an index and its child, in which nobody else does anything."""
    world = Weeks(1, tmp_path)
    world.meanwhile = world.faults = 0.0
    with world.house, closing(world.process):
        pushes = world.watcher.pushes
        pushes.index("shop/web", [pushes.image("shop/web", (), START - 9 * DAY)], ("v1",), START - 9 * DAY)
        yield world


def by_hand(world: Weeks, method: str, path: str) -> httpx.Response:
    """Somebody asks the registry, with the cleaner's token."""
    url = f"https://{CONTROL}/v2/registries/acme{path}"
    request = httpx.Request(method, url, headers={"Authorization": f"Bearer {TOKEN}"})
    return world.house.run(world.house.network.handle_async_request(request))


def child_of(world: Weeks) -> str:
    """The only manifest without a tag."""
    return next(str(e["digest"]) for e in world.watcher.pushes.entries("shop/web") if not e["tags"])


@pytest.mark.parametrize(
    ("promise", "kind", "listed"), [("family", "clean", True), ("stale", "clean", False), ("mode", "look", True)]
)
def test_a_hand_that_should_not_is_seen(quiet: Weeks, promise: str, kind: str, *, listed: bool) -> None:
    """A child goes before its index, what nobody listed goes, something goes while the cleaner only looks."""
    quiet.watcher.begin(kind)
    if listed:
        assert by_hand(quiet, "GET", "/repositories/shop%2Fweb/digests?per_page=200").status_code == 200
    assert quiet.watcher.violations == []
    assert by_hand(quiet, "DELETE", f"/repositories/shop%2Fweb/digests/{child_of(quiet)}").status_code == 204
    assert promise in {violation.promise for violation in quiet.watcher.violations}


def test_a_collection_without_a_last_look_is_seen(quiet: Weeks) -> None:
    """What was deleted might be needed by now: nobody has looked."""
    quiet.watcher.begin("clean")
    by_hand(quiet, "GET", "/repositories/shop%2Fweb/digests?per_page=200")
    by_hand(quiet, "DELETE", f"/repositories/shop%2Fweb/digests/{child_of(quiet)}")
    quiet.watcher.violations.clear()
    assert by_hand(quiet, "POST", "/garbage-collection").status_code == 201
    assert [violation.promise for violation in quiet.watcher.violations] == ["collection"]
