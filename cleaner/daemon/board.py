"""What is known now, registry by registry: a listener that the status page and its JSON read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from cleaner.clock import Now
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.runs import ends_the_alarm, kinds_of
from cleaner.model.audit import Finding
from cleaner.model.collection import Collection, CollectionState
from cleaner.model.event import (
    BreakerTripped,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    Event,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RegistryWatched,
    RepositoriesListed,
    RepositoryListed,
    RunBegan,
    RunEnded,
    RunNotBegun,
    RunScheduled,
    StorageSeen,
    Warned,
    registry_of,
)
from cleaner.model.plan import Plan
from cleaner.model.registry import Storage
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import Audited, CollectionWithheld, SourceFailed, SourceRead

WARNINGS = 10
"""So many warnings of a registry are remembered: the latest, each text once."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Known(Generic[Value]):
    """Something, and when it became known."""

    value: Value
    at: datetime


class Stage(StrEnum):
    """How far a run has come, in one word."""

    BEGINNING = "beginning"
    LISTING = "listing"
    READING = "reading"
    PLANNED = "planned"
    DELETING = "deleting"
    COLLECTING = "collecting"


_STAGES: dict[type[Event], Stage] = {
    RepositoriesListed: Stage.LISTING,
    RepositoryListed: Stage.LISTING,
    ManifestsWanted: Stage.READING,
    ManifestRead: Stage.READING,
    Planned: Stage.PLANNED,
    ManifestDeleted: Stage.DELETING,
    DeletionFailed: Stage.DELETING,
    DeletionSkipped: Stage.DELETING,
    CollectionStarted: Stage.COLLECTING,
    CollectionPolled: Stage.COLLECTING,
}


@dataclass(frozen=True, slots=True)
class Running:
    """A run that has begun and not ended."""

    run: str
    kind: RunKind
    began_at: datetime
    stage: Stage = Stage.BEGINNING


@dataclass(frozen=True, slots=True)
class Due:
    """When a schedule is due next."""

    schedule: Schedule
    kind: RunKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Active:
    """An active garbage collection, ours or not; `since` is when it began, or when we first saw it."""

    collection: Collection
    since: datetime


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """An in-use source: how many images it named when it was last read, and why it could not be read since."""

    images: Known[int] | None = None
    failure: Known[str] | None = None


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What is known of one registry now; None where nothing is.

    `plan` is the latest, of a run or a forecast, and judges as of `plan_as_of`. `due` holds the next due moment of each
    schedule, the soonest first, and `warnings` the latest last. `not_begun` says why the last run that was due could
    not begin, None if it could. `watched_at` is when it was last seen whether a collection is active. `sources` holds
    the in-use sources by name, also some that are configured no more. `withheld` is the alarm of a collection that is
    not started, for it would take what is needed; `audit` what the last audit found.
    """

    settings: RegistrySettings
    storage: Known[Storage] | None = None
    plan: Known[Plan] | None = None
    plan_as_of: datetime | None = None
    last_run: Known[RunEnded] | None = None
    running: Running | None = None
    due: tuple[Due, ...] = ()
    active: Active | None = None
    watched_at: datetime | None = None
    warnings: tuple[Known[str], ...] = ()
    not_begun: str | None = None
    sources: Mapping[str, SourceFacts] = field(default_factory=dict)
    withheld: Known[str] | None = None
    audit: Known[tuple[Finding, ...]] | None = None

    @property
    def name(self) -> str:
        """The registry's name."""
        return self.settings.name


class Board:
    """Hears every event, and knows what it came to; of registries that nobody expects it keeps nothing.

    `reloaded` is the last reload of the configuration, with the error that it met; None before the first.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._facts: dict[str, RegistryFacts] = {}
        self.reloaded: Known[str | None] | None = None

    def expect(self, registries: Iterable[RegistrySettings]) -> None:
        """From now on there are these registries, in this order, under these settings, and no others."""
        known = self._facts
        self._facts = {
            settings.name: replace(known.get(settings.name, RegistryFacts(settings)), settings=settings)
            for settings in registries
        }

    def registries(self) -> tuple[RegistryFacts, ...]:
        """What is known of each registry, in the configuration's order."""
        return tuple(self._facts.values())

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, ConfigurationReloaded):
            self.reloaded = Known(event.error, self._now())
            return
        facts = self._facts.get(registry_of(event) or "")
        if facts is not None:
            self._facts[facts.name] = _learned(facts, event, self._now())


