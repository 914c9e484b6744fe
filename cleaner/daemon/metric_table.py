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
    NO_ANSWER,
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
    meaning: str
    labels: tuple[Label, ...] = ()
    unit: str = ""
    since: Since = Since.START
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name


BUILD_INFO = Declaration(
    "build_info", Kind.GAUGE, "Always 1; the labels say which release this is.", (Label("version"), Label("python"))
)
RUNS = Declaration(
    "runs_total",
    Kind.COUNTER,
    "Runs that ended, by outcome. One that was due and could not begin counts as failed.",
    (REGISTRY, RUN_KIND, OUTCOME),
    "runs",
)
RUN_DURATION = Declaration(
    "run_duration_seconds",
    Kind.HISTOGRAM,
    "How long runs took, from their hold on the registry to their record.",
    (REGISTRY, RUN_KIND),
    "seconds",
    buckets=(1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400),
)
RUN_IN_PROGRESS = Declaration(
    "run_in_progress", Kind.GAUGE, "1 while a run is under way on the registry, else 0.", (REGISTRY,)
)
LAST_RUN = Declaration(
    "last_run_timestamp_seconds",
    Kind.GAUGE,
    "When the last run ended; restored from the ledger at the start.",
    (REGISTRY, RUN_KIND),
    "Unix time",
    Since.KNOWN,
)
LAST_SUCCESS = Declaration(
    "last_success_timestamp_seconds",
    Kind.GAUGE,
    "When the last run ended that came to its end (success or held_back); restored from the ledger at the start.",
    (REGISTRY, RUN_KIND),
    "Unix time",
    Since.KNOWN,
)
LAST_OUTCOME = Declaration(
    "last_run_outcome",
    Kind.GAUGE,
    "1 for the outcome of the last run, 0 for the others; restored from the ledger at the start.",
    (REGISTRY, RUN_KIND, OUTCOME),
    since=Since.KNOWN,
)
NEXT_RUN = Declaration(
    "next_run_timestamp_seconds",
    Kind.GAUGE,
    "When a run is due next; absent without a schedule.",
    (REGISTRY, RUN_KIND),
    "Unix time",
    Since.KNOWN,
)
PERIOD = Declaration(
    "schedule_period_seconds",
    Kind.GAUGE,
    "The longest time between two due moments; absent without a schedule.",
    (REGISTRY, RUN_KIND),
    "seconds",
    Since.KNOWN,
)
SEEN = Declaration("manifests_seen", Kind.GAUGE, "Manifests of the latest plan.", (REGISTRY,), "manifests", Since.KNOWN)
KEPT = Declaration(
    "manifests_kept",
    Kind.GAUGE,
    "Manifests that the latest plan keeps, those under no policy among them.",
    (REGISTRY,),
    "manifests",
    Since.KNOWN,
)
CONDEMNED = Declaration(
    "manifests_condemned",
    Kind.GAUGE,
    "Manifests that go by the latest plan, by the mode of their policy.",
    (REGISTRY, MODE),
    "manifests",
    Since.KNOWN,
)
HELD_BACK = Declaration(
    "manifests_held_back",
    Kind.GAUGE,
    "Condemned manifests that the latest plan holds back, and why.",
    (REGISTRY, REASON),
    "manifests",
    Since.KNOWN,
)
DELETED = Declaration(
    "manifests_deleted_total", Kind.COUNTER, "Manifests that the provider deleted for us.", (REGISTRY,), "manifests"
)
FAILED = Declaration(
    "deletions_failed_total",
    Kind.COUNTER,
    "Deletions that were refused, or whose answer said nothing.",
    (REGISTRY,),
    "manifests",
)
SKIPPED = Declaration(
    "deletions_skipped_total",
    Kind.COUNTER,
    "Planned deletions that were not carried out, or were found done already.",
    (REGISTRY,),
    "manifests",
)
PREDICTED = Declaration(
    "predicted_freed_bytes",
    Kind.GAUGE,
    "What a collection will free once the latest plan is carried out; absent where that is unknown.",
    (REGISTRY,),
    "bytes",
    Since.KNOWN,
)
FREED = Declaration(
    "freed_bytes_total",
    Kind.COUNTER,
    "What succeeded garbage collections freed, ours and others that were followed.",
    (REGISTRY,),
    "bytes",
)
USED = Declaration(
    "storage_used_bytes", Kind.GAUGE, "Storage that the registry uses.", (REGISTRY,), "bytes", Since.KNOWN
)
ACCOUNT_USED = Declaration(
    "storage_account_used_bytes",
    Kind.GAUGE,
    "Storage that all registries of the account use together.",
    (REGISTRY,),
    "bytes",
    Since.KNOWN,
)
INCLUDED = Declaration(
    "storage_included_bytes",
    Kind.GAUGE,
    "Storage that the account's subscription includes, for all its registries.",
    (REGISTRY,),
    "bytes",
    Since.KNOWN,
)
OVERAGE = Declaration(
    "storage_overage_dollars_per_month",
    Kind.GAUGE,
    "What a month of the account's storage beyond the included costs.",
    (REGISTRY,),
    "US dollars",
    Since.KNOWN,
)
COLLECTIONS = Declaration(
    "collections_total",
    Kind.COUNTER,
    "Garbage collections that were followed to their end, ours and others.",
    (REGISTRY, ENDED),
    "collections",
)
COLLECTION_ACTIVE = Declaration(
    "collection_active",
    Kind.GAUGE,
    "1 for the status of the active garbage collection, 0 for the others; all 0 where none is active.",
    (REGISTRY, ACTIVE),
    since=Since.KNOWN,
)
COLLECTION_START = Declaration(
    "collection_active_start_timestamp_seconds",
    Kind.GAUGE,
    "When the active garbage collection began; 0 where none is active.",
    (REGISTRY,),
    "Unix time",
    Since.KNOWN,
)
READ_ONLY = Declaration(
    "read_only_seconds_total",
    Kind.COUNTER,
    "How long the registry was seen read-only, for a garbage collection was active; it grows with each look.",
    (REGISTRY,),
    "seconds",
)
REQUESTS = Declaration(
    "api_requests_total",
    Kind.COUNTER,
    "Requests to the provider, by the HTTP status of their answer. One that nobody expects counts as its "
    f"class (`5xx`), a request without a whole answer as `{NO_ANSWER}`.",
    (REGISTRY, ENDPOINT, HTTP_STATUS),
    "requests",
    Since.KNOWN,
)
REQUEST_DURATION = Declaration(
    "api_request_duration_seconds",
    Kind.HISTOGRAM,
    "How long requests to the provider took, from sending to the whole answer, of all registries.",
    (ENDPOINT,),
    "seconds",
    Since.KNOWN,
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RATE_LIMIT = Declaration(
    "rate_limit_requests",
    Kind.GAUGE,
    "Requests that the token may send within a window, say the answers.",
    (REGISTRY,),
    "requests",
    Since.KNOWN,
)
RATE_REMAINING = Declaration(
    "rate_limit_remaining",
    Kind.GAUGE,
    "How many of them were left at the last answer; the token's other users count.",
    (REGISTRY,),
    "requests",
    Since.KNOWN,
)
BUDGET_WAIT = Declaration(
    "budget_wait_seconds_total",
    Kind.COUNTER,
    "How long requests waited for their place in the rate limit's budget.",
    (REGISTRY,),
    "seconds",
)
RELOADS = Declaration(
    "configuration_reloads_total", Kind.COUNTER, "Times that the configuration was read anew.", (RELOAD,), "reloads"
)
RELOAD_OK = Declaration(
    "configuration_last_reload_successful",
    Kind.GAUGE,
    "1 where the configuration in force is the one that was read last, 0 where that one had an error.",
)
RELOADED = Declaration(
    "configuration_last_reload_success_timestamp_seconds",
    Kind.GAUGE,
    "When the configuration in force was read.",
    unit="Unix time",
)
BREAKER_TRIPS = Declaration(
    "breaker_trips_total",
    Kind.COUNTER,
    "Times that a breaker stopped deletions: a repository would have lost more than its share, or too many deletions "
    "failed in a row.",
    (REGISTRY, BREAKER),
    "trips",
)
WARNINGS = Declaration(
    "warnings_total",
    Kind.COUNTER,
    "Warnings about what happened; those about the policy stand in the plan.",
    (REGISTRY,),
    "warnings",
)

TABLE: tuple[Declaration, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Declaration))
"""All of them, in the order in which they stand above."""


def series_at_most(declaration: Declaration, registries: int) -> int:
    """How many series a metric can have, whatever happens; a histogram has one for each bucket, its sum and count."""
    combinations = prod(registries if label is REGISTRY else len(label.values) or 1 for label in declaration.labels)
    return combinations * (len(declaration.buckets) + 3 if declaration.kind is Kind.HISTOGRAM else 1)
