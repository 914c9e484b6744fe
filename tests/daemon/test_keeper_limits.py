"""What one due moment may delete, however often its run is tried."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.daemon.household import Household, account, at, configuration, entry, household, versions
from tests.house import path_of

NOON = '"30 12 * * *"'


def refuse_collections(home: Household) -> None:
    """The token may delete, but not collect: each run fails after its deletions."""

    def before(request: httpx.Request) -> httpx.Response | None:
        refused = request.method == "POST" and path_of(request).endswith("/garbage-collection")
        return httpx.Response(403, json={"id": "forbidden", "message": "no"}) if refused else None

    home.house.network.before = before


def limited(cap: int) -> str:
    """A policy that condemns eighteen of twenty versions, under a cap."""
    return configuration(entry(schedule=NOON)).replace("share: 100%", f"share: 100%, deletions: {cap}")


def test_tries_of_one_run_share_its_cap(tmp_path: Path) -> None:
    """A run that fails after its deletions is tried again, and deletes no more than one run may."""
    with household(tmp_path, limited(5), account(acme=versions(20))) as home:
        refuse_collections(home)

        async def story() -> None:
            async with home.process():
                await home.until(at("18:00", 24))

        home.run(story())
        assert len(home.outcomes()) > 4
        assert set(home.outcomes()) == {"failed"}
        assert len(home.deletes()) == 5


def test_the_next_due_moment_has_the_cap_anew(tmp_path: Path) -> None:
    """So the rest goes day by day."""
    with household(tmp_path, limited(5), account(acme=versions(20))) as home:

        async def story() -> None:
            async with home.process():
                await home.until(at("13:00", 26))

        home.run(story())
        assert home.outcomes() == ["held_back"] * 3
        assert len(home.deletes()) == 15


def test_a_run_that_a_person_asked_for_is_not_tried_again(tmp_path: Path) -> None:
    """The person sees that it failed; by itself the daemon would have the limits anew each time."""
    with household(tmp_path, limited(5), account(acme=versions(20))) as home:
        refuse_collections(home)

        async def story() -> None:
            async with home.process() as process:
                process.keeper.start_run("acme")
                await home.until(at("12:29", 24))

        home.run(story())
        assert home.outcomes() == ["failed"]
        assert len(home.deletes()) == 5
