"""The logbook: a listener that writes a line for each decision that matters, and at debug for each step on the way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

import structlog

from cleaner.daemon import log_lines as lines
from cleaner.daemon.log_lines import Fact, Line
from cleaner.daemon.logs import OURS
from cleaner.daemon.safeguard_lines import of_a_safeguard
from cleaner.model.collection import Collection
from cleaner.model.event import (
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    Event,
    Planned,
    RegistryWatched,
    RunBegan,
    RunEnded,
    registry_of,
)
from cleaner.model.safeguard import Safeguard

_OfCollections: TypeAlias = CollectionStarted | CollectionPolled | CollectionEnded | RegistryWatched


@dataclass(slots=True)
class Logbook:
    """Hears each event and writes what it tells, with the registry, and the run while one goes on there.

    `runs` holds the run under way on each registry, `collections` the last told status of each active collection.
    """

    runs: dict[str, str] = field(default_factory=dict)
    collections: dict[str, tuple[str, str]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Write it down."""
        registry = registry_of(event)
        if isinstance(event, RunBegan):
            self.runs[event.registry] = event.run
        about: dict[str, Fact] = {"registry": registry, "run": self.runs.get(registry) if registry else None}
        for line in self._lines(event):
            facts = {name: fact for name, fact in (about | line.facts).items() if fact is not None}
            structlog.get_logger(OURS).log(line.level, line.phrase, **facts)
        if isinstance(event, RunEnded):
            self.runs.pop(event.registry, None)

    def _lines(self, event: Event) -> Iterator[Line]:
        if isinstance(event, Planned):
            yield from (lines.of_a_plan if event.plan.registry in self.runs else lines.of_a_forecast)(event.plan)
        elif isinstance(event, ConfigurationReloaded):
            yield lines.of_a_reload(event)
        elif isinstance(event, lines.OfRuns):
            yield lines.of_a_run(event)
        elif isinstance(event, lines.OfDeletions):
            yield lines.of_a_deletion(event)
        elif isinstance(event, lines.OfTrouble):
            yield lines.of_trouble(event)
        elif isinstance(event, _OfCollections):
            yield from self._of_a_collection(event)
        elif isinstance(event, Safeguard):
            yield of_a_safeguard(event)
        elif isinstance(event, lines.OfReading):
            yield lines.of_reading(event)
        else:
            yield lines.of_the_provider(event)

    def _of_a_collection(self, event: _OfCollections) -> Iterator[Line]:
        match event:
            case CollectionStarted(registry, collection, adopted):
                phrase = "garbage collection adopted" if adopted else "garbage collection started"
                yield self._seen(registry, phrase, collection)
            case CollectionPolled(registry, collection):
                yield self._seen(registry, "garbage collection active", collection)
            case CollectionEnded():
                self.collections.pop(event.registry, None)
                yield lines.of_the_end_of_a_collection(event)
            case RegistryWatched(registry, active):
                yield from self._watched(registry, active)
            case _:
                assert_never(event)

    def _watched(self, registry: str, active: Collection | None) -> Iterator[Line]:
        if active is not None:
            yield self._seen(registry, "garbage collection active", active)
        elif before := self.collections.pop(registry, None):
            yield lines.line(logging.INFO, "garbage collection no longer active", collection=before[0])

    def _seen(self, registry: str, phrase: str, collection: Collection) -> Line:
        """A look at a collection; one that shows nothing new is told at debug."""
        state = collection.uuid, collection.status
        level = logging.DEBUG if self.collections.get(registry) == state else logging.INFO
        self.collections[registry] = state
        return lines.line(level, phrase, collection=collection.uuid, status=collection.status)
