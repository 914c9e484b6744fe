"""The time series themselves: one collector for each metric of the table, on a registry of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from cleaner.daemon.declarations import Declaration, Kind, Since
from cleaner.daemon.metric_labels import REGISTRY, Label
from cleaner.daemon.metric_table import TABLE


class Series:
    """Counters, gauges and histograms by their declaration; label values in the order of its labels."""

    def __init__(self) -> None:
        # They would double the series, and Prometheus knows when it saw one first.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._collectors = CollectorRegistry()
        ProcessCollector(registry=self._collectors)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for what in TABLE:
            self._collect(what)

    def _collect(self, what: Declaration) -> None:
        text = (what.full_name, what.meaning, _names(what))
        match what.kind:
            case Kind.COUNTER:
                self._counters[what.name] = Counter(*text, registry=self._collectors)
            case Kind.GAUGE:
                self._gauges[what.name] = Gauge(*text, registry=self._collectors)
            case Kind.HISTOGRAM:
                self._histograms[what.name] = Histogram(*text, registry=self._collectors, buckets=what.buckets)
            case _:
                assert_never(what.kind)

    def add(self, what: Declaration, *labels: str, amount: float = 1) -> None:
        """A counter grows; by nothing where the amount is negative, as after a clock was put back."""
        self._counters[what.name].labels(*labels).inc(max(0.0, amount))

    def show(self, what: Declaration, value: float | None, *labels: str) -> None:
        """A gauge shows this; None: nobody knows, so its series is not there."""
        gauge = self._gauges[what.name]
        if value is None:
            gauge.remove(*labels)
        elif labels:
            gauge.labels(*labels).set(value)
        else:
            gauge.set(value)

    def observe(self, what: Declaration, value: float, *labels: str) -> None:
        """A histogram takes in one value."""
        self._histograms[what.name].labels(*labels).observe(value)

    def begin(self, registry: str, having: Mapping[Label, Collection[str]]) -> None:
        """What a registry's series show from the start: those that are there already are left as they are.

        `having` gives, for some labels, which of their values this registry has: series with others go.
        """
        for what in _of_registries():
            if what.since is Since.START:
                for labels in product(*(_values(label, registry, having) for label in what.labels)):
                    self._collector(what).labels(*labels)
        for label, values in having.items():
            for value in label.values:
                if value not in values:
                    self._remove({"registry": registry, label.name: value})

    def forget(self, registry: str) -> None:
        """The registry is gone, and so are its series."""
        self._remove({"registry": registry})

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All series in the format that the `Accept` header asks for, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # the library's, for a version that is no number
            encode, content_type = choose_encoder("")
        return encode(self._collectors), content_type

    def _remove(self, labels: dict[str, str]) -> None:
        for what in _of_registries():
            if labels.keys() <= set(_names(what)):
                self._collector(what).remove_by_labels(labels)

    def _collector(self, what: Declaration) -> Counter | Gauge | Histogram:
        match what.kind:
            case Kind.COUNTER:
                return self._counters[what.name]
            case Kind.GAUGE:
                return self._gauges[what.name]
            case Kind.HISTOGRAM:
                return self._histograms[what.name]
            case _:
                assert_never(what.kind)


def _of_registries() -> Iterator[Declaration]:
    return (each for each in TABLE if REGISTRY in each.labels)


def _names(what: Declaration) -> tuple[str, ...]:
    return tuple(label.name for label in what.labels)


def _values(label: Label, registry: str, having: Mapping[Label, Collection[str]]) -> Collection[str]:
    return (registry,) if label is REGISTRY else having.get(label, label.values)
