"""What a witness of a world has seen: what the provider and the sources answered, what was announced, what is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cleaner.model.plan import Plan
from tests.simulation.fleet import Image

Place = tuple[str, str]
"""A repository and a digest."""


@dataclass(frozen=True, slots=True)
class Look:
    """A listing of a repository as it was answered: what each tag was on, and what was there."""

    at: datetime
    carriers: Mapping[str, str]
    present: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source must have told, read whole at that moment."""

    at: datetime
    images: frozenset[Image]


@dataclass(frozen=True, slots=True)
class Gone:
    """A manifest that was deleted at our request, with the tags that went with it."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    at: datetime


@dataclass(slots=True)
class Evidence:
    """All of it, the oldest first.

    `announced` says for a text of rules and a place when a plan condemned it first; `unheard` are the moments as of
    which a plan may have been made that nobody heard of. `uncollected` is what is gone and whose blobs no collection
    took.
    """

    looks: dict[str, list[Look]] = field(default_factory=lambda: defaultdict(list))
    readings: dict[str, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    announced: dict[tuple[str, Place], datetime] = field(default_factory=dict)
    unheard: list[datetime] = field(default_factory=list)
    uncollected: list[Gone] = field(default_factory=list)

    def last_look(self, repository: str) -> Look | None:
        """The listing that a deletion there relies on."""
        return self.looks[repository][-1] if self.looks[repository] else None

    def used(self, since: datetime) -> frozenset[Image]:
        """What any source said at that moment or later."""
        readings = (reading for readings in self.readings.values() for reading in readings)
        return frozenset(image for reading in readings if reading.at >= since for image in reading.images)

    def announce(self, rules: str, plan: Plan, as_of: datetime) -> None:
        """A plan says what these rules condemn, whether it goes now or later."""
        condemned = (*plan.deletions, *(waiting.deletion for waiting in plan.waiting))
        for manifest in (deletion.manifest for deletion in condemned):
            self.announced.setdefault((rules, (manifest.repository, manifest.digest)), as_of)

    def collected(self, since: datetime) -> None:
        """A collection that began then took the blobs of what was gone."""
        self.uncollected = [gone for gone in self.uncollected if gone.at >= since]


def copied(seen: Evidence) -> Evidence:
    """The same evidence; what will be seen of looks and readings from now on stands in one of the two only."""
    looks = defaultdict(list, {name: [*looks] for name, looks in seen.looks.items()})
    readings = defaultdict(list, {source: [*readings] for source, readings in seen.readings.items()})
    return replace(seen, looks=looks, readings=readings)
