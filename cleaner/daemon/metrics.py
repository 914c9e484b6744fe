"""The metrics: a listener that turns events into the series that Prometheus reads."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from cleaner.clock import Now
from cleaner.daemon import metric_labels as labels
from cleaner.daemon import metric_table as table
from cleaner.daemon.runs import ends_the_alarm
from cleaner.daemon.safeguard_metrics import SafeguardMetrics
from cleaner.daemon.series import Series
from cleaner.daemon.sources import SourceKind
from cleaner.ledger.history import PastRun
from cleaner.model.collection import Collection as GarbageCollection
from cleaner.model.collection import CollectionState
from cleaner.model.event import (
    BreakerTripped,
    BudgetWaited,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    Event,
    HeldBackLate,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RateLimitSeen,
    RegistryWatched,
    RepositoriesListed,
    RepositoryListed,
    RequestEnded,
    RunBegan,
    RunEnded,
    RunNotBegun,
    RunScheduled,
    StorageSeen,
    Warned,
    registry_of,
)
from cleaner.model.plan import HoldReason, Mode, Plan
from cleaner.model.registry import Storage
from cleaner.model.run import RunKind, RunOutcome, outcome_of
from cleaner.model.safeguard import Safeguard

_OfRuns: TypeAlias = RunBegan | RunEnded | RunNotBegun | RunScheduled
_OfManifests: TypeAlias = Planned | ManifestDeleted | DeletionFailed | DeletionSkipped | BreakerTripped | Warned
_OfTheProvider: TypeAlias = RequestEnded | RateLimitSeen | BudgetWaited | StorageSeen
_OfCollections: TypeAlias = CollectionStarted | CollectionPolled | CollectionEnded | RegistryWatched
_OfARegistry: TypeAlias = _OfRuns | _OfManifests | _OfTheProvider | _OfCollections | Safeguard
_Progress: TypeAlias = RepositoriesListed | RepositoryListed | ManifestsWanted | ManifestRead | HeldBackLate


@dataclass(frozen=True, slots=True)
class _Active:
    """A garbage collection as it was last seen active; `began` by the provider's clock, or when we saw it first."""

    uuid: str
    began: datetime
    seen_at: datetime


