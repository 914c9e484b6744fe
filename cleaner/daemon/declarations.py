"""What a metric is declared to be, and how many series that can make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod

from cleaner.daemon.metric_labels import REGISTRY, Label

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


def counter(name: str, labels: tuple[Label, ...], unit: str, meaning: str, since: Since = Since.START) -> Declaration:
    """A counter."""
    return Declaration(name, Kind.COUNTER, labels, unit, meaning, since)


def gauge(name: str, labels: tuple[Label, ...], unit: str, meaning: str, since: Since = Since.START) -> Declaration:
    """A gauge."""
    return Declaration(name, Kind.GAUGE, labels, unit, meaning, since)


def series_at_most(declaration: Declaration, registries: int) -> int:
    """How many series a metric can have, whatever happens; a histogram has one for each bucket, its sum and count."""
    combinations = prod(registries if label is REGISTRY else len(label.values) or 1 for label in declaration.labels)
    return combinations * (len(declaration.buckets) + 3 if declaration.kind is Kind.HISTOGRAM else 1)
