"""A real Prometheus scrapes a running daemon that cleans a running simulator, and a real Alertmanager tells of it.

Two registries: one is cleaned, in the other a garbage collection hangs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.cli.scene import TOKEN, Scene, scene, shop
from tests.daemon.process import daemon
from tests.deploy.queries import Json, alerts, asked, panels, selectors
from tests.real.monitoring import Alertmanager, Prometheus, Webhook, alertmanager, prometheus, webhook
from tests.real.parts import skip_module_without
from tests.shelves import registry

skip_module_without("prometheus", "prometheus-alertmanager")

pytestmark = pytest.mark.xdist_group("monitoring")

ADMIN = "only-for-operators"
HUNG = timedelta(hours=1)

CONFIG = """
mode: enforce
protect: {in_use: [{file: images.txt}]}
limits: {share: 100%, keep_at_least: 1}
admin: {token: {env: ADMIN_TOKEN}}
registries:
  - name: acme
    schedule: "30 2 * * *"
    garbage_collection: {schedule: never}
    policies: &policies [{repositories: ["*"], keep: [{tags: [main]}, {tags: ["v*"], last: 2}]}]
  - name: stuck
    schedule: "30 3 * * *"
    garbage_collection: {min_freed: 0B}
    policies: *policies
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """The whole, running: what is watched, who watches, and who is told."""

    scene: Scene
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Both registries at work, begun once Prometheus has seen the daemon idle."""
    folder = tmp_path_factory.mktemp("monitoring")
    content = {"registries": [*entry("acme"), *entry("stuck")]}
    behaviour = Behaviour(token=TOKEN, per_hour=5000)
    with (
        scene(folder, content, behaviour=behaviour, collection=HUNG) as world,
        webhook() as pager,
        alertmanager(folder, pager.url) as manager,
    ):
        world.environment["ADMIN_TOKEN"] = ADMIN
        world.configure(CONFIG)
        (folder / "images.txt").write_text("shop/web:main\n", encoding="utf-8")
        with (
            daemon(world, "daemon") as cleaner,
            prometheus(folder, httpx.URL(cleaner.url).netloc.decode(), manager) as seen,
        ):
            seen.told("registry_cleaner_build_info")
            for name in ("acme", "stuck"):
                assert cleaner.post(f"/-/run/{name}", ADMIN).status_code == 202
            seen.told('registry_cleaner_runs_total{registry="acme", outcome="success"} > 0')
            seen.told('registry_cleaner_collection_active_start_timestamp_seconds{registry="stuck"} > 0')
            yield Watched(world, seen, manager, pager)


def entry(name: str) -> list[object]:
    """A registry that holds the shop."""
    found = registry(shop(), name=name)["registries"]
    assert isinstance(found, list)
    return found


def test_prometheus_counts_what_the_simulator_saw(watched: Watched) -> None:
    """As many manifests were deleted as requests arrived."""
    deletes = len(watched.scene.requests("DELETE"))
    (total,) = watched.prometheus.ask("sum(registry_cleaner_manifests_deleted_total)")
    assert int(total["value"][1]) == deletes > 0


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_query_of_the_dashboard_returns_data(panel: Json, watched: Watched) -> None:
    """No panel stays empty, with the variables filled in as Grafana does."""
    for query in asked(panel):
        assert watched.prometheus.told(query)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_metric_of_an_alert_returns_data(rule: Json, watched: Watched) -> None:
    """With the labels it is asked for by; that the alert then holds is another matter."""
    for selector in selectors(rule["expr"]):
        assert watched.prometheus.told(str(selector))


def test_a_hung_collection_reaches_the_operator(watched: Watched) -> None:
    """First that the registry is read-only, then that its collection hangs, which silences the milder alert."""
    read_only = watched.webhook.received("RegistryCleanerReadOnly")
    assert read_only["annotations"]["summary"] == "stuck is read-only"
    hung = watched.webhook.received("RegistryCleanerCollectionHung")
    assert (hung["labels"]["registry"], hung["labels"]["severity"]) == ("stuck", "critical")
    assert hung["annotations"]["runbook_url"].endswith("docs/alerts.md#registrycleanercollectionhung")
    watched.alertmanager.silenced("RegistryCleanerReadOnly")
