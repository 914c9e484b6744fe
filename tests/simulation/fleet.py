"""What runs in a simulated world: apps, a cluster's deployments, lines of a file; and what their sources must tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.house import House
from tests.in_use import kube_api, kube_objects
from tests.in_use.account import app, pushed, service
from tests.in_use.kube_api import Cluster

APPS, CLUSTER, FILE = "app_platform", "kubernetes", "file"
API_SERVER = "kube.example"
REVISIONS = 2
_OURS = "registry.digitalocean.com/acme"


@dataclass(frozen=True, slots=True)
class Image:
    """An image of our registry as something that runs names it: by tag, by digest, or by both."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.repository}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment: the image that it names, the digest that this meant then, and when it was made."""

    image: Image
    digest: str
    at: datetime


@dataclass(slots=True)
class Fleet:
    """Everything that runs, by its source and name, each with its deployments, the oldest first.

    `previous` is how many earlier deployments of an app its source must tell. `since` numbers the change of the fleet
    with which something came to be in use.
    """

    house: House
    previous: int
    cluster: Cluster = field(default_factory=Cluster)
    running: dict[tuple[str, str], list[Deployed]] = field(default_factory=dict)
    since: dict[tuple[str, Image], int] = field(default_factory=dict)
    changes: int = 0

    def __post_init__(self) -> None:
        network, folder = self.house.network, self.house.directory
        network.planes = {**network.planes, API_SERVER: self.cluster.transport()}
        server, user = f"https://{API_SERVER}:6443", {"token": "of-the-cluster"}
        kube_api.kubeconfig(folder / "kube.yaml", server, user, kube_api.UNVERIFIED)
        self._show()

    def deploy(self, source: str, name: str, deployed: Deployed) -> None:
        """Something runs an image from now on; what it ran before can be gone back to for a while."""
        self.running.setdefault((source, name), []).append(deployed)
        self._show()

    def stop(self, source: str, name: str) -> None:
        """Something does not run any more, and nobody can go back to it."""
        del self.running[source, name]
        self._show()

    def of(self, source: str) -> dict[str, list[Deployed]]:
        """What runs there."""
        return {name: deployed for (where, name), deployed in self.running.items() if where == source}

    def told(self, source: str, since: int) -> frozenset[Image]:
        """What a source must tell whose reading began after that many changes, and ends now."""
        return frozenset(image for (where, image), began in self.since.items() if where == source and began <= since)

    def _show(self) -> None:
        self.changes += 1
        used = {(source, image) for source in (APPS, CLUSTER, FILE) for image in self._used(source)}
        self.since = {use: self.since.get(use, self.changes) for use in sorted(used, key=str)}
        self.house.world.apps[:] = [self._app(name, deployed) for name, deployed in self.of(APPS).items()]
        self._show_cluster()
        lines = ["elsewhere:1", *(str(deployed[-1].image) for deployed in self.of(FILE).values())]
        (self.house.directory / "images.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _used(self, source: str) -> Iterator[Image]:
        for deployed in self.of(source).values():
            kept = {APPS: self.previous, CLUSTER: REVISIONS, FILE: 0}[source]
            for each in deployed[-kept - 1 :]:
                yield each.image
                if source == APPS or (source == CLUSTER and each is deployed[-1]):
                    yield Image(each.image.repository, None, each.digest)  # the push's digest, and the pod's imageID

    def _app(self, name: str, deployed: list[Deployed]) -> dict[str, object]:
        documents = [_deployment(name, number, each) for number, each in enumerate(deployed)]
        documents[-1]["phase"] = "ACTIVE"
        current = deployed[-1].image
        return app(name, *documents[::-1], services=[_service(current)], active_deployment=documents[-1])

    def _show_cluster(self) -> None:
        objects: dict[str, list[kube_api.Object]] = {"deployments": [], "replicasets": [], "pods": []}
        for name, deployed in self.of(CLUSTER).items():
            current = deployed[-1]
            spec = kube_objects.spec(f"{_OURS}/{current.image}")
            objects["deployments"].append(kube_objects.workload(name, spec))
            for number, each in list(enumerate(deployed))[-REVISIONS - 1 :]:
                template = kube_objects.spec(f"{_OURS}/{each.image}")
                owner = ("Deployment", name)
                objects["replicasets"].append(kube_objects.workload(f"{name}-{number}", template, owner))
            image_id = f"{_OURS}/{current.image.repository}@{current.digest}"
            status = kube_objects.runs("main-0", f"{_OURS}/{current.image}", image_id)
            objects["pods"].append(kube_objects.pod(f"{name}-0", spec, status, owner=("ReplicaSet", name)))
        self.cluster.objects = {**objects}


def _deployment(name: str, number: int, deployed: Deployed) -> dict[str, object]:
    image = deployed.image
    cause = pushed(deployed.digest, image.tag or "", image.repository)
    return {
        "id": f"{name}-{number:06}",
        "spec": {"services": [_service(image)]},
        "phase": "SUPERSEDED",
        "created_at": deployed.at.isoformat().replace("+00:00", "Z"),
        **cause,
    }


def _service(image: Image) -> dict[str, object]:
    """App Platform takes a tag or a digest, not both."""
    tag = None if image.digest else image.tag
    return service("web", tag, repository=image.repository, digest=image.digest or "")
