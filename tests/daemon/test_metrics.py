"""What the metrics make of each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from cleaner.daemon.metrics import Metrics
from cleaner.daemon.sources import SourceKind
from cleaner.ledger.history import PastRun
from cleaner.model.event import (
    Breaker,
    BreakerTripped,
    BudgetWaited,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    Event,
    ManifestDeleted,
    Planned,
    RateLimitSeen,
    RegistryWatched,
    RequestEnded,
    RunBegan,
    RunNotBegun,
    RunScheduled,
    StorageSeen,
    Warned,
)
from cleaner.model.registry import Storage
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import (
    Audited,
    CollectionWithheld,
    ManifestRestored,
    RestoreFailed,
    SourceFailed,
    SourceRead,
)
from tests.daemon.events import FINDINGS, GONE, MOMENT, SECOND, SOURCES, collection, deletion, ended, plan
from tests.daemon.exposed import exposed, of
from tests.house import START

NOW = MOMENT.timestamp()
GIB = 2**30


@dataclass(slots=True)
class Clock:
    """Shows what it was set to."""

    moment: datetime = MOMENT

    def now(self) -> datetime:
        return self.moment

    def wait(self, minutes: float) -> None:
        """So many minutes pass."""
        self.moment += timedelta(minutes=minutes)


@dataclass(slots=True)
class Scene:
    """The metrics of a daemon that cleans the registry `acme`."""

    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.clock.now, "0.2.0")
        self.metrics.expect({"acme": [RunKind.CLEAN, RunKind.COLLECT]}, {"acme": SOURCES})

    def hear(self, *events: Event) -> None:
        for event in events:
            self.metrics.hear(event)

    def of(self, name: str) -> dict[str, float]:
        return of(name, self.metrics)


EACH: Sequence[tuple[Event, Mapping[str, float | None]]] = (
    (RunBegan("acme", "run-1", RunKind.CLEAN), {"run_in_progress acme": 1}),
    (
        ended("failed"),
        {
            "run_in_progress acme": 0,
            "runs_total acme clean failed": 1,
            "runs_total acme clean success": 0,
            "last_run_timestamp_seconds acme clean": NOW,
            "last_run_outcome acme clean failed": 1,
            "last_run_outcome acme clean success": 0,
            "run_duration_seconds_sum acme clean": 1,
        },
    ),
    (ended("held_back"), {"last_success_timestamp_seconds acme clean": NOW, "runs_total acme clean held_back": 1}),
    (RunNotBegun("acme", RunKind.COLLECT, "held"), {"runs_total acme collect failed": 1}),
    (
        RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, MOMENT, timedelta(days=1)),
        {"next_run_timestamp_seconds acme clean": NOW, "schedule_period_seconds acme clean": 86400},
    ),
    (
        Planned(plan(), START),
        {
            "manifests_seen acme": 10,
            "manifests_kept acme": 4,
            "manifests_condemned acme enforce": 2,
            "manifests_condemned acme plan": 1,
            "manifests_held_back acme share": 2,
            "manifests_held_back acme cap": 1,
            "manifests_held_back acme source": 0,
            "manifests_held_back acme notice": 0,
            "predicted_freed_bytes acme": 5000,
        },
    ),
    (ManifestDeleted("acme", deletion()), {"manifests_deleted_total acme": 1}),
    (DeletionFailed("acme", deletion(), "500"), {"deletions_failed_total acme": 1}),
    (DeletionSkipped("acme", deletion(), "gone"), {"deletions_skipped_total acme": 1}),
    (
        BreakerTripped("acme", Breaker.SHARE, "more than half"),
        {"breaker_trips_total acme share": 1, "breaker_trips_total acme failures": 0},
    ),
    (Warned("acme", "mind this"), {"warnings_total acme": 1}),
    (
        CollectionStarted("acme", collection("requested"), adopted=False),
        {
            "collection_active acme requested": 1,
            "collection_active acme cancelling": 0,
            "collection_active_start_timestamp_seconds acme": NOW,
        },
    ),
    (
        CollectionPolled("acme", collection("waiting for delete requests")),
        {"collection_active acme other": 1, "collection_active acme requested": 0},
    ),
    (
        CollectionEnded("acme", collection("success", freed=700), adopted=True, predicted=None),
        {
            "collections_total acme succeeded": 1,
            "collections_total acme failed": 0,
            "freed_bytes_total acme": 700,
            "collection_active acme other": 0,
            "collection_active_start_timestamp_seconds acme": 0,
        },
    ),
    (
        CollectionEnded("acme", collection("failed", freed=700), adopted=False, predicted=None),
        {"collections_total acme failed": 1, "freed_bytes_total acme": 0},
    ),
    (RegistryWatched("acme", None), {"collection_active_start_timestamp_seconds acme": 0}),
    (
        StorageSeen("acme", Storage(5 * GIB, 15 * GIB, 10 * GIB, 2.0)),
        {
            "storage_used_bytes acme": 5 * GIB,
            "storage_account_used_bytes acme": 15 * GIB,
            "storage_included_bytes acme": 10 * GIB,
            "storage_overage_dollars_per_month acme": 0.1,
        },
    ),
    (
        RequestEnded("acme", "list_manifests", 200, SECOND),
        {"api_requests_total acme list_manifests 200": 1, "api_request_duration_seconds_sum list_manifests": 1},
    ),
    (RequestEnded("acme", "other", None, SECOND), {"api_requests_total acme other none": 1}),
    (RequestEnded("acme", "registry", 522, SECOND), {"api_requests_total acme registry 5xx": 1}),
    (
        RateLimitSeen("acme", 5000, 4321),
        {"rate_limit_requests acme": 5000, "rate_limit_remaining acme": 4321},
    ),
    (BudgetWaited("acme", SECOND / 2), {"budget_wait_seconds_total acme": 0.5}),
    (SourceRead("acme", "kubernetes prod", 148), {"in_use_images acme kubernetes": 148}),
    (
        SourceFailed("acme", "file images.txt", "it is gone"),
        {
            "in_use_source_failures_total acme file": 1,
            "in_use_source_failures_total acme kubernetes": 0,
            "in_use_images acme file": None,
        },
    ),
    (ManifestRestored("acme", GONE, "an index lists it"), {"manifests_restored_total acme": 1}),
    (RestoreFailed("acme", GONE, "its blobs are gone"), {"restores_failed_total acme": 1}),
    (
        CollectionWithheld("acme", "it would take what is needed"),
        {"collections_withheld_total acme": 1, "collection_withheld acme": 1},
    ),
    (
        Audited("acme", FINDINGS),
        {
            "audit_findings acme broken_tag": 1,
            "audit_findings acme missing_image": 2,
            "audit_findings acme dangling_attachment": 0,
            "audit_timestamp_seconds acme": NOW,
        },
    ),
)


@pytest.mark.parametrize(("event", "shown"), EACH, ids=lambda value: type(value).__name__)
def test_each_event_is_shown(event: Event, shown: Mapping[str, float | None]) -> None:
    """One event, and what a scrape shows after it."""
    scene = Scene()
    scene.hear(event)
    samples = exposed(scene.metrics)
    assert {name: samples.get(name) for name in shown} == shown


def test_the_images_of_all_sources_of_a_kind_are_counted_together() -> None:
    """Each as it was last read; a source that cannot be read at times, or is not configured, takes nothing away."""
    scene = Scene()
    scene.hear(SourceRead("acme", "kubernetes prod", 5), SourceRead("acme", "kubernetes test", 7))
    assert scene.of("in_use_images") == {"acme kubernetes": 12}
    scene.hear(SourceRead("acme", "kubernetes prod", 6), SourceFailed("acme", "kubernetes test", "HTTP 403"))
    scene.hear(SourceRead("acme", "kubernetes elsewhere", 100), SourceFailed("acme", "kubernetes elsewhere", "no"))
    assert scene.of("in_use_images") == {"acme kubernetes": 13}
    assert sum(scene.of("in_use_source_failures_total").values()) == 1


def test_a_source_that_is_gone_from_the_configuration_counts_no_more() -> None:
    """The sum is of those that are left; where none of a kind is, there is no such series."""
    scene = Scene()
    scene.hear(SourceRead("acme", "kubernetes prod", 5), SourceRead("acme", "kubernetes test", 7))
    scene.hear(SourceRead("acme", "app_platform", 2))
    scene.metrics.expect({"acme": [RunKind.CLEAN]}, {"acme": {"kubernetes test": SourceKind.KUBERNETES}})
    assert scene.of("in_use_images") == {"acme kubernetes": 7}
    assert scene.of("in_use_source_failures_total") == {"acme kubernetes": 0}


WITHHELD = CollectionWithheld("acme", "it would take what is needed")
OURS = CollectionStarted("acme", collection("requested"), adopted=False)


@pytest.mark.parametrize(
    ("kinds", "event", "ends"),
    [
        ([RunKind.CLEAN], OURS, True),
        ([RunKind.CLEAN], CollectionStarted("acme", collection("requested"), adopted=True), False),
        ([RunKind.CLEAN], ended("success"), True),
        ([RunKind.CLEAN], ended("held_back"), True),
        ([RunKind.CLEAN], ended("failed"), False),
        ([RunKind.CLEAN], ended("stopped"), False),
        ([RunKind.CLEAN], ended("success", RunKind.PLAN), False),
        ([RunKind.CLEAN, RunKind.COLLECT], ended("success"), False),
        ([RunKind.CLEAN, RunKind.COLLECT], ended("success", RunKind.COLLECT), True),
    ],
)
def test_the_alarm_of_a_withheld_collection_ends(kinds: Sequence[RunKind], event: Event, *, ends: bool) -> None:
    """With a collection of ours, or a run that would start one; where collections have runs of their own, with those.

    The run in which it was raised has failed, and so ends nothing.
    """
    scene = Scene()
    scene.metrics.expect({"acme": kinds}, {"acme": SOURCES})
    assert scene.of("collection_withheld") == {"acme": 0}
    scene.hear(WITHHELD, ended("failed", kinds[-1]))
    assert scene.of("collection_withheld") == {"acme": 1}
    scene.hear(event)
    assert scene.of("collection_withheld") == {"acme": 0 if ends else 1}


def test_a_plan_replaces_the_one_before_it() -> None:
    """Gauges speak of the latest plan; what nobody can predict is not there, and never NaN."""
    scene = Scene()
    scene.hear(Planned(plan(), START), Planned(plan(freed=None), START))
    assert scene.of("manifests_condemned") == {"acme enforce": 2, "acme plan": 1}
    assert scene.of("predicted_freed_bytes") == {}


def test_what_the_provider_does_not_state_is_absent() -> None:
    """Storage that was known and is not stated any more is not shown as it was."""
    scene = Scene()
    scene.hear(StorageSeen("acme", Storage(5, 5, 10, 2.0)), StorageSeen("acme", Storage(6, None, None, None)))
    assert scene.of("storage_used_bytes") == {"acme": 6}
    assert scene.of("storage_included_bytes") == scene.of("storage_overage_dollars_per_month") == {}


def test_a_schedule_that_is_gone_shows_no_next_run() -> None:
    """Neither a due moment nor a period stays behind."""
    scene = Scene()
    scene.hear(RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, MOMENT, timedelta(days=1)))
    scene.hear(RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, None, None))
    assert scene.of("next_run_timestamp_seconds") == scene.of("schedule_period_seconds") == {}


def test_a_failed_run_leaves_the_last_success_as_it_was() -> None:
    """The time of the last success is the one that an alert asks for."""
    scene = Scene()
    scene.hear(ended("success"))
    scene.clock.wait(60)
    scene.hear(ended("failed"), ended("stopped"))
    assert scene.of("last_success_timestamp_seconds") == {"acme clean": NOW}
    assert scene.of("last_run_timestamp_seconds") == {"acme clean": NOW + 3600}
    assert scene.of("last_run_outcome")["acme clean stopped"] == 1


def test_read_only_time_grows_with_each_look() -> None:
    """From the first moment that a collection is seen active to its end as seen, whoever looks."""
    scene = Scene()
    active = collection("scanning manifests")
    scene.hear(RegistryWatched("acme", None))
    scene.clock.wait(5)
    scene.hear(RegistryWatched("acme", active))
    assert scene.of("read_only_seconds_total") == {"acme": 0}
    scene.clock.wait(5)
    scene.hear(RegistryWatched("acme", active))
    assert scene.of("read_only_seconds_total") == {"acme": 300}
    scene.clock.wait(1)
    scene.hear(CollectionStarted("acme", active, adopted=True))
    scene.clock.wait(1)
    scene.hear(CollectionEnded("acme", collection("succeeded"), adopted=True, predicted=None))
    scene.clock.wait(5)
    scene.hear(RegistryWatched("acme", None))
    assert scene.of("read_only_seconds_total") == {"acme": 420}


def test_a_clock_that_is_put_back_takes_nothing_away() -> None:
    """A counter only grows, whatever the clock does between two looks."""
    scene = Scene()
    scene.hear(RegistryWatched("acme", collection("scanning manifests")))
    scene.clock.wait(-60)
    scene.hear(RegistryWatched("acme", collection("scanning manifests")))
    assert scene.of("read_only_seconds_total") == {"acme": 0}


def test_a_collection_without_a_time_began_when_it_was_seen() -> None:
    """And not at each look anew; another collection begins anew."""
    scene = Scene()
    for uuid in ("one", "one", "two"):
        scene.hear(RegistryWatched("acme", collection("requested", uuid, created_at=None)))
        scene.clock.wait(5)
    assert scene.of("collection_active_start_timestamp_seconds") == {"acme": NOW + 600}


def test_reloads_are_counted_by_what_came_of_them() -> None:
    """A broken file leaves the time of the one in force; the next good one ends the trouble."""
    scene = Scene()
    scene.clock.wait(10)
    scene.hear(ConfigurationReloaded("config.yaml:1:1: unknown key"))
    assert scene.of("configuration_reloads_total") == {"success": 0, "failure": 1}
    assert scene.of("configuration_last_reload_successful") == {"": 0}
    assert scene.of("configuration_last_reload_success_timestamp_seconds") == {"": NOW}
    scene.hear(ConfigurationReloaded(None))
    assert scene.of("configuration_last_reload_successful") == {"": 1}
    assert scene.of("configuration_last_reload_success_timestamp_seconds") == {"": NOW + 600}


def past(kind: RunKind, exit_code: int | None, hours: int) -> PastRun:
    """A run that began so many hours ago and ended an hour later; without an exit code it died."""
    began = MOMENT - timedelta(hours=hours)
    over = None if exit_code is None else began + timedelta(hours=1)
    return PastRun(
        id="run",
        registry="acme",
        kind=kind,
        due_at=None,
        started_at=began,
        ended_at=over,
        exit_code=exit_code,
        error=None,
        deleted=None,
        failed=None,
        skipped=None,
        held_back=None,
        predicted_bytes=None,
        freed_bytes=None,
    )


def test_the_ledger_restores_what_a_restart_forgot() -> None:
    """The last run and the last success of each kind; of a run that died, all that is known is when it began."""
    scene = Scene()
    scene.metrics.restore(
        "acme",
        {RunKind.CLEAN: past(RunKind.CLEAN, 1, 4), RunKind.COLLECT: past(RunKind.COLLECT, None, 2)},
        {RunKind.CLEAN: past(RunKind.CLEAN, 3, 28)},
    )
    hour = 3600
    assert scene.of("last_run_timestamp_seconds") == {"acme clean": NOW - 3 * hour, "acme collect": NOW - 2 * hour}
    assert scene.of("last_success_timestamp_seconds") == {"acme clean": NOW - 27 * hour}
    outcomes = scene.of("last_run_outcome")
    assert {labels for labels, value in outcomes.items() if value} == {"acme clean failed", "acme collect stopped"}
    assert sum(scene.of("runs_total").values()) == 0


def test_a_registry_that_is_not_expected_leaves_no_trace() -> None:
    """Names of registries come from the configuration alone."""
    scene = Scene()
    before = exposed(scene.metrics)
    scene.hear(RunBegan("other", "run-1", RunKind.CLEAN), ended(registry="other"), Planned(plan("other"), START))
    scene.hear(RequestEnded("other", "registry", 200, SECOND), RegistryWatched("other", None))
    assert exposed(scene.metrics) == before
