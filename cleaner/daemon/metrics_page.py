"""The page of the documents that tells each metric: `python -m cleaner.daemon.metrics_page > docs/metrics.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cleaner.daemon.declarations import series_at_most
from cleaner.daemon.metric_labels import ENDPOINT, REGISTRY, Label
from cleaner.daemon.metric_table import REQUESTS, TABLE

_HEAD = """\
# Metrics

What a daemon shows at `/metrics`, in the text format of Prometheus or, where the scraper asks for it, OpenMetrics.
This page is made from the code: `python -m cleaner.daemon.metrics_page > docs/metrics.md`.
What to do when one of them raises an alarm: [alerts.md](alerts.md).
"""

_LEGEND = """\
A series that is there *from the start* begins at 0 as soon as its registry stands in the configuration; one that is
there *once known* is absent until there is something to show. When a registry leaves the configuration, its series go
with it. A restart sets counters back to 0, as Prometheus expects; the times and the outcome of the last runs come from
the ledger. Beside these there are the usual `process_*` metrics: memory, processor time, open files, start time.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        (_HEAD, _LEGEND, *_metrics(), "", "## Labels", "", *_labels(), "", "## How many series", "", _bound())
    )


def _metrics() -> Iterator[str]:
    yield "| metric | type | labels | unit | is there | meaning |"
    yield "|---|---|---|---|---|---|"
    for each in TABLE:
        labels = " ".join(f"`{label.name}`" for label in each.labels)
        yield f"| `{each.full_name}` | {each.kind} | {labels} | {each.unit} | {each.since} | {each.meaning} |"


def _labels() -> Iterator[str]:
    """The values of each label, and the metrics that have it where one name stands for several."""
    yield "| label | of | values |"
    yield "|---|---|---|"
    for label in dict.fromkeys(label for each in TABLE for label in each.labels):
        users = [each for each in TABLE if label in each.labels]
        named = "all of a registry" if label is REGISTRY else ", ".join(f"`{each.name}`" for each in users)
        yield f"| `{label.name}` | {named} | {_values(label)} |"


def _values(label: Label) -> str:
    if label is REGISTRY:
        return "the names in the configuration"
    return ", ".join(f"`{value}`" for value in label.values) or "one"


def _bound() -> str:
    process = sum(series_at_most(each, 0) for each in TABLE)
    registry = sum(series_at_most(each, 1) for each in TABLE) - process
    requests, endpoints = series_at_most(REQUESTS, 1), len(ENDPOINT.values)
    return f"""\
No label holds a digest, a tag or a repository, so the number of series does not grow with what a registry holds. For R
registries there are at most {process} + {registry} · R, whatever happens. Of those {registry}, {requests} are
`{REQUESTS.name}` with every status from every endpoint. In practice an endpoint answers with one or two, and a
registry has some {registry - requests + 2 * endpoints} series.
"""


if __name__ == "__main__":
    sys.stdout.write(page())
