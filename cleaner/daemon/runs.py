"""Which kinds of run a registry has, and how each is carried out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeAlias, assert_never

from cleaner.cleaning.orders import NO_MANDATE
from cleaner.config.settings import CollectionSchedule, RegistrySettings
from cleaner.errors import CleanerError, RunInProgress
from cleaner.model.event import CollectionStarted, Event, Listener, RunEnded, RunNotBegun
from cleaner.model.report import Report
from cleaner.model.run import Firing, RunKind, Schedule
from cleaner.wiring import Application

Carry: TypeAlias = Callable[[RegistrySettings, RunKind, Firing | None], Coroutine[Any, Any, Report]]
"""Carries out one run on a registry; raises a CleanerError where it could not begin."""


def carrying(application: Application, tell: Listener) -> Carry:
    """How `application` carries out a run of each kind."""

    def carry(registry: RegistrySettings, kind: RunKind, firing: Firing | None) -> Coroutine[Any, Any, Report]:
        match kind:
            case RunKind.CLEAN:
                return application.clean(registry, NO_MANDATE, tell, firing)
            case RunKind.PLAN:
                return application.rehearse(registry, tell, firing)
            case RunKind.COLLECT:
                return application.collect(registry, tell, firing)
            case _:
                assert_never(kind)

    return carry


def kind_of(registry: RegistrySettings, schedule: Schedule) -> RunKind:
    """What a run of that schedule is for: where nothing is enforced, cleaning is only planned."""
    if schedule is Schedule.COLLECTION:
        return RunKind.COLLECT
    return RunKind.CLEAN if registry.enforces else RunKind.PLAN


def schedules_of(registry: RegistrySettings) -> tuple[Schedule, ...]:
    """What may be due on a registry; where nothing is enforced there is nothing to collect."""
    collects = registry.garbage_collection.schedule is CollectionSchedule.CRON and registry.enforces
    return (Schedule.CLEANING, Schedule.COLLECTION) if collects else (Schedule.CLEANING,)


def kinds_of(registry: RegistrySettings) -> tuple[RunKind, ...]:
    """The kinds of run that a registry has."""
    return tuple(kind_of(registry, schedule) for schedule in schedules_of(registry))


def not_begun(registry: RegistrySettings, kind: RunKind, error: CleanerError) -> RunNotBegun:
    """What is told of a run that `error` kept from beginning."""
    return RunNotBegun(registry.name, kind, str(error), isinstance(error, RunInProgress))


def ends_the_alarm(event: Event, kinds: Collection[RunKind]) -> bool:
    """Whether a collection that was withheld is so no more, on a registry that has these kinds of run.

    One of ours has started, or a run of the kind that collects has come to its end without another alarm.
    """
    collects = RunKind.COLLECT if RunKind.COLLECT in kinds else RunKind.CLEAN
    match event:
        case CollectionStarted(adopted=adopted):
            return not adopted
        case RunEnded(kind=kind, report=report):
            return kind is collects and report.outcome.reached_the_end
        case _:
            return False
