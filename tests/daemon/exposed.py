"""What a scrape of the metrics shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from cleaner.daemon.declarations import PREFIX
from cleaner.daemon.metrics import Metrics

ORDER = (
    *("registry", "kind", "outcome", "mode", "reason", "breaker", "source"),
    *("endpoint", "status", "version", "python", "le"),
)


def exposed(metrics: Metrics) -> dict[str, float]:
    """Our samples, each under its name without the prefix and its labels' values: `runs_total acme clean failed`."""
    body, _ = metrics.exposition("text/plain")
    return {
        " ".join((sample.name.removeprefix(PREFIX), *_values(sample.labels))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


def of(name: str, metrics: Metrics) -> dict[str, float]:
    """The samples of one metric, by their labels' values."""
    return {
        labels: value
        for sample, value in exposed(metrics).items()
        for found, _, labels in [sample.partition(" ")]
        if found == name
    }


def _values(labels: Mapping[str, str]) -> Iterator[str]:
    """The values in the order in which the table names the labels."""
    return (labels[name] for name in sorted(labels, key=ORDER.index))
