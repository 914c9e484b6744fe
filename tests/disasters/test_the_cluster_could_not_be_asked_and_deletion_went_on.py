"""What happened: the cluster could not be asked, so nothing counted as in use, and deletion went on.

To: thegangtechnology (measured). Here: a configured source that cannot be read stops every deletion (law 6).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ConfigError
from tests.in_use import kube_api
from tests.shelves import Shelf, house, left, policy, registry
from tests.workloads import KUBERNETES, SOURCES, Workloads

KEEP = '[{tags: ["v*"], last: 3}]'
CLUSTER = f"[{{{SOURCES[KUBERNETES]}}}]"


def builds() -> tuple[Shelf, list[str]]:
    """Eight builds, of which a policy keeps three."""
    shelf = Shelf()
    return shelf, [shelf.image(f"v{n}", days=90 - n) for n in range(8)]


@pytest.mark.parametrize(
    "trouble",
    [kube_api.forbidden, kube_api.broken, kube_api.half_an_answer, kube_api.late(600)],
    ids=["forbidden", "broken", "half an answer", "late"],
)
def test_a_cluster_that_cannot_be_asked_means_in_use(tmp_path: Path, trouble: kube_api.Trouble) -> None:
    """Not: nothing is in use. No deletion, exit code 3, the reason names it; once it answers, what runs stays."""
    shelf, digests = builds()
    with house(registry(shelf), policy(KEEP, in_use=CLUSTER), tmp_path) as world:
        around = Workloads(world)
        around.deploy(KUBERNETES, "shop", digest=digests[0])
        around.cluster.trouble["pods"] = trouble
        report = world.apply()
        assert (len(left(world)), report.deleted, report.exit_code) == (8, (), 3)
        assert "kubernetes prod cannot be read" in report.held_back[0].detail
        around.mend()
        assert world.apply().exit_code == 0
        assert left(world) == {digests[0], *digests[-3:]}


@pytest.mark.parametrize("source", ["{kubernetes: {}}", "{file: images.txt}"])
def test_what_is_not_there_to_be_asked_means_in_use_too(tmp_path: Path, source: str) -> None:
    """No cluster around the process, no such file: the same."""
    with house(registry(builds()[0]), policy(KEEP, in_use=f"[{source}]"), tmp_path) as world:
        report = world.apply()
        assert (len(left(world)), report.deleted, report.exit_code) == (8, (), 3)
        assert source.strip("{").partition(":")[0] in report.held_back[0].detail


def test_nobody_enforces_without_having_said_what_runs(tmp_path: Path) -> None:
    """There is no default: `mode: enforce` without `in_use` does not load."""
    configuration = policy("[{last: 3}]").replace("protect: {in_use: none}\n", "")
    with pytest.raises(ConfigError, match="in_use"):
        house(registry(builds()[0]), configuration, tmp_path)
