"""What happened: the rate limit was hit after 23 packages, and the rest was judged on half the facts.

To: NVSentinel 1339. Here: a request that is refused for its rate is sent again later or counts as failed, never as an
answer (laws 3 and 13).
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.house import CONTROL, TOKEN, House
from tests.shelves import Shelf, house, left, policy, registry

NAMES = [f"app-{number}" for number in range(6)]
KEEP = '[{tags: ["v*"], last: 2}]'


def content() -> dict[str, object]:
    """Six repositories of five builds each, of which two stay."""
    shelves = [Shelf(name) for name in NAMES]
    for shelf in shelves:
        for n in range(5):
            shelf.image(f"v{n}", days=40 - n)
    return registry(*shelves)


def test_inside_a_tight_limit_the_work_only_takes_longer(tmp_path: Path) -> None:
    """The provider allows ten requests a minute, and so does our budget: not one 429, and everything is done."""
    behaviour = Behaviour(token=TOKEN, per_minute=10, latency=timedelta(milliseconds=30))
    configuration = policy(KEEP, top="api: {rate_limit: {per_minute: 10, per_hour: 0, reserve: 0%}}")
    with House(content(), configuration, tmp_path, behaviour=behaviour) as world:
        report = world.apply()
        assert (report.exit_code, len(report.deleted)) == (0, 18)
        assert [len(left(world, name)) for name in NAMES] == [2] * 6


@pytest.mark.parametrize("granted", [3, 7, 12, 23])
def test_a_limit_that_others_use_up_holds_back_and_deletes_nothing_wrong(tmp_path: Path, granted: int) -> None:
    """From some request on all are refused: a repository is judged on all facts or not at all, and it is said."""
    numbers = itertools.count(1)

    def used_up(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == CONTROL and next(numbers) > granted:
            return httpx.Response(429, headers={"retry-after": "5"}, json={"id": "too_many_requests"})
        return None

    with house(content(), policy(KEEP), tmp_path) as world:
        newest = {(name, entry) for name in NAMES for entry in newest_two(world, name)}
        world.network.before = used_up
        report = world.apply()
        assert newest <= world.digests()
        assert report.exit_code in (1, 3)
        world.network.before = lambda _: None
        assert world.apply().exit_code == 0
        assert newest == world.digests()


def newest_two(world: House, repository: str) -> list[str]:
    """The two builds that stay."""
    entries = world.registry_of_the_world().storage.manifests(repository)
    return [str(entry["digest"]) for entry in sorted(entries, key=lambda entry: str(entry["updated_at"]))[-2:]]
