"""What happened: everything was listed before anything was deleted; killed after six hours at 140,000 manifests.

To: acr-cli 457. Here: few requests, and a run that was killed has kept what it did and learnt.
"""

from __future__ import annotations

from pathlib import Path

from tests.crashes import crashes
from tests.house import CONTROL, REGISTRY, House
from tests.shelves import Shelf, house, left, policy, registry


def large(state: Path) -> House:
    """Four repositories of 60 builds each, of which ten stay."""
    shelves = [Shelf(f"team/app-{number}") for number in range(4)]
    for shelf in shelves:
        for n in range(60):
            shelf.image(f"v{n}", days=100 - n)
    limits = "share: 100%, keep_at_least: 1"
    top = "api: {rate_limit: {per_minute: 0, per_hour: 0}}"
    return house(registry(*shelves), policy('[{tags: ["v*"], last: 10}]', limits=limits, top=top), state)


def test_a_run_costs_little_more_than_a_request_a_deletion(tmp_path: Path) -> None:
    """On the control plane: 200 deletions, three listings of each repository, and a handful for the collection."""
    with large(tmp_path) as world:
        assert len(world.apply().deleted) == 200
        assert len(world.network.to(CONTROL)) <= 200 + 3 * 4 + 20


def test_killed_again_and_again_the_work_gets_done(tmp_path: Path) -> None:
    """Each run dies after so many points; no manifest is read twice, no deletion done twice, and an end is reached."""
    with large(tmp_path) as world:
        runs = 1
        while crashes(world, 700, world.apply):
            runs += 1
            assert runs < 10
        assert runs > 2
        assert {len(left(world, f"team/app-{number}")) for number in range(4)} == {10}
        assert len(world.network.places("DELETE")) <= 200 + 4 * runs
        reads = world.network.sent("GET", "/manifests/sha256:")
        assert len(reads) <= 240 + 8 * runs
        assert len(world.network.to(REGISTRY)) == len(reads)
