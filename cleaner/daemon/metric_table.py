"""Every metric: its name, its labels, its unit, and what it means.

The collectors (`series.py`) and the page in the documents (`metrics_page.py`) both come from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod

from cleaner.daemon.metric_labels import (
    ACTIVE,
    BREAKER,
    ENDED,
    ENDPOINT,
    HTTP_STATUS,
    MODE,
    OUTCOME,
    REASON,
    REGISTRY,
    RELOAD,
    RUN_KIND,
    Label,
)

PREFIX = "registry_cleaner_"


class Kind(StrEnum):
    """A metric's type, by Prometheus' word for it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Since(StrEnum):
    """From when on a series is there."""

    START = "from the start"
    KNOWN = "once known"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One metric, its name without the prefix; `buckets` are a histogram's upper bounds in its unit."""

    name: str
    kind: Kind
    labels: tuple[Label, ...]
    unit: str
    meaning: str
    since: Since = Since.START
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name


def _counter(name: str, labels: tuple[Label, ...], unit: str, meaning: str, since: Since = Since.START) -> Declaration:
    return Declaration(name, Kind.COUNTER, labels, unit, meaning, since)


def _gauge(name: str, labels: tuple[Label, ...], unit: str, meaning: str, since: Since = Since.START) -> Declaration:
    return Declaration(name, Kind.GAUGE, labels, unit, meaning, since)


