"""A token that is rotated in the middle of a run: nothing fails, nothing is lost, nothing is done twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.house import CONTROL, House
from tests.shelves import LATENCY, Shelf, policy, registry

OLD, NEW = "dop_v1_old", "dop_v1_new"


@dataclass(slots=True)
class Rotation:
    """The account takes the new token, and no longer the old one, from request number `at` on."""

    house: House
    file: Path
    at: int
    refused: int = 0

    def before(self, request: httpx.Request) -> httpx.Response | None:
        """The provider's answer to the wrong token. The realm wants another secret, which goes on serving."""
        if request.url.host != CONTROL or request.url.path == "/v2/registry/auth":
            return None
        rotated = len(self.house.network.seen) > self.at
        if rotated:
            self.file.write_text(NEW)
        if request.headers["authorization"] == f"Bearer {NEW if rotated else OLD}":
            return None
        self.refused += 1
        return httpx.Response(401, json={"id": "unauthorized", "message": "Unable to authenticate you"})


def world_of(state: Path, *shelves: Shelf) -> tuple[House, Path]:
    """A house whose token is in a file."""
    file = state / "token"
    file.write_text(OLD)
    configuration = policy('[{tags: ["v*"], last: 2}]', top=f"api: {{token: {{file: {file}}}}}")
    return House(registry(*shelves), configuration, state, behaviour=Behaviour(latency=LATENCY)), file


def shelves() -> list[Shelf]:
    """Three repositories of eight versions each."""
    made = [Shelf(f"app-{number}") for number in range(3)]
    for shelf in made:
        for n in range(8):
            shelf.image(f"v{n}", days=100 - n)
    return made


@pytest.mark.parametrize("at", range(0, 75, 5))
def test_whenever_it_is_rotated_the_run_goes_on_as_if_nothing_was(tmp_path: Path, at: int) -> None:
    """Its few requests under way are refused once each, and sent again; every deletion happens once."""
    stock = shelves()
    house, file = world_of(tmp_path, *stock)
    with house:
        rotation = Rotation(house, file, at)
        house.network.before = rotation.before
        report = house.apply()
        assert (report.exit_code, report.error, report.failed) == (0, None, ())
        assert len({(gone.repository, gone.digest) for gone in report.deleted}) == len(report.deleted) == 18
        assert report.collection is not None
        assert 1 <= rotation.refused <= 4
        assert len(house.network.places("GET", "docker-credentials")) <= 2
        assert house.digests() == {
            (shelf.name, str(kept["digest"])) for shelf in stock for kept in shelf.manifests[-2:]
        }


def test_a_token_that_is_revoked_and_not_replaced_ends_the_run(tmp_path: Path) -> None:
    """No request is sent a second time with the same token."""
    house, file = world_of(tmp_path, *shelves())

    def revoked(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(401, json={}) if request.method == "DELETE" else None

    with house:
        house.network.before = revoked
        report = house.apply()
        assert (report.exit_code, len(report.deleted), file.read_text()) == (1, 0, OLD)
        assert len(house.network.places("DELETE")) == len(set(house.network.sent("DELETE"))) <= 4
