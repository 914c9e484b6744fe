"""Every metric: its name, its labels, its unit, and what it means.

The collectors (`series.py`) and the page in the documents (`metrics_page.py`) both come from this table.
"""

from __future__ import annotations

from cleaner.daemon.declarations import Declaration, Kind, Since, counter, gauge
from cleaner.daemon.metric_labels import (
    ACTIVE,
    BREAKER,
    ENDED,
    ENDPOINT,
    FINDING,
    HTTP_STATUS,
    MODE,
    OUTCOME,
    REASON,
    REGISTRY,
    RELOAD,
    RUN_KIND,
    SOURCE,
    Label,
)

BUILD_INFO = gauge(
    "build_info", (Label("version"), Label("python")), "", "Always 1; the labels say which release this is."
)
RUNS = counter(
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
RUN_IN_PROGRESS = gauge("run_in_progress", (REGISTRY,), "", "1 while a run is under way on the registry, else 0.")
LAST_RUN = gauge(
    "last_run_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When the last run ended; restored from the ledger at the start.",
    Since.KNOWN,
)
LAST_SUCCESS = gauge(
    "last_success_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When the last run ended that came to its end (success or held_back); restored from the ledger at the start.",
    Since.KNOWN,
)
LAST_OUTCOME = gauge(
    "last_run_outcome",
    (REGISTRY, RUN_KIND, OUTCOME),
    "",
    "1 for the outcome of the last run, also of one that could not begin, 0 for the others; restored from the ledger "
    "at the start.",
    Since.KNOWN,
)
NEXT_RUN = gauge(
    "next_run_timestamp_seconds",
    (REGISTRY, RUN_KIND),
    "Unix time",
    "When a run is due next; absent without a schedule.",
    Since.KNOWN,
)
PERIOD = gauge(
    "schedule_period_seconds",
    (REGISTRY, RUN_KIND),
    "seconds",
    "The longest time between two due moments; absent without a schedule.",
    Since.KNOWN,
)
SEEN = gauge("manifests_seen", (REGISTRY,), "manifests", "Manifests of the latest plan.", Since.KNOWN)
KEPT = gauge(
    "manifests_kept",
    (REGISTRY,),
    "manifests",
    "Manifests that the latest plan keeps, those under no policy among them.",
    Since.KNOWN,
)
CONDEMNED = gauge(
    "manifests_condemned",
    (REGISTRY, MODE),
    "manifests",
    "Manifests that go by the latest plan, by the mode of their policy.",
    Since.KNOWN,
)
HELD_BACK = gauge(
    "manifests_held_back",
    (REGISTRY, REASON),
    "manifests",
    "Condemned manifests that the latest plan holds back, and why; `notice`: they are announced, and go once their "
    "notice has run out.",
    Since.KNOWN,
)
HOLDING_BACK = gauge(
    "holding_back",
    (REGISTRY, REASON),
    "",
    "1 where the latest plan holds something back for this reason, countable or not, else 0.",
    Since.KNOWN,
)
DELETED = counter("manifests_deleted_total", (REGISTRY,), "manifests", "Manifests that the provider deleted for us.")
FAILED = counter(
    "deletions_failed_total", (REGISTRY,), "manifests", "Deletions that were refused, or whose answer said nothing."
)
SKIPPED = counter(
    "deletions_skipped_total",
    (REGISTRY,),
    "manifests",
    "Planned deletions that were not carried out, or were found done already.",
)
PREDICTED = gauge(
    "predicted_freed_bytes",
    (REGISTRY,),
    "bytes",
    "What a collection will free once the latest plan is carried out; absent where that is unknown.",
    Since.KNOWN,
)
FREED = counter(
    "freed_bytes_total",
    (REGISTRY,),
    "bytes",
    "What succeeded garbage collections freed, ours and others that were followed.",
)
USED = gauge("storage_used_bytes", (REGISTRY,), "bytes", "Storage that the registry uses.", Since.KNOWN)
ACCOUNT_USED = gauge(
    "storage_account_used_bytes",
    (REGISTRY,),
    "bytes",
    "Storage that all registries of the account use together.",
    Since.KNOWN,
)
INCLUDED = gauge(
    "storage_included_bytes",
    (REGISTRY,),
    "bytes",
    "Storage that the account's subscription includes, for all its registries.",
    Since.KNOWN,
)
OVERAGE = gauge(
    "storage_overage_dollars_per_month",
    (REGISTRY,),
    "US dollars",
    "What a month of the account's storage beyond the included costs.",
    Since.KNOWN,
)
COLLECTIONS = counter(
    "collections_total",
    (REGISTRY, ENDED),
    "collections",
    "Garbage collections that were followed to their end, ours and others.",
)
COLLECTION_ACTIVE = gauge(
    "collection_active",
    (REGISTRY, ACTIVE),
    "",
    "1 for the status of the active garbage collection, 0 for the others; all 0 where none is active.",
    Since.KNOWN,
)
COLLECTION_START = gauge(
    "collection_active_start_timestamp_seconds",
    (REGISTRY,),
    "Unix time",
    "When the active garbage collection began; 0 where none is active.",
    Since.KNOWN,
)
READ_ONLY = counter(
    "read_only_seconds_total",
    (REGISTRY,),
    "seconds",
    "How long the registry was seen read-only, for a garbage collection was active; it grows with each look.",
)
IN_USE = gauge(
    "in_use_images",
    (REGISTRY, SOURCE),
    "images",
    "Images of the registry that the in-use sources of that kind name, each source as it was last read.",
    Since.KNOWN,
)
IN_USE_FAILURES = counter(
    "in_use_source_failures_total",
    (REGISTRY, SOURCE),
    "looks",
    "Times that an in-use source of that kind could not be read: what it could have vetoed is not deleted then.",
)
RESTORED = counter(
    "manifests_restored_total",
    (REGISTRY,),
    "manifests",
    "Manifests that had been deleted, turned out to be needed just before a collection, and were brought back.",
)
RESTORES_FAILED = counter(
    "restores_failed_total", (REGISTRY,), "manifests", "Times that one of those could not be brought back."
)
WITHHELD = counter(
    "collections_withheld_total",
    (REGISTRY,),
    "collections",
    "Garbage collections that were not started, for they would have taken what is needed.",
)
WITHHELD_NOW = gauge(
    "collection_withheld",
    (REGISTRY,),
    "",
    "1 from such an alarm until a collection of ours starts, or a run that would start one ends well without it.",
)
FINDINGS = gauge(
    "audit_findings",
    (REGISTRY, FINDING),
    "findings",
    "What the last audit found, by kind; 0 until the first one, which comes an hour after the start.",
)
AUDITED = gauge("audit_timestamp_seconds", (REGISTRY,), "Unix time", "When the registry was last audited.", Since.KNOWN)
REQUESTS = counter(
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
RATE_LIMIT = gauge(
    "rate_limit_requests",
    (REGISTRY,),
    "requests",
    "Requests that the token may send within a window, say the answers.",
    Since.KNOWN,
)
RATE_REMAINING = gauge(
    "rate_limit_remaining",
    (REGISTRY,),
    "requests",
    "How many of them were left at the last answer; the token's other users count.",
    Since.KNOWN,
)
BUDGET_WAIT = counter(
    "budget_wait_seconds_total",
    (REGISTRY,),
    "seconds",
    "How long requests waited for their place in the rate limit's budget.",
)
RELOADS = counter("configuration_reloads_total", (RELOAD,), "reloads", "Times that the configuration was read anew.")
RELOAD_OK = gauge(
    "configuration_last_reload_successful",
    (),
    "",
    "1 where the configuration in force is the one that was read last, 0 where that one had an error.",
)
RELOADED = gauge(
    "configuration_last_reload_success_timestamp_seconds", (), "Unix time", "When the configuration in force was read."
)
BREAKER_TRIPS = counter(
    "breaker_trips_total",
    (REGISTRY, BREAKER),
    "trips",
    "Times that a breaker stopped deletions: a repository would have lost more than its share, or too many "
    "deletions failed in a row.",
)
WARNINGS = counter(
    "warnings_total", (REGISTRY,), "warnings", "Warnings about what happened; those about the policy stand in the plan."
)

TABLE: tuple[Declaration, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Declaration))
"""All of them, in the order in which they stand above."""
