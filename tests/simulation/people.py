"""What people and their pipelines do, between any two requests: push, retag, sign, deploy, roll back, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from random import Random

from tests.simulation.fleet import APPS, CLUSTER, Deployed, Fleet, Image
from tests.simulation.registry import REPOSITORIES, Registry

MOVING = ("main", "stable", "next")
_NAMES = ("shop", "jobs", "admin")


@dataclass(slots=True)
class People:
    """They act by chance, always on what is there, and never push while the registry is read-only.

    `sources` are those where something may be deployed while somebody asks them.
    """

    rng: Random
    registry: Registry
    fleet: Fleet
    now: Callable[[], datetime]
    sources: Sequence[str] = (APPS, CLUSTER)
    did: list[str] = field(default_factory=list)
    _builds: count[int] = field(default_factory=count)

    def act(self) -> None:
        """Somebody does something, where it can be done."""
        acts = (self._build, self._build, self._retag, self._list_again, self._sign, self._push_again, self._list_gone)
        on_the_fleet = (self._deploy, self._deploy, self._roll_back, self._stop)
        act = self.rng.choice((*acts, *on_the_fleet))
        repository = self.rng.choice(REPOSITORIES)
        if act in on_the_fleet or not self.registry.read_only:
            act(repository)
            self.did.append(f"{act.__name__.strip('_')} {repository}")

    def build(self, repository: str, at: datetime) -> str:
        """A pipeline pushes an image, an index or a nested index, signed at times, under tags; its digest."""
        shape = self.rng.random()
        if shape < 0.5:
            built = self.registry.image(repository, at)
        else:
            children = [self.registry.image(repository, at) for _ in range(self.rng.randint(1, 2))]
            built = self.registry.index(repository, children, at)
            if shape > 0.9:
                built = self.registry.index(repository, [built, self.registry.image(repository, at)], at)
        number = next(self._builds)
        tags = [f"sha-{number:07x}"]
        tags += [self.rng.choice(MOVING)] if self.rng.random() < 0.4 else []
        tags += [f"v1.{number // 3}.{number % 3}"] if self.rng.random() < 0.3 else []
        for tag in tags:
            self.registry.tag(repository, tag, built)
        if self.rng.random() < 0.2:
            self.registry.sign(repository, built, at, self.rng.choice((".sig", ".att", "")))
        return built

    def _build(self, repository: str) -> None:
        self.build(repository, self.now())

    def _retag(self, repository: str) -> None:
        """A moving tag comes onto something that is there, an untagged child at times."""
        there = self._there(repository)
        if there:
            self.registry.tag(repository, self.rng.choice(MOVING), self.rng.choice(there))

    def _list_again(self, repository: str) -> None:
        """A new index lists what is there already, platforms that nothing tags among it."""
        there = self._there(repository)
        if there:
            children = self.rng.sample(there, min(len(there), self.rng.randint(1, 2)))
            index = self.registry.index(repository, children, self.now())
            self.registry.tag(repository, f"sha-{next(self._builds):07x}", index)

    def _list_gone(self, repository: str) -> None:
        """An index is copied without what it lists, all of it gone, and some of its blobs still there, at times."""
        there = self.registry.tags(repository)
        gone = sorted(digest for name, digest in self.registry.pushes if name == repository and digest not in there)
        if gone and self.rng.random() < 0.15:
            index = self.registry.index(repository, [self.rng.choice(gone)], self.now())
            self.registry.tag(repository, f"sha-{next(self._builds):07x}", index)

    def _sign(self, repository: str) -> None:
        there = self._there(repository)
        if there:
            self.registry.sign(repository, self.rng.choice(there), self.now(), self.rng.choice((".sig", ".sbom", "")))

    def _push_again(self, repository: str) -> None:
        """A build that gives the same bytes as one before is pushed again, under a tag of its own."""
        digest = self.rng.choice(sorted(self.registry.built)) if self.registry.built else None
        if digest is not None and self.registry.built[digest].subject is None:
            self.registry.again(repository, digest, self.now())
            self.registry.tag(repository, f"sha-{next(self._builds):07x}", digest)

    def _deploy(self, repository: str) -> None:
        """Something runs what a tag is on now, by the tag, by its digest, or by both."""
        if not self.sources:
            return
        source, name = self.rng.choice(tuple(self.sources)), self.rng.choice(_NAMES)
        tagged = sorted(self.registry.carriers(repository).items())
        whole = [(tag, digest) for tag, digest in tagged if self.registry.pulls(repository, digest)]
        plain = [(tag, digest) for tag, digest in whole if not tag.startswith("sha256-")]
        if plain:
            tag, digest = self.rng.choice(plain)
            images = [Image(repository, tag), Image(repository, None, digest)]
            images += [Image(repository, tag, digest)] if source != APPS else []
            self.fleet.deploy(source, name, Deployed(self.rng.choice(images), digest, self.now()))

    def _roll_back(self, _repository: str) -> None:
        """Something goes back to what it ran before, as long as that can be pulled."""
        could = [
            (where, each)
            for where, deployed in self.fleet.running.items()
            for each in deployed[:-1]
            if where[0] in self.sources and self.registry.pulls(each.image.repository, each.digest)
        ]
        if could:
            (source, name), earlier = self.rng.choice(could)
            pinned = Image(earlier.image.repository, None, earlier.digest)
            image = earlier.image if self._still_means(earlier) else pinned
            self.fleet.deploy(source, name, Deployed(image, earlier.digest, self.now()))

    def _stop(self, _repository: str) -> None:
        running = [where for where in self.fleet.running if where[0] in self.sources]
        if running and self.rng.random() < 0.5:
            self.fleet.stop(*self.rng.choice(running))

    def _still_means(self, earlier: Deployed) -> bool:
        carriers = self.registry.carriers(earlier.image.repository)
        return earlier.image.tag is None or carriers.get(earlier.image.tag) == earlier.digest

    def _there(self, repository: str) -> list[str]:
        """What can be pulled whole, attachments aside."""
        return [
            digest
            for digest, tags in sorted(self.registry.tags(repository).items())
            if not self.registry.attached_to(digest, tags) and self.registry.pulls(repository, digest)
        ]
