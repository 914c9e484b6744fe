"""Kubernetes as an in-use source: lightkube's client against a small API server, in virtual time."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.cluster import MOST_OBJECTS, PAGE, REPETITIONS
from cleaner.in_use.kubernetes import read
from cleaner.in_use.references import Home
from cleaner.model.manifest import Digest
from cleaner.model.use import Use
from tests.in_use import kube_api
from tests.in_use import kube_objects as kube
from tests.in_use.kube_api import PATHS, Cluster, Trouble
from tests.virtual_time import VirtualTimeLoop

HOME = Home("acme", ("registry.digitalocean.com",))
OURS = "registry.digitalocean.com/acme"
DIGEST = Digest(f"sha256:{'a' * 64}")
TOKEN = "a-very-secret-token"


@pytest.fixture
def place(tmp_path: Path) -> Kubernetes:
    """The cluster `prod`, by a kubeconfig with a token."""
    server, user = "https://kube.example.com:6443", {"token": TOKEN}
    file = kube_api.kubeconfig(tmp_path / "kube.yaml", server, user, kube_api.UNVERIFIED)
    return Kubernetes("prod", file, None)


def look(place: Kubernetes, cluster: Cluster) -> tuple[Use, ...]:
    """What the source says, in virtual time."""
    with closing(VirtualTimeLoop()) as loop:
        uses: tuple[Use, ...] = loop.run_until_complete(read(place, HOME, cluster.transport()))
        return uses


def refused(place: Kubernetes, cluster: Cluster) -> str:
    """The words in which the source says that it cannot be read."""
    with pytest.raises(SourceUnreadable) as caught:
        look(place, cluster)
    assert caught.value.message.startswith("kubernetes prod cannot be read: ")
    assert caught.value.next_step
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def a_shop() -> Cluster:
    """One object of each kind."""

    def image(name: str) -> kube.Object:
        return kube.spec(f"{OURS}/{name}:1")

    pod = kube.pod(
        "web-1-x", image("web"), kube.runs("main-0", "", f"{OURS}/web@{DIGEST}"), owner=("ReplicaSet", "web-1")
    )
    return Cluster(
        {
            "pods": [pod],
            "replicasets": [kube.workload("web-0", image("web-before"))],
            "controllerrevisions": [kube.revision("db-4", ("StatefulSet", "db"), kube.patch(image("db-before")))],
            "jobs": [kube.workload("migrate", image("migrate"))],
            "deployments": [kube.workload("web", image("web-next"))],
            "statefulsets": [kube.workload("db", image("db"))],
            "daemonsets": [kube.workload("logs", image("logs"))],
            "cronjobs": [kube.cron_job("mail", image("mail"))],
        },
        token=TOKEN,
    )


def many(count: int) -> Cluster:
    """A cluster of so many pods, each with an image of its own."""
    return Cluster({"pods": [kube.pod(f"p{n}", kube.spec(f"{OURS}/web:{n}")) for n in range(count)]})


def test_every_kind_is_read(place: Kubernetes) -> None:
    """Pods, the templates of what makes them, and what is kept to go back to; sorted, each with its workload."""
    assert look(place, a_shop()) == (
        Use("db", "1", None, "kubernetes prod", "prod/shop/statefulset/db"),
        Use("db-before", "1", None, "kubernetes prod", "prod/shop/controllerrevision/db-4"),
        Use("logs", "1", None, "kubernetes prod", "prod/shop/daemonset/logs"),
        Use("mail", "1", None, "kubernetes prod", "prod/shop/cronjob/mail"),
        Use("migrate", "1", None, "kubernetes prod", "prod/shop/job/migrate"),
        Use("web", None, DIGEST, "kubernetes prod", "prod/shop/replicaset/web-1"),
        Use("web", "1", None, "kubernetes prod", "prod/shop/replicaset/web-1"),
        Use("web-before", "1", None, "kubernetes prod", "prod/shop/replicaset/web-0"),
        Use("web-next", "1", None, "kubernetes prod", "prod/shop/deployment/web"),
    )


def test_an_empty_cluster_uses_nothing(place: Kubernetes) -> None:
    """Lists without an object are whole answers; each is asked for once, over all namespaces."""
    cluster = Cluster()
    assert look(place, cluster) == ()
    assert sorted(path for path, _ in cluster.seen) == sorted(PATHS.values())


def test_what_makes_an_object_is_listed_after_it(place: Kubernetes) -> None:
    """An image that wanders from a Deployment into pods while we look is seen at one level or the other."""
    cluster = Cluster()
    look(place, cluster)
    order = [path for path, _ in cluster.seen]
    for chain in (["pods", "replicasets", "deployments"], ["pods", "statefulsets"], ["pods", "jobs", "cronjobs"]):
        moments = [order.index(PATHS[plural]) for plural in chain]
        assert moments == sorted(moments)


def test_long_lists_come_in_pages(place: Kubernetes) -> None:
    """No page is left out, none is asked for twice."""
    cluster = many(2 * PAGE + 1)
    assert len(look(place, cluster)) == 2 * PAGE + 1
    assert [each["limit"] for each in cluster.requests("pods")] == [str(PAGE)] * 3
    assert ["continue" in each for each in cluster.requests("pods")] == [False, True, True]


def test_ten_thousand_pods_of_one_image_are_one_use(place: Kubernetes) -> None:
    """What repeats is told once."""
    pods = [kube.pod(f"p{n}", kube.spec(f"{OURS}/web:1"), owner=("ReplicaSet", "web-1")) for n in range(10_000)]
    assert look(place, Cluster({"pods": pods})) == (
        Use("web", "1", None, "kubernetes prod", "prod/shop/replicaset/web-1"),
    )


def test_a_list_that_expires_is_begun_again(place: Kubernetes) -> None:
    """From its first page, as often as is allowed; the whole list is read at last."""
    cluster = many(PAGE + 1)
    cluster.expirations["pods"] = REPETITIONS
    assert len(look(place, cluster)) == PAGE + 1
    assert ["continue" in each for each in cluster.requests("pods")] == [False, True] * (REPETITIONS + 1)


def test_a_list_that_always_expires_is_given_up(place: Kubernetes) -> None:
    """Half of it is worth nothing."""
    cluster = many(PAGE + 1)
    cluster.expirations["pods"] = REPETITIONS + 1
    assert "listing pods: HTTP 410" in refused(place, cluster)
    assert len(cluster.requests("pods")) == 2 * (REPETITIONS + 1)


@pytest.mark.parametrize("plural", PATHS)
def test_no_list_may_be_missing(place: Kubernetes, plural: str) -> None:
    """One that the account may not read hides what is in use; the words name it, and the role that allows it."""
    cluster = a_shop()
    cluster.trouble[plural] = kube_api.forbidden
    resource = f"{plural}.{kube_api.GROUPS[plural]}".rstrip(".")
    words = refused(place, cluster)
    assert f"listing {resource}: HTTP 403" in words
    assert "deploy/kubernetes/components/in-use" in words


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (kube_api.broken, "HTTP 500"),
        (kube_api.unserved, "HTTP 404. The cluster does not serve this API"),
        (kube_api.garbled_refusal, "HTTP 503"),
        (kube_api.login_page, "the answer is no whole list of them"),
        (kube_api.half_an_answer, "the answer is no whole list of them"),
        (kube_api.without_items, "the answer is no whole list of them"),
        (kube_api.without_metadata, "the answer is no whole list of them"),
        (kube_api.without_the_way_on, "the answer is no whole list of them (expected `continue` before 5 more"),
        (kube_api.late(61), "no whole answer in time"),
    ],
)
@pytest.mark.parametrize("plural", ["pods", "cronjobs"])
def test_an_answer_that_is_none_says_nothing(place: Kubernetes, plural: str, trouble: Trouble, words: str) -> None:
    """Whatever stands in for a list, be it the first or the last one, nothing is known of what is in use."""
    cluster = a_shop()
    cluster.trouble[plural] = trouble
    assert words in refused(place, cluster)


def test_trouble_on_a_later_page_spoils_the_list(place: Kubernetes) -> None:
    """The pages before it are not taken for the whole."""
    cluster = many(PAGE + 1)
    cluster.trouble["pods"] = kube_api.broken_at_the_end
    assert "listing pods: HTTP 500" in refused(place, cluster)


def test_a_list_without_an_end_is_given_up(place: Kubernetes) -> None:
    """More objects than any cluster has are none."""
    cluster = Cluster({"pods": [{"metadata": kube.metadata("web"), "spec": {"containers": []}}] * PAGE})
    cluster.trouble["pods"] = kube_api.endless
    assert "listing pods: expected at most" in refused(place, cluster)
    assert len(cluster.requests("pods")) == MOST_OBJECTS // PAGE + 1


def test_a_slow_answer_is_waited_for(place: Kubernetes) -> None:
    """Within the time that a list may take."""
    cluster = a_shop()
    cluster.trouble["pods"] = kube_api.late(20)
    assert len(look(place, cluster)) == 9


def test_a_token_that_is_not_known_is_refused(place: Kubernetes) -> None:
    """401: the credentials are old or wrong."""
    assert "HTTP 401. Its credentials are refused" in refused(place, Cluster(token="another"))


def test_an_image_of_ours_that_cannot_be_parsed_stops_it(place: Kubernetes) -> None:
    """The words name the workload in which it stands."""
    cluster = a_shop()
    cluster.objects["jobs"] = [kube.workload("import", kube.spec(f"{OURS}/Import:1"))]
    with pytest.raises(SourceUnreadable, match="prod/shop/job/import"):
        look(place, cluster)


def test_the_library_is_an_extra(place: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it everything else works, and this source says how to install it."""
    monkeypatch.delattr("cleaner.in_use.cluster")
    for name in [name for name in sys.modules if name.startswith(("cleaner.in_use.cluster", "lightkube"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightkube", None)
    with pytest.raises(SourceUnreadable, match="lightkube") as caught:
        look(place, Cluster())
    assert 'pip install "registry-cleaner[kubernetes]"' in caught.value.next_step