def _learned(facts: RegistryFacts, event: Event, at: datetime) -> RegistryFacts:
    for learn in (_of_runs, _of_looks, _of_safeguards, _of_warnings, _of_progress):
        facts = learn(facts, event, at)
    return facts


def _of_runs(facts: RegistryFacts, event: Event, at: datetime) -> RegistryFacts:
    match event:
        case RunBegan(_, run, kind):
            return replace(facts, running=Running(run, kind, at), not_begun=None)
        case RunEnded():
            return replace(facts, running=None, last_run=Known(event, at))
        case RunScheduled(_, schedule, kind, due, _):
            return replace(facts, due=_due(facts.due, schedule, kind, due))
        case _:
            return facts


def _of_looks(facts: RegistryFacts, event: Event, at: datetime) -> RegistryFacts:
    match event:
        case StorageSeen(_, storage):
            return replace(facts, storage=Known(storage, at))
        case Planned(plan, as_of):
            return replace(facts, plan=Known(plan, at), plan_as_of=as_of)
        case CollectionStarted(_, seen) | CollectionPolled(_, seen) | CollectionEnded(_, seen):
            return replace(facts, active=_active(facts.active, seen, at), watched_at=at)
        case RegistryWatched(_, active):
            return replace(facts, active=_active(facts.active, active, at), watched_at=at)
        case _:
            return facts


def _of_safeguards(facts: RegistryFacts, event: Event, at: datetime) -> RegistryFacts:
    match event:
        case SourceRead(_, source, images):
            return replace(facts, sources={**facts.sources, source: SourceFacts(Known(images, at))})
        case SourceFailed(_, source, error):
            failed = replace(facts.sources.get(source, SourceFacts()), failure=Known(error, at))
            return replace(facts, sources={**facts.sources, source: failed})
        case CollectionWithheld(_, detail):
            return replace(facts, withheld=Known(detail, at))
        case Audited(_, findings):
            return replace(facts, audit=Known(findings, at))
        case _ if ends_the_alarm(event, kinds_of(facts.settings)):
            return replace(facts, withheld=None)
        case _:
            return facts


def _of_warnings(facts: RegistryFacts, event: Event, at: datetime) -> RegistryFacts:
    match event:
        case RunNotBegun(_, kind, error):
            warnings = _warned(facts, f"a run ({kind}) could not begin: {error}", at)
            return replace(facts, warnings=warnings, not_begun=error)
        case BreakerTripped(_, _, text) | Warned(_, text):
            return replace(facts, warnings=_warned(facts, text, at))
        case _:
            return facts


def _of_progress(facts: RegistryFacts, event: Event, _: datetime) -> RegistryFacts:
    """How far the run that is under way has come with this event."""
    stage = _STAGES.get(type(event))
    if facts.running is None or stage is None:
        return facts
    return replace(facts, running=replace(facts.running, stage=stage))


def _due(known: tuple[Due, ...], schedule: Schedule, kind: RunKind, due: datetime | None) -> tuple[Due, ...]:
    others = [one for one in known if one.schedule is not schedule]
    these = others if due is None else [*others, Due(schedule, kind, due)]
    return tuple(sorted(these, key=lambda one: one.at))


def _active(known: Active | None, collection: Collection | None, at: datetime) -> Active | None:
    if collection is None or collection.state is not CollectionState.ACTIVE:
        return None
    if known is not None and known.collection.uuid == collection.uuid:
        return replace(known, collection=collection)
    return Active(collection, collection.created_at or at)


def _warned(facts: RegistryFacts, text: str, at: datetime) -> tuple[Known[str], ...]:
    others = [warning for warning in facts.warnings if warning.value != text]
    return (*others, Known(text, at))[-WARNINGS:]