class Metrics:
    """Hears each event, and shows what it has come to. What is told of a registry that is not expected is ignored."""

    def __init__(self, now: Now, version: str) -> None:
        self._now = now
        self._series = Series()
        self._safeguards = SafeguardMetrics(self._series, now)
        self._kinds: Mapping[str, Collection[RunKind]] = {}
        self._active: dict[str, _Active] = {}
        self._series.show(table.BUILD_INFO, 1, version, platform.python_version())
        for outcome in labels.RELOAD.values:
            self._series.add(table.RELOADS, outcome, amount=0)
        self._series.show(table.RELOAD_OK, 1)
        self._series.show(table.RELOADED, now().timestamp())

    def expect(self, kinds: Mapping[str, Collection[RunKind]], sources: Mapping[str, Mapping[str, SourceKind]]) -> None:
        """From now on there are these registries, and no others.

        `kinds` gives the kinds of run that each may have, `sources` the kind of each of its in-use sources, by name.
        """
        for registry in sorted(self._kinds.keys() - kinds.keys()):
            self._series.forget(registry)
            self._active.pop(registry, None)
        self._kinds = dict(kinds)
        for registry, its_kinds in kinds.items():
            self._series.begin(registry, {labels.RUN_KIND: its_kinds, labels.SOURCE: sources[registry].values()})
        self._safeguards.expect(sources)

    def restore(self, registry: str, last: Mapping[RunKind, PastRun], succeeded: Mapping[RunKind, PastRun]) -> None:
        """What the ledger knows of an expected registry's last runs and last successes, by kind."""
        now = self._now()  # nothing was later: a clock that was ahead once must not silence an alert for so long
        for kind, run in last.items():
            self._show_last(registry, kind, outcome_of(run.exit_code), min(now, run.ended_at or run.started_at))
        for kind, run in succeeded.items():
            at = min(now, run.ended_at or run.started_at)
            self._series.show(table.LAST_SUCCESS, at.timestamp(), registry, kind)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All series for an `Accept` header: the body, and its content type (OpenMetrics where that is asked for)."""
        return self._series.exposition(accept)

    def hear(self, event: Event) -> None:
        """Take in one event."""
        registry = registry_of(event)
        if isinstance(event, ConfigurationReloaded):
            self._hear_of_a_reload(event)
            return
        if registry is None or registry not in self._kinds or isinstance(event, _Progress):
            return
        if ends_the_alarm(event, self._kinds[registry]):
            self._series.show(table.WITHHELD_NOW, 0, registry)
        self._hear_of_a_registry(event)

    def _hear_of_a_registry(self, event: _OfARegistry) -> None:
        if isinstance(event, _OfRuns):
            self._hear_of_runs(event)
        elif isinstance(event, _OfManifests):
            self._hear_of_manifests(event)
        elif isinstance(event, _OfCollections):
            self._hear_of_collections(event)
        elif isinstance(event, Safeguard):
            self._safeguards.hear(event)
        else:
            self._hear_of_the_provider(event)

    def _hear_of_a_reload(self, event: ConfigurationReloaded) -> None:
        succeeded, failed = labels.RELOAD.values
        self._series.add(table.RELOADS, succeeded if event.error is None else failed)
        self._series.show(table.RELOAD_OK, event.error is None)
        if event.error is None:
            self._series.show(table.RELOADED, self._now().timestamp())

    def _hear_of_runs(self, event: _OfRuns) -> None:
        match event:
            case RunBegan(registry):
                self._series.show(table.RUN_IN_PROGRESS, 1, registry)
            case RunEnded():
                self._hear_of_an_end(event)
            case RunNotBegun(registry, kind):
                self._series.add(table.RUNS, registry, kind, RunOutcome.FAILED)
                self._show_outcome(registry, kind, RunOutcome.FAILED)
            case RunScheduled(registry, _, kind, due, period):
                self._series.show(table.NEXT_RUN, due.timestamp() if due else None, registry, kind)
                self._series.show(table.PERIOD, period.total_seconds() if period else None, registry, kind)
            case _:
                assert_never(event)

    def _hear_of_an_end(self, event: RunEnded) -> None:
        registry, kind, outcome, ended_at = event.registry, event.kind, event.report.outcome, self._now()
        self._series.show(table.RUN_IN_PROGRESS, 0, registry)
        self._series.add(table.RUNS, registry, kind, outcome)
        self._series.observe(table.RUN_DURATION, event.duration.total_seconds(), registry, kind)
        self._show_last(registry, kind, outcome, ended_at)
        if outcome.reached_the_end:
            self._series.show(table.LAST_SUCCESS, ended_at.timestamp(), registry, kind)

    def _show_last(self, registry: str, kind: RunKind, outcome: RunOutcome, at: datetime) -> None:
        self._series.show(table.LAST_RUN, at.timestamp(), registry, kind)
        self._show_outcome(registry, kind, outcome)

    def _show_outcome(self, registry: str, kind: RunKind, outcome: RunOutcome) -> None:
        for each in RunOutcome:
            self._series.show(table.LAST_OUTCOME, each is outcome, registry, kind, each)

    def _hear_of_manifests(self, event: _OfManifests) -> None:
        match event:
            case Planned(plan):
                self._show_plan(plan)
            case ManifestDeleted(registry):
                self._series.add(table.DELETED, registry)
            case DeletionFailed(registry):
                self._series.add(table.FAILED, registry)
            case DeletionSkipped(registry):
                self._series.add(table.SKIPPED, registry)
            case BreakerTripped(registry, breaker):
                self._series.add(table.BREAKER_TRIPS, registry, breaker)
            case Warned(registry):
                self._series.add(table.WARNINGS, registry)
            case _:
                assert_never(event)

    def _show_plan(self, plan: Plan) -> None:
        self._series.show(table.SEEN, plan.manifests, plan.registry)
        self._series.show(table.KEPT, plan.kept, plan.registry)
        self._series.show(table.PREDICTED, plan.freed.bytes if plan.freed else None, plan.registry)
        condemned = Counter(deletion.mode for deletion in plan.deletions)
        for mode in Mode:
            self._series.show(table.CONDEMNED, condemned[mode], plan.registry, mode)
        for reason in HoldReason:
            these = [held.manifests for held in plan.held_back if held.reason is reason]
            self._series.show(table.HELD_BACK, sum(these), plan.registry, reason)
            self._series.show(table.HOLDING_BACK, bool(these), plan.registry, reason)

    def _hear_of_collections(self, event: _OfCollections) -> None:
        match event:
            case CollectionStarted(registry, collection) | CollectionPolled(registry, collection):
                self._see(registry, collection)
            case RegistryWatched(registry, active):
                self._see(registry, active)
            case CollectionEnded(registry, collection):
                self._see(registry, collection)
                self._series.add(table.COLLECTIONS, registry, collection.state)
                if collection.state is CollectionState.SUCCEEDED:
                    self._series.add(table.FREED, registry, amount=collection.freed_bytes or 0)
            case _:
                assert_never(event)

    def _see(self, registry: str, collection: GarbageCollection | None) -> None:
        """One look at what is active: the time since the last look counts where one was active then."""
        now, before, after = self._now(), self._active.pop(registry, None), None
        if before is not None:
            self._series.add(table.READ_ONLY, registry, amount=(now - before.seen_at).total_seconds())
        if collection is not None and collection.state is CollectionState.ACTIVE:
            first_seen = before.began if before is not None and before.uuid == collection.uuid else now
            after = self._active[registry] = _Active(collection.uuid, collection.created_at or first_seen, now)
        status = _status(collection) if after is not None and collection is not None else None
        for each in labels.ACTIVE.values:
            self._series.show(table.COLLECTION_ACTIVE, each == status, registry, each)
        self._series.show(table.COLLECTION_START, after.began.timestamp() if after is not None else 0, registry)

    def _hear_of_the_provider(self, event: _OfTheProvider) -> None:
        match event:
            case RequestEnded(registry, endpoint, status, duration):
                self._series.add(table.REQUESTS, registry, endpoint, labels.status_label(status))
                self._series.observe(table.REQUEST_DURATION, duration.total_seconds(), endpoint)
            case RateLimitSeen(registry, limit, remaining):
                self._series.show(table.RATE_LIMIT, limit, registry)
                self._series.show(table.RATE_REMAINING, remaining, registry)
            case BudgetWaited(registry, duration):
                self._series.add(table.BUDGET_WAIT, registry, amount=duration.total_seconds())
            case StorageSeen(registry, storage):
                self._show_storage(registry, storage)
            case _:
                assert_never(event)

    def _show_storage(self, registry: str, storage: Storage) -> None:
        cents = storage.overage_cents
        self._series.show(table.USED, storage.used, registry)
        self._series.show(table.ACCOUNT_USED, storage.used_by_account, registry)
        self._series.show(table.INCLUDED, storage.included, registry)
        self._series.show(table.OVERAGE, None if cents is None else cents / 100, registry)


def _status(collection: GarbageCollection) -> str:
    return collection.status if collection.status in labels.ACTIVE.values else labels.OTHER
