"""Law 4: younger than grace, from the future, or without a readable timestamp: kept, whatever the rules say."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.changes import entries
from tests.house import START, House
from tests.registries import load_file
from tests.shelves import Shelf, house, left, policy, registry
from tests.worlds import random_registry

HARSH = policy('[{tags: ["v*"], last: 1}]', rest="untagged: {within: 1d}\n        unmatched: delete")

NO_TIME = (
    None, "", "yesterday", "2026-11-01", "2026-13-45T99:00:00Z", "1969-12-31T23:59:59Z", "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00Z", "2026-11-01T00:00:00", "99999-01-01T00:00:00Z", 0, 1764072000, {"seconds": 1}, ["2026"],
)  # fmt: skip


def stocked(tmp_path: Path, updated_at: object) -> tuple[House, str, str]:
    """Old versions, and one version and one orphan whose `updated_at` reads so."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)
    version, orphan = shelf.image("other", days=90), shelf.image(days=90)
    for manifest in shelf.manifests:
        if manifest["digest"] in (version, orphan):
            manifest["updated_at"] = updated_at
    return house(registry(shelf), HARSH, tmp_path), version, orphan


@pytest.mark.parametrize("updated_at", NO_TIME, ids=repr)
def test_what_has_no_readable_time_stays(tmp_path: Path, updated_at: object) -> None:
    """And it takes no slot: the newest dated version stays as well, and the other old ones go."""
    world, version, orphan = stocked(tmp_path, updated_at)
    with world:
        assert world.apply().exit_code == 0
        assert {version, orphan} <= left(world)
        assert len(left(world)) == 3


def test_a_time_that_is_left_out_is_none(tmp_path: Path) -> None:
    """A missing key reads as an unreadable time."""
    world, version, orphan = stocked(tmp_path, None)
    for entry in entries(world):
        if entry["updated_at"] is None:
            del entry["updated_at"]
    with world:
        world.apply()
        assert {version, orphan} <= left(world)


@pytest.mark.parametrize(
    ("age", "stays"),
    [
        pytest.param(timedelta(hours=24, seconds=1), False, id="a second past grace"),
        pytest.param(timedelta(hours=23, minutes=59), True, id="a minute before grace"),
        pytest.param(timedelta(0), True, id="new"),
        pytest.param(timedelta(seconds=-60), True, id="a minute ahead"),
        pytest.param(timedelta(days=-4000), True, id="years ahead"),
    ],
)
def test_grace_and_the_future_keep(tmp_path: Path, age: timedelta, *, stays: bool) -> None:
    """Strictly younger than grace, or from the future: nothing that the policy says counts."""
    world, version, orphan = stocked(tmp_path, (START - age).isoformat())
    with world:
        world.apply()
        assert ({version, orphan} <= left(world)) is stays
        assert ({version, orphan}.isdisjoint(left(world))) is not stays


@pytest.mark.parametrize("seed", range(100, 106))
def test_everything_that_goes_had_an_age_beyond_grace(tmp_path: Path, seed: int) -> None:
    """In random registries with odd times, under a policy that keeps little."""
    generated = random_registry(random.Random(seed), scenes=8)
    times = {(r.name, e.digest): e.moment.time for r in generated.repositories for e in r.entries}
    configuration = HARSH.replace('["v*"]', '["*"]')
    with House(load_file(generated), configuration, tmp_path, start=generated.now) as world:
        for gone in world.apply().deleted:
            time = times[gone.repository, gone.digest]
            assert time is not None
            assert generated.now - time >= timedelta(hours=24)
