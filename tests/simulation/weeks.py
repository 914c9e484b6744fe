"""Weeks of one random world: a registry, what runs, everybody else, and a cleaner that comes by; all from one number."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
from sqlalchemy import Engine, event

from cleaner.cleaning.orders import NO_MANDATE
from cleaner.errors import CleanerError
from cleaner.ledger.restoring import Which
from cleaner.model.report import Report
from cleaner.wiring import Application
from tests.crashes import Crash, bury
from tests.house import House, path_of
from tests.simulation.fleets import ENTRIES, Apps, Cluster, Fleet, Image, ImagesFile
from tests.simulation.people import People
from tests.simulation.promise import DAY, HOUR, REPOSITORIES, Promise, draw_promise
from tests.simulation.pushes import Pushes
from tests.simulation.record import Sources
from tests.simulation.watcher import Violation, Watcher

STEPS = 18
MEANWHILE, FAULTS, DEATHS, RESTARTS = 0.05, 0.005, 0.04, 0.15


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the world of that number; `trace` is a digest of every request, its time and its answer."""

    seed: int
    tally: Counter[str]
    violations: tuple[Violation, ...]
    trace: str


@dataclass(frozen=True, slots=True)
class Twist:
    """How a world differs from what its number says.

    `promised` changes what the watcher holds the cleaner to, `configured` what the cleaner is told instead, and
    `silent` is whether App Platform answers, and names nothing of what runs.
    """

    promised: Callable[[Promise], Promise] = lambda promise: promise
    configured: Callable[[Promise], Promise] = lambda promise: promise
    silent: bool = False


HONEST = Twist()


def lived(seed: int, folder: Path, twist: Twist = HONEST) -> Outcome:
    """Live through the weeks of one world."""
    world = Weeks(seed, folder, twist)
    with world.house, world.mortal():
        try:
            world.live()
        finally:
            world.process.close()
    return Outcome(seed, world.watcher.tally, tuple(world.watcher.violations), world.trace.hexdigest())


