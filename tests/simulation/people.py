"""Everybody else: they push, move tags, deploy, scale and roll back, at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from cleaner.simulator.contents import digest_of
from tests.simulation.fleets import Fleet, Image
from tests.simulation.pushes import Pushes
from tests.simulation.watcher import Watcher


@dataclass(slots=True)
class People:
    """Draws what somebody does next. `deployed` is all that was ever deployed, newest last, by fleet."""

    rng: Random
    pushes: Pushes
    fleets: Mapping[str, Fleet]
    watcher: Watcher
    repositories: tuple[str, ...]
    deployed: dict[str, list[Image]] = field(default_factory=dict)

    def act(self, *, read_only: bool) -> None:
        """Somebody does something; while the registry is read-only, not there."""
        habits = self._running() if read_only else (*self._running(), *self._pushing())
        self.rng.choices([do for do, _ in habits], [often for _, often in habits])[0]()

    def _running(self) -> tuple[tuple[Callable[[], object], int], ...]:
        return (self._deploy, 22), (self._step, 14), (self._roll_back, 8)

    def _pushing(self) -> tuple[tuple[Callable[[], object], int], ...]:
        return (
            (lambda: self.pushes.build(self._repository()), 30),
            (self._move_tag, 8),
            (self._take_tag_off, 4),
            (self._sign, 6),
            (self._need_what_is_gone, 20),
        )

    def _repository(self) -> str:
        return self.rng.choice(self.repositories)

    def _move_tag(self) -> None:
        repository = self._repository()
        tags = self.pushes.tags(repository)
        if tags:
            tag = "main" if self.rng.random() < 0.5 else self.rng.choice(tags)[0]
            self.pushes.move_tag(repository, tag, digest_of(self.rng.choice(self.pushes.entries(repository))))

    def _take_tag_off(self) -> None:
        repository = self._repository()
        tags = self.pushes.tags(repository)
        if tags:
            self.pushes.storage.delete_tag(repository, self.rng.choice(tags)[0])

    def _sign(self) -> None:
        repository = self._repository()
        entries = self.pushes.entries(repository)
        if entries:
            self.pushes.sign(repository, digest_of(self.rng.choice(entries)))

    def _fleet(self) -> Fleet | None:
        return self.fleets[self.rng.choice(sorted(self.fleets))] if self.fleets else None

    def _deploy(self) -> None:
        """Something that is there, by its tag or its digest; rather what was pushed lately."""
        fleet, repository = self._fleet(), self._repository()
        tags = self.pushes.tags(repository)
        if fleet is None or not tags:
            return
        tag, digest = self.rng.choice(tags[-5:] if self.rng.random() < 0.7 else tags)
        by_tag = Image(repository, tag, None, digest if self.rng.random() < 0.5 else None)
        self._start(fleet, by_tag if self.rng.random() < 0.6 else Image(repository, None, digest))

    def _start(self, fleet: Fleet, image: Image) -> None:
        fleet.deploy(image, self.pushes.now())
        self.deployed.setdefault(fleet.kind, []).append(image)

    def _step(self) -> None:
        fleet = self._fleet()
        if fleet is not None:
            fleet.step(self.pushes.now())

    def _roll_back(self) -> None:
        """To something that ran before."""
        fleet = self._fleet()
        earlier = self.deployed.get(fleet.kind) if fleet else None
        if fleet is not None and earlier:
            image = self.rng.choice(earlier[-6:])
            self._start(fleet, Image(image.repository, image.tag, image.digest))

    def _need_what_is_gone(self) -> None:
        """What was deleted a moment ago: an index lists it, somebody deploys it, signs it, or pushes it once more."""
        if not self.watcher.lost:
            return
        (repository, digest), lost = self.rng.choice(
            sorted(self.watcher.lost.items(), key=lambda each: (each[1].at, each[0]))[-6:]
        )
        now, tags, what = self.pushes.now(), sorted(lost.entry.tags), self.rng.randrange(5)
        fleet = self._fleet()
        if what <= 1 or fleet is None:
            children = [digest, self.pushes.image(repository, (), now)]
            self.pushes.index(repository, children, (f"v2.0.{self.rng.randrange(10**6)}",), now)
        elif what == 2:
            self._start(fleet, Image(repository, None, digest))
        elif what == 3 and tags:
            self._start(fleet, Image(repository, tags[0], None))
        elif self.rng.random() < 0.5:
            self.pushes.sign(repository, digest)
        else:
            self.pushes.push_again(repository, digest, tags)
