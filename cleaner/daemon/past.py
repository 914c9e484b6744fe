"""What earlier runs did: from the ledger, and of the run that just ended from its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cleaner.daemon.board import Known, RegistryFacts
from cleaner.daemon.chart import RUNS
from cleaner.errors import StateError
from cleaner.ledger.history import History, PastRun
from cleaner.model.event import RunEnded


@dataclass(frozen=True, slots=True)
class Past:
    """The latest runs of each registry, newest first; `error` says why they are not known, None where they are."""

    runs: Mapping[str, tuple[PastRun, ...]] = field(default_factory=dict)
    error: str | None = None

    def of(self, facts: RegistryFacts) -> tuple[PastRun, ...]:
        """The registry's latest runs, newest first, the one under way left out."""
        under_way = facts.running.run if facts.running else None
        return tuple(run for run in self.runs.get(facts.name, ()) if run.id != under_way)

    def last(self, facts: RegistryFacts) -> PastRun | None:
        """The registry's last run, whoever began it; the last that this process saw end where the ledger tells none."""
        reported = None if facts.last_run is None else _reported(facts.last_run)
        return next(iter(self.of(facts)), reported)


def read(history: History, registries: Iterable[str]) -> Past:
    """At most the latest `RUNS` runs of each registry, and the one under way."""
    try:
        return Past({registry: history.runs(RUNS + 1, registry) for registry in registries})
    except StateError as error:
        return Past(error=str(error))


def _reported(ended: Known[RunEnded]) -> PastRun:
    """A run that has ended, as the ledger has it."""
    event, report = ended.value, ended.value.report
    return PastRun(
        id=event.run,
        registry=event.registry,
        kind=event.kind,
        due_at=None,
        started_at=ended.at - event.duration,
        ended_at=ended.at,
        exit_code=report.exit_code,
        error=report.error,
        deleted=len(report.deleted),
        failed=len(report.failed),
        skipped=len(report.skipped),
        held_back=sum(held.manifests for held in report.held_back),
        predicted_bytes=report.predicted.bytes if report.predicted else None,
        freed_bytes=report.collection.freed_bytes if report.collection else None,
    )
