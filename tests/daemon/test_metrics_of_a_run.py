"""A whole run in virtual time, as the metrics show it: they agree with the report, the ledger and the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleaner.cleaning.orders import Mandate
from cleaner.cleaning.run import both
from cleaner.daemon.metrics import Metrics
from cleaner.model.report import Report
from cleaner.model.run import RunKind
from tests.daemon.exposed import exposed, of
from tests.house import House
from tests.shelves import LAYER_BYTES, Shelf, house, policy, registry

POLICY = policy('[{tags: ["v*"], last: 2}]', rest="untagged: {within: 14d}")


def shop() -> Shelf:
    """Four releases, two of which go, and an orphan that goes too."""
    shelf = Shelf()
    for number in range(4):
        shelf.image(f"v{number}", days=40 - 10 * number)
    shelf.image(days=50)
    return shelf


def measured(world: House) -> Metrics:
    """The metrics of a daemon that starts now on this house."""
    metrics = Metrics(world.now, "0.2.0")
    metrics.expect({"acme": [RunKind.CLEAN]}, {"acme": {}})
    return metrics


def clean(world: House, metrics: Metrics) -> Report:
    """One run, heard."""
    with world.application() as application:
        tell = both(metrics.hear, world.events.append)
        return world.run(application.clean(world.registry, Mandate(), tell))


@contextmanager
def cleaned(folder: Path) -> Iterator[tuple[House, Metrics, Report]]:
    """A house after a run, its metrics and the run's report."""
    with house(registry(shop()), POLICY, folder) as world:
        metrics = measured(world)
        yield world, metrics, clean(world, metrics)


def test_the_metrics_agree_with_the_report(tmp_path: Path) -> None:
    """What was deleted, what that freed and how it ended."""
    with cleaned(tmp_path) as (_, metrics, report):
        shown = exposed(metrics)
        assert shown["manifests_deleted_total acme"] == len(report.deleted) == 3
        assert shown["runs_total acme clean success"] == 1
        assert (shown["manifests_seen acme"], shown["manifests_kept acme"]) == (5, 2)
        assert shown["manifests_condemned acme enforce"] == 3
        assert shown["freed_bytes_total acme"] == shown["predicted_freed_bytes acme"] == 3 * LAYER_BYTES
        assert shown["run_in_progress acme"] == 0


def test_the_collection_made_the_registry_read_only(tmp_path: Path) -> None:
    """For as long as it took, as seen look by look, and no longer."""
    with cleaned(tmp_path) as (_, metrics, _):
        shown = exposed(metrics)
        assert shown["collections_total acme succeeded"] == 1
        assert 9 <= shown["read_only_seconds_total acme"] < shown["run_duration_seconds_sum acme clean"]
        assert shown["collection_active_start_timestamp_seconds acme"] == 0
        assert set(of("collection_active", metrics).values()) == {0}


def test_every_request_is_counted(tmp_path: Path) -> None:
    """As many as went out on the wire, by what they asked for and what came back."""
    with cleaned(tmp_path) as (world, metrics, report):
        requests = of("api_requests_total", metrics)
        assert sum(requests.values()) == len(world.network.seen)
        assert requests["acme delete_manifest 204"] == len(report.deleted)
        assert sum(of("api_request_duration_seconds_count", metrics).values()) == len(world.network.seen)


def test_a_restart_shows_the_last_run_as_the_ledger_has_it(tmp_path: Path) -> None:
    """What a fresh process shows of it is what the one before it showed."""
    names = ("last_run_timestamp_seconds", "last_success_timestamp_seconds", "last_run_outcome")
    with cleaned(tmp_path) as (world, metrics, _):
        again = measured(world)
        with world.application() as application:
            history = application.ledger.history
            again.restore("acme", history.last_runs("acme"), history.last_successes("acme"))
        for name in names:
            before, after = of(name, metrics), of(name, again)
            assert before.keys() == after.keys() != set()
            assert all(abs(after[labels] - value) < 1 for labels, value in before.items())


def test_a_registry_shows_about_as_many_series_as_the_page_says(tmp_path: Path) -> None:
    """However much it holds: a run's own requests have few answers."""
    with cleaned(tmp_path) as (_, metrics, _):
        assert 50 < len([name for name in exposed(metrics) if " acme" in name]) < 140