class Weeks:
    """One world on its way through its weeks."""

    def __init__(self, seed: int, folder: Path, twist: Twist = HONEST) -> None:
        self.rng = Random(seed)
        self.twist = twist
        promise = twist.promised(draw_promise(self.rng))
        text = twist.configured(promise).written(ENTRIES)
        registry = {"name": "acme", "region": "fra1", "repositories": [{"name": name} for name in REPOSITORIES]}
        self.house = House({"registries": [registry]}, text, folder, randomness=seed)
        self.registry = self.house.registry_of_the_world()
        pushes = Pushes(self.registry.storage, self.rng, self.house.now)
        self.fleets = self._fleets(promise, pushes)
        self.watcher = Watcher(promise, pushes, self.fleets, Sources(self.fleets))
        names = tuple(name for name in REPOSITORIES if name in promise.policies or self.rng.random() < 0.3)
        self.people = People(self.rng, pushes, self.fleets, self.watcher, names)
        self.trace = hashlib.sha256()
        self.meanwhile, self.faults = MEANWHILE, FAULTS
        self.process = self._begun()
        self._dies_after: int | None = None
        self._house_has_doors()

    def live(self) -> None:
        """Weeks of pushes, deployments, looks and runs."""
        for name in self.people.repositories:
            for _ in range(self.rng.randint(3, 5)):
                self.watcher.pushes.build(name, self.rng.uniform(0, 12) * DAY)
        for _ in range(STEPS):
            for _ in range(2):
                self._wait(self.rng.uniform(1, 23) * HOUR)
                for _ in range(self.rng.randint(0, 3)):
                    self._somebody_acts()
            self._weather()
            self._something_is_due()

    @contextmanager
    def mortal(self) -> Iterator[None]:
        """Once the process has died, nothing that it still does is written."""
        event.listen(Engine, "commit", self._commit)
        try:
            yield
        finally:
            event.remove(Engine, "commit", self._commit)

    def _fleets(self, promise: Promise, pushes: Pushes) -> dict[str, Fleet]:
        def pull(image: Image) -> str | None:
            present = {str(entry["digest"]) for entry in pushes.entries(image.repository)}
            found = image.digest if image.tag is None else pushes.carrier(image.repository, image.tag)
            return found if found in present else None

        folder, pick = self.house.directory, self.rng.randrange
        cluster = Cluster(folder, pick, pull, pushes.config_of)
        self.house.network.planes = {**self.house.network.planes, "kube.example": cluster.server.transport()}
        every: tuple[Fleet, ...] = (Apps(self.house.world.apps, pick), cluster, ImagesFile(folder / "images.txt", pick))
        return {fleet.kind: fleet for fleet in every if fleet.kind in promise.sources}

    def _house_has_doors(self) -> None:
        self.house.network.before, self.house.network.after = self._out, self._back
        self.house.network.delay = lambda _: 0.05

    def _out(self, request: httpx.Request) -> httpx.Response | None:
        """A request goes out: meanwhile others act, and anything may go wrong."""
        if self._dies_after is not None:
            self._dies_after -= 1
            if self._dies_after < 0:
                raise Crash
        if self.rng.random() < self.meanwhile:
            self._somebody_acts()
        self.watcher.before(request)
        self.trace.update(f"{self.house.loop.time():.6f} {request.method} {path_of(request)}\n".encode())
        for fleet in self.fleets.values():
            if fleet.asked(request) and fleet.down:
                return fleet.refuse()
            if fleet.asked(request) and self.twist.silent:
                return httpx.Response(200, json={"apps": [], "meta": {"total": 0}})
        if self.rng.random() < self.faults:
            self.watcher.tally["faults"] += 1
            if self.rng.random() < 0.5:
                return httpx.Response(503, text="upstream")
            raise httpx.ConnectError("no way there", request=request)
        return None

    def _back(self, request: httpx.Request, answer: httpx.Response) -> None:
        """The answer comes back, or is lost on its way."""
        self.watcher.after(request, answer)
        self.trace.update(f"{answer.status_code}\n".encode())
        if self.rng.random() < self.faults:
            self.watcher.tally["faults"] += 1
            raise httpx.ReadError("the connection was cut", request=request)

    def _commit(self, _connection: object) -> None:
        if self._dies_after is not None and self._dies_after < 0:
            raise Crash

    def _somebody_acts(self) -> None:
        self.house.world.advance()
        self.people.act(read_only=self.registry.active_collection is not None)

    def _wait(self, duration: timedelta) -> None:
        self.house.run(asyncio.sleep(duration.total_seconds()))

    def _weather(self) -> None:
        """Sources come and go; at times a policy is edited."""
        for fleet in self.fleets.values():
            chance = 0.5 if fleet.down else 0.04
            if self.rng.random() < chance:
                fleet.down = not fleet.down
        if self.rng.random() < 0.01:
            edited = self.watcher.promise.edited(self.rng)
            self.watcher.edited(edited)
            self.house.settings = self.house.configured(self.twist.configured(edited).written(ENTRIES))
            self.process.adopt(self.house.settings)

    def _something_is_due(self) -> None:
        registry, hear = self.house.registry, self.watcher.hear
        later = self.house.now() + self.rng.randint(1, 30) * DAY
        which = Which(since=self.house.now() - self.rng.randint(1, 48) * HOUR)
        due: dict[str, tuple[int, Callable[[Application], Coroutine[Any, Any, object]]]] = {
            "clean": (50, lambda app: app.clean(registry, NO_MANDATE, hear)),
            "look": (25, lambda app: app.watch_uses(registry, hear)),
            "plan": (10, lambda app: app.plan(registry, None, hear)),
            "forecast": (4, lambda app: app.plan(registry, later, hear)),
            "collect": (10, lambda app: app.collect(registry, hear)),
            "undo": (4, lambda app: app.undo(registry, which, hear)),
        }
        kind = self.rng.choices(list(due), [often for often, _ in due.values()])[0]
        self._do(kind, due[kind][1])

    def _do(self, kind: str, doing: Callable[[Application], Coroutine[Any, Any, object]]) -> None:
        """Something is done to its end, or until the process dies."""
        if self.rng.random() < RESTARTS:
            self.process.close()
            self.meanwhile, self.faults = MEANWHILE, FAULTS
        self.process = self._begun()
        self.watcher.begin(kind)
        self._dies_after = self.rng.randint(0, 40) if self.rng.random() < DEATHS else None
        try:
            came_of_it = self.house.run(doing(self.process))
            if isinstance(came_of_it, Report):
                for held in came_of_it.held_back:
                    self.watcher.tally[f"held: {held.reason}"] += held.manifests
        except Crash:
            self._died()
        except CleanerError:
            self.watcher.tally["refused"] += 1
            self.watcher.end()
        else:
            self.watcher.end()
        self._dies_after = None

    def _died(self) -> None:
        """The process is gone, and another one begins on what it left."""
        self.process.close()
        bury(self.house)
        self.watcher.died()
        self._dies_after = None
        self.meanwhile, self.faults = MEANWHILE, FAULTS
        self.process = self._begun()

    def _begun(self) -> Application:
        return Application.for_applying(self.house.settings, self.house.edges)