BUILD_INFO = _gauge(
    "build_info", (Label("version"), Label("python")), "", "Always 1; the labels say which release this is."
)
RUNS = _counter(
    "runs_total",
    (REGISTRY, RUN_KIND, OUTCOME),
    "runs",
    "Runs that ended, by outcome. One that was due and could not begin counts as failed.",
)
RUN_DURATION = Declaration(
    "run_duration_seconds",
    Kind.HISTOGRAM,
    (REGISTRY, RUN_KIND),
    "seconds",
    "How long runs took, from their hold on the registry to their record.",
    buckets=(1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400),
)
RUN_IN_PROGRESS = _gauge("run_in_progress", (REGISTRY,), "", "1 while a run is under way on the registry, else 0.")
LAST_RUN = _gauge(
    "last_run_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When the last run ended; restored from the ledger at the start.",
    Since.KNOWN,
)
LAST_SUCCESS = _gauge(
    "last_success_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When the last run ended that came to its end (success or held_back); restored from the ledger at the start.",
    Since.KNOWN,
)
LAST_OUTCOME = _gauge(
    "last_run_outcome",
    (REGISTRY, RUN_KIND, OUTCOME),
    "",
    "1 for the outcome of the last run, also of one that could not begin, 0 for the others; restored from the ledger "
    "at the start.",
    Since.KNOWN,
)
NEXT_RUN = _gauge(
    "next_run_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When a run is due next; absent without a schedule.",
    Since.KNOWN,
)
PERIOD = _gauge(
    "schedule_period_seconds",
    (REGISTRY, RUN_KIND),
    "seconds",
    "The longest time between two due moments; absent without a schedule.",
    Since.KNOWN,
)
SEEN = _gauge("manifests_seen", (REGISTRY,), "manifests", "Manifests of the latest plan.", Since.KNOWN)
KEPT = _gauge(
    "manifests_kept",
    (REGISTRY,),
    "manifests",
    "Manifests that the latest plan keeps, those under no policy among them.",
    Since.KNOWN,
)
CONDEMNED = _gauge(
    "manifests_condemned",
    (REGISTRY, MODE),
    "manifests",
    "Manifests that go by the latest plan, by the mode of their policy.",
    Since.KNOWN,
)
HELD_BACK = _gauge(
    "manifests_held_back",
    (REGISTRY, REASON),
    "manifests",
    "Condemned manifests that the latest plan holds back, and why.",
    Since.KNOWN,
)
HOLDING_BACK = _gauge(
    "holding_back",
    (REGISTRY, REASON),
    "",
    "1 where the latest plan holds something back for this reason, countable or not, else 0.",
    Since.KNOWN,
)
DELETED = _counter("manifests_deleted_total", (REGISTRY,), "manifests", "Manifests that the provider deleted for us.")
FAILED = _counter(
    "deletions_failed_total", (REGISTRY,), "manifests", "Deletions that were refused, or whose answer said nothing."
)
SKIPPED = _counter(
    "deletions_skipped_total",
    (REGISTRY,),
    "manifests",
    "Planned deletions that were not carried out, or were found done already.",
)
PREDICTED = _gauge(
    "predicted_freed_bytes",
    (REGISTRY,),
    "bytes",
    "What a collection will free once the latest plan is carried out; absent where that is unknown.",
    Since.KNOWN,
)
FREED = _counter(
    "freed_bytes_total",
    (REGISTRY,),
    "bytes",
    "What succeeded garbage collections freed, ours and others that were followed.",
)
USED = _gauge("storage_used_bytes", (REGISTRY,), "bytes", "Storage that the registry uses.", Since.KNOWN)
ACCOUNT_USED = _gauge(
    "storage_account_used_bytes",
    (REGISTRY,),
    "bytes",
    "Storage that all registries of the account use together.",
    Since.KNOWN,
)
INCLUDED = _gauge(
    "storage_included_bytes",
    (REGISTRY,),
    "bytes",
    "Storage that the account's subscription includes, for all its registries.",
    Since.KNOWN,
)
OVERAGE = _gauge(
    "storage_overage_dollars_per_month",
    (REGISTRY,),
    "US dollars",
    "What a month of the account's storage beyond the included costs.",
    Since.KNOWN,
)
COLLECTIONS = _counter(
    "collections_total",
    (REGISTRY, ENDED),
    "collections",
    "Garbage collections that were followed to their end, ours and others.",
)
COLLECTION_ACTIVE = _gauge(
    "collection_active",
    (REGISTRY, ACTIVE),
    "",
    "1 for the status of the active garbage collection, 0 for the others; all 0 where none is active.",
    Since.KNOWN,
)
COLLECTION_START = _gauge(
    "collection_active_start_timestamp_seconds",
    (REGISTRY,),
    "Unix time",
    "When the active garbage collection began; 0 where none is active.",
    Since.KNOWN,
)
READ_ONLY = _counter(
    "read_only_seconds_total",
    (REGISTRY,),
    "seconds",
    "How long the registry was seen read-only, for a garbage collection was active; it grows with each look.",
)
REQUESTS = _counter(
    "api_requests_total",
    (REGISTRY, ENDPOINT, HTTP_STATUS),
    "requests",
    "Requests to the provider, by the HTTP status of their answer. One that nobody expects counts as its class "
    "(`5xx`), a request without a whole answer as `none`.",
    Since.KNOWN,
)
REQUEST_DURATION = Declaration(
    "api_request_duration_seconds",
    Kind.HISTOGRAM,
    (ENDPOINT,),
    "seconds",
    "How long requests to the provider took, from sending to the whole answer, of all registries.",
    Since.KNOWN,
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RATE_LIMIT = _gauge(
    "rate_limit_requests",
    (REGISTRY,),
    "requests",
    "Requests that the token may send within a window, say the answers.",
    Since.KNOWN,
)
RATE_REMAINING = _gauge(
    "rate_limit_remaining",
    (REGISTRY,),
    "requests",
    "How many of them were left at the last answer; the token's other users count.",
    Since.KNOWN,
)
BUDGET_WAIT = _counter(
    "budget_wait_seconds_total",
    (REGISTRY,),
    "seconds",
    "How long requests waited for their place in the rate limit's budget.",
)
RELOADS = _counter("configuration_reloads_total", (RELOAD,), "reloads", "Times that the configuration was read anew.")
RELOAD_OK = _gauge(
    "configuration_last_reload_successful",
    (),
    "",
    "1 where the configuration in force is the one that was read last, 0 where that one had an error.",
)
RELOADED = _gauge(
    "configuration_last_reload_success_timestamp_seconds", (), "Unix time", "When the configuration in force was read."
)
BREAKER_TRIPS = _counter(
    "breaker_trips_total",
    (REGISTRY, BREAKER),
    "trips",
    "Times that a breaker stopped deletions: a repository would have lost more than its share, or too many "
    "deletions failed in a row.",
)
WARNINGS = _counter(
    "warnings_total", (REGISTRY,), "warnings", "Warnings about what happened; those about the policy stand in the plan."
)

TABLE: tuple[Declaration, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Declaration))
"""All of them, in the order in which they stand above."""


def series_at_most(declaration: Declaration, registries: int) -> int:
    """How many series a metric can have, whatever happens; a histogram has one for each bucket, its sum and count."""
    combinations = prod(registries if label is REGISTRY else len(label.values) or 1 for label in declaration.labels)
    return combinations * (len(declaration.buckets) + 3 if declaration.kind is Kind.HISTOGRAM else 1)
