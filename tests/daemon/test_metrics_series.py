"""Which series there are: from the start, after a reload, at most; and in which format they come."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from cleaner.daemon.declarations import Kind, Since, series_at_most
from cleaner.daemon.metric_labels import HTTP_STATUS, REGISTRY, status_label
from cleaner.daemon.metric_table import TABLE
from cleaner.daemon.metrics import Metrics
from cleaner.model.event import Planned
from cleaner.model.run import RunKind
from tests.daemon.events import MOMENT, SOURCES, ended, everything, plan
from tests.daemon.exposed import exposed, of
from tests.house import START

REGISTRIES = ("acme", "beta", "gamma")
ALL = tuple(RunKind)


def metrics(kinds: Mapping[str, Collection[RunKind]]) -> Metrics:
    """Those of a daemon that has just started with these registries."""
    made = Metrics(lambda: MOMENT, "0.2.0")
    made.expect(kinds, dict.fromkeys(kinds, SOURCES))
    return made


def test_every_counter_of_a_registry_is_there_from_the_start() -> None:
    """At 0, so that its first increase is seen; that of the requests, with its many labels, aside."""
    shown = exposed(metrics({"acme": ALL}))
    counters = {each.name for each in TABLE if each.kind is Kind.COUNTER and each.since is Since.START}
    assert {each.name for each in TABLE if each.kind is Kind.COUNTER} - counters == {"api_requests_total"}
    assert counters <= {name.partition(" ")[0] for name in shown}
    assert all(shown[name] == 0 for name in shown if name.partition(" ")[0] in counters)


def test_a_gauge_that_nobody_knows_is_absent() -> None:
    """Nothing is shown as 0 that was never looked at, and nothing as NaN."""
    shown = {name.partition(" ")[0] for name in exposed(metrics({"acme": ALL}))}
    assert not shown & {each.name for each in TABLE if each.since is Since.KNOWN}


def test_only_the_kinds_of_run_that_a_registry_may_have_are_there() -> None:
    """A registry without a collection schedule shows no runs of that kind."""
    shown = of("runs_total", metrics({"acme": [RunKind.CLEAN], "beta": [RunKind.PLAN]}))
    assert {labels.rpartition(" ")[0] for labels in shown} == {"acme clean", "beta plan"}


def test_a_reload_takes_away_the_series_of_registries_that_are_gone() -> None:
    """All of them; those of the others go on from where they were."""
    shown = metrics({"acme": ALL, "beta": ALL})
    for registry in ("acme", "beta"):
        for event in everything(registry):
            shown.hear(event)
    before = exposed(shown)
    shown.expect({"acme": ALL}, {"acme": SOURCES})
    assert exposed(shown) == {name: value for name, value in before.items() if "beta" not in name.split(" ")}


def test_a_reload_takes_away_the_kinds_of_run_that_are_gone() -> None:
    """A registry that went from `mode: plan` to `enforce` has no last plan run that could be overdue."""
    shown = metrics({"acme": [RunKind.PLAN]})
    shown.hear(ended(kind=RunKind.PLAN))
    shown.expect({"acme": [RunKind.CLEAN]}, {"acme": SOURCES})
    assert [name for name in exposed(shown) if " plan" in name] == []
    assert of("runs_total", shown)["acme clean success"] == 0


def test_a_registry_that_comes_back_begins_anew() -> None:
    """Nothing is left of what it was."""
    shown = metrics({"acme": ALL})
    fresh = exposed(shown)
    for event in everything("acme"):
        if not type(event).__name__.startswith("Configuration"):
            shown.hear(event)
    shown.expect({}, {})
    shown.expect({"acme": ALL}, {"acme": SOURCES})
    assert {name: value for name, value in exposed(shown).items() if " acme" in name} == {
        name: value for name, value in fresh.items() if " acme" in name
    }


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_series_is_bounded(count: int) -> None:
    """When all has happened that can happen there are as many series as the page says, and not one more."""
    shown = metrics(dict.fromkeys(REGISTRIES[:count], ALL))
    for registry in REGISTRIES:
        for event in everything(registry):
            shown.hear(event)
    assert len(exposed(shown)) == sum(series_at_most(each, count) for each in TABLE)


def test_no_label_names_what_is_in_a_registry() -> None:
    """Whatever names a plan holds, its events add no label's value."""
    shown = metrics({"acme": ALL})
    shown.hear(Planned(plan(), START))
    text, _ = shown.exposition("")
    assert b"shop" not in text
    assert b"sha256" not in text


@given(st.integers(100, 999))
def test_every_status_has_one_of_a_few_labels(status: int) -> None:
    """A proxy in between may answer with any number."""
    assert status_label(status) in HTTP_STATUS.values
    assert status_label(status)[0] == str(status)[0]


def test_open_metrics_are_given_to_whom_asks_for_them() -> None:
    """As Prometheus does; the text then parses as what it says it is."""
    shown = metrics({"acme": ALL})
    for event in everything("acme"):
        shown.hear(event)
    body, content_type = shown.exposition("application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    parsed = text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]  # the library has no types
    families = {family.name for family in parsed}
    assert {each.full_name.removesuffix("_total") for each in TABLE} <= families


ASKING = r"(application/openmetrics-text|text/plain);version=.*"


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(ASKING))
@example("text/plain;version=new")
@example("application/openmetrics-text; version=1.x")
def test_no_accept_header_breaks_a_scrape(accept: str) -> None:
    """Whoever asks, in whatever way, gets the metrics."""
    body, content_type = metrics({"acme": ALL}).exposition(accept)
    assert b"registry_cleaner_build_info" in body
    assert "text" in content_type


def test_the_process_is_measured_too() -> None:
    """Memory, processor time and open files, under their usual names."""
    text, _ = metrics({}).exposition("")
    for name in (b"process_resident_memory_bytes", b"process_cpu_seconds_total", b"process_open_fds"):
        assert name in text


def test_what_is_expected_of_a_registry_is_of_it() -> None:
    """Each series of a registry has its name as a label, so that the series can go with it."""
    assert all(label.name != "registry" or label is REGISTRY for each in TABLE for label in each.labels)
