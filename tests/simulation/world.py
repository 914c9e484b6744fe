"""A simulated world: the house, everything around it, and what goes wrong on the wire between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx

from cleaner.wiring import Application
from tests.house import CONTROL, House
from tests.in_use import kube_api
from tests.in_use.kube_api import Trouble
from tests.simulation.charter import Charter, drawn
from tests.simulation.evidence import Evidence
from tests.simulation.fleet import API_SERVER, FILE, Fleet
from tests.simulation.people import People
from tests.simulation.registry import Registry
from tests.simulation.witness import Witness
from tests.waiting import pass_by

_EMPTY = {"registries": [{"name": "acme", "region": "fra1", "repositories": []}]}
_TROUBLES = (kube_api.forbidden, kube_api.broken, kube_api.broken_at_the_end, kube_api.half_an_answer)

Wording = Callable[[str], str]
"""What becomes of a configuration's text before the cleaner reads it."""


@dataclass(slots=True)
class World:
    """Everything about one seed.

    `lying` is what becomes of the cluster's lists in all its weeks, `faults` the share of a command's requests that
    meet trouble, `trace` what was answered.
    """

    rng: Random
    house: House
    charter: Charter
    wording: Wording
    registry: Registry
    fleet: Fleet
    people: People
    witness: Witness
    application: Application
    lying: Mapping[str, Trouble] = field(default_factory=dict)
    faults: float = 0.0
    trace: list[str] = field(default_factory=list)

    def configure(self, mode: str) -> None:
        """The cleaner reads its configuration anew."""
        self.witness.charter = self.charter
        self.house.settings = self.house.configured(self.wording(self.charter.text(mode)))
        self.application.adopt(self.house.settings)

    def restart(self) -> None:
        """The process ends, and another begins on the same ledger."""
        self.application.close()
        self.application = _opened(self.house)

    def lose_the_ledger(self) -> None:
        """The state is gone; what it remembered nobody can be asked for."""
        self.application.close()
        for file in self.house.directory.glob("state.db*"):
            file.unlink()
        self.application = _opened(self.house)
        self.witness.seen = Evidence()

    def wait(self, hours: float) -> None:
        """Time passes."""
        pass_by(self.house, timedelta(hours=hours))

    def among_themselves(self) -> None:
        """People do this and that while no command is under way."""
        self.people.sources = self.charter.sources
        for _ in range(self.rng.randint(0, 3)):
            self.people.act()
        # The file is read at once, without a request: nobody changes it while it is read.
        self.people.sources = tuple(source for source in self.charter.sources if source != FILE)

    def trouble(self) -> None:
        """Now and then the next command meets trouble, on the wire or in the cluster."""
        self.faults = self.rng.choice((0.0, 0.0, 0.0, 0.04))
        self.fleet.cluster.trouble = {**self.lying}
        if self.rng.random() < 0.1:
            self.fleet.cluster.trouble["replicasets"] = self.rng.choice(_TROUBLES)

    def out(self, request: httpx.Request) -> httpx.Response | None:
        """A request on its way: people act, and a fault may answer in the provider's place."""
        self.witness.hear()
        if self.rng.random() < 0.06:
            self.people.act()
        self.witness.request(request)
        if request.url.host != API_SERVER and self.rng.random() < self.faults:
            if self.rng.random() < 0.3:
                raise httpx.ConnectError("no route", request=request)
            return httpx.Response(self.rng.choice((429, 500, 503)), headers={"retry-after": "1"})
        return None

    def back(self, request: httpx.Request, answer: httpx.Response) -> None:
        """Its answer on the way back; it may be lost."""
        self.trace.append(f"{request.method} {request.url.raw_path.decode()} {answer.status_code}")
        self.witness.answered(request, answer)
        if request.url.host == CONTROL and self.rng.random() < self.faults / 2:
            raise httpx.ReadError("cut", request=request)
        self.witness.delivered(request, answer)


def created(seed: int, folder: Path, wording: Wording) -> World:
    """The world of that seed, its state in `folder`; nothing has happened in it yet."""
    rng = Random(seed)
    charter = drawn(rng)
    house = House(_EMPTY, wording(charter.text("plan")), folder, randomness=seed)
    registry, fleet = Registry(house), Fleet(house, charter.previous)
    witness = Witness(house, registry, fleet, charter)
    people = People(rng, registry, fleet, lambda: witness.now)
    world = World(rng, house, charter, wording, registry, fleet, people, witness, _opened(house))
    house.network.before, house.network.after = world.out, world.back
    house.network.delay = lambda _: rng.uniform(0.005, 0.06)
    return world


def _opened(house: House) -> Application:
    return Application.for_applying(house.settings, house.edges)
