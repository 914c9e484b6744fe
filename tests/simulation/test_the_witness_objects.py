"""The witness is no ornament: where a promise is broken, it says so; and a seed tells the same story each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from tests.house import REGISTRY
from tests.in_use.kube_api import Page, answer
from tests.simulation.weeks import Past, live
from tests.simulation.world import World

_ENOUGH = 25


@dataclass(frozen=True, slots=True)
class Sabotage:
    """What is done to worlds, and what the witness must say in one of the first few."""

    name: str
    objection: str
    wording: Callable[[str], str] = str
    meddle: Callable[[World], None] = lambda _: None


def said(instead: str, of: str) -> Callable[[str], str]:
    """A configuration that promises less than the witness believes."""
    return lambda text: re.sub(of, instead, text)


def cluster_that_hides_its_workloads(world: World) -> None:
    """It answers each list as if nothing ran."""

    async def nothing(page: Page) -> Response:
        return answer({**page, "items": []})

    world.lying = dict.fromkeys(("pods", "deployments", "replicasets"), nothing)


def data_plane_that_forgets(world: World) -> None:
    """It says that it took a manifest, and does not keep it."""
    out = world.house.network.before

    def before(request: httpx.Request) -> httpx.Response | None:
        is_put = request.method == "PUT" and request.url.host == REGISTRY
        return out(request) or (httpx.Response(201) if is_put else None)

    world.house.network.before = before


def rules_that_keep_less(text: str) -> str:
    """`main` is not among the tags that are kept."""
    return text.replace("[main]", "[mane]")


SABOTAGES = (
    Sabotage("nothing is remembered", "was in use", said("remember: 0s", r"remember: \d+h")),
    Sabotage("nothing is announced", "with a notice of", said("notice: 0s", r"notice: \d+h")),
    Sabotage("the young are not spared", "within the grace of", said("grace: 0s", r"grace: \d+h")),
    Sabotage("a tag is not protected", "it carried stable", said("tags: [none]", r"tags: \[stable\]")),
    Sabotage("a rule keeps less", "it carried main", rules_that_keep_less),
    Sabotage("a source lies", "was in use", meddle=cluster_that_hides_its_workloads),
    Sabotage("what is put back is not there", "a collection was started", meddle=data_plane_that_forgets),
)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.name)
def test_a_broken_promise_is_objected_to(sabotage: Sabotage, tmp_path: Path) -> None:
    """Within a few worlds; else the witness would not see it in the others either."""
    for seed in range(_ENOUGH):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if any(sabotage.objection in said for said in live(seed, folder, sabotage.wording, sabotage.meddle).objections):
            return
    pytest.fail(f"no objection in {_ENOUGH} worlds")


def test_a_seed_tells_the_same_story_each_time(tmp_path: Path) -> None:
    """Each request, in its order, with its answer."""

    def told(name: str) -> Past:
        folder = tmp_path / name
        folder.mkdir()
        return live(7, folder)

    first = told("first")
    assert told("second") == first
    assert len(first.trace) > 300
