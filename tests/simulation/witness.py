"""The witness: sits on the wire of a world, writes down what passes, and objects where a promise is broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote

import httpx

from cleaner.model.event import Event, ManifestRead, Planned
from cleaner.model.safeguard import SourceRead
from cleaner.simulator.collection import SUCCEEDED
from tests.house import CONTROL, House, path_of
from tests.simulation.charter import Charter
from tests.simulation.evidence import Evidence, Gone, Look, Place, Reading, copied
from tests.simulation.fleet import API_SERVER, APPS, CLUSTER, FILE, Fleet
from tests.simulation.promise import Deletion, broken_by_collection, broken_by_deletion
from tests.simulation.registry import Registry


@dataclass(slots=True)
class Witness:
    """What was seen so far, and every objection to it.

    `as_of` is the moment as of which the command under way judges, None before its plan is made; `beginnings` says at
    which change of the fleet the reading of a source began that is under way.
    """

    house: House
    registry: Registry
    fleet: Fleet
    charter: Charter
    seen: Evidence = field(default_factory=Evidence)
    objections: list[str] = field(default_factory=list)
    deletions: int = 0
    as_of: datetime | None = None
    clouded: bool = False
    beginnings: dict[str, int] = field(default_factory=dict)
    _before: Evidence = field(default_factory=Evidence)
    _going: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    _heard: int = 0
    _began: datetime | None = None

    @property
    def now(self) -> datetime:
        """The moment by the loop's time; asking does not move any clock."""
        return self.house.start + timedelta(seconds=self.house.loop.time())

    def begins(self) -> None:
        """A command begins."""
        self._before, self._began = copied(self.seen), self.now
        self.as_of, self.clouded = None, False
        self.beginnings.clear()
        self._notice_collections()

    def ends(self, *, looks_count: bool, crashed: bool) -> None:
        """A command has ended: what it did not remember for sure, the witness does not count on."""
        self.hear()
        if crashed:
            self.seen.readings = self._before.readings
        if crashed and self.as_of is None and self._began is not None:
            self.seen.unheard.append(self._began)
        if crashed or self.clouded or not looks_count:
            self.seen.looks = self._before.looks
        self._notice_collections()

    def hear(self) -> None:
        """Hear what was told since."""
        for event in self.house.events[self._heard :]:
            self._heard_of(event)
        self._heard = len(self.house.events)

    def request(self, request: httpx.Request) -> None:
        """A request is on its way."""
        source, path = _source(request), path_of(request)
        if source is not None:
            self.beginnings.setdefault(source, self.fleet.changes)
        if request.method == "DELETE":
            repository, digest = _repository(path), path.rpartition("/")[2]
            self._going[repository, digest] = self.registry.tags(repository).get(digest, ())

    def answered(self, request: httpx.Request, answer: httpx.Response) -> None:
        """A request was carried out; its answer may still be lost."""
        path = path_of(request)
        if request.method == "DELETE" and answer.status_code == 204:
            self._deleted(path)
        elif request.method == "POST" and answer.status_code == 201 and path.endswith("/garbage-collection"):
            self._notice_collections()
            broken = broken_by_collection(self.charter, self.seen, self.registry, self.now)
            self.object(f"a collection was started: {why}" for why in broken)

    def delivered(self, request: httpx.Request, answer: httpx.Response) -> None:
        """An answer comes home."""
        path = path_of(request)
        if request.method == "GET" and "/digests?" in path and answer.status_code == 200:
            listed = answer.json()["manifests"]
            carriers = {tag: entry["digest"] for entry in listed for tag in entry.get("tags") or ()}
            look = Look(self.now, carriers, frozenset(entry["digest"] for entry in listed))
            self.seen.looks[_repository(path)].append(look)

    def _heard_of(self, event: Event) -> None:
        if isinstance(event, SourceRead):
            source = next(name for name in (APPS, CLUSTER, FILE) if event.source.startswith(name))
            began = self.beginnings.pop(source, self.fleet.changes)
            self.seen.readings[source].append(Reading(self.now, self.fleet.told(source, began)))
        elif isinstance(event, Planned):
            self.as_of = event.as_of
            self.seen.announce(self.charter.rules, event.plan, event.as_of)
        elif isinstance(event, ManifestRead) and not event.readable:
            self.clouded = True

    def _deleted(self, path: str) -> None:
        repository, digest = place = _repository(path), path.rpartition("/")[2]
        look, gone = self.seen.last_look(repository), Gone(*place, self._going.get(place, ()), self.now)
        self.deletions += 1
        self.seen.uncollected.append(gone)
        if look is None or self.as_of is None or digest not in look.present:
            self.object([f"{repository}@{digest} was deleted without a plan or a look at it"])
            return
        deletion = Deletion(gone, look, self.as_of)
        broken = broken_by_deletion(self.charter, self.seen, self.registry, deletion)
        self.object(f"{repository}@{digest} was deleted: {why}" for why in broken)

    def object(self, broken: Iterable[str]) -> None:
        """Write objections down."""
        self.objections += [f"{self.now:%d %b %H:%M:%S} {what}" for what in broken]

    def _notice_collections(self) -> None:
        self.house.world.advance()
        for collection in self.house.registry_of_the_world().collections:
            if collection.status == SUCCEEDED:
                self.seen.collected(collection.created_at)


def _source(request: httpx.Request) -> str | None:
    """The source that a request asks, if any."""
    if request.url.host == API_SERVER:
        return CLUSTER
    return APPS if request.url.host == CONTROL and request.url.path.startswith("/v2/apps") else None


def _repository(path: str) -> str:
    """The repository in a path of the control plane."""
    return unquote(path.partition("/repositories/")[2].partition("/")[0])
