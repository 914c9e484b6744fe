"""What runs: an account's apps, a cluster's deployments, and hosts that a file speaks for. Each can be out of reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx

from cleaner.simulator.world import App
from tests.house import CONTROL, path_of
from tests.in_use import kube_api
from tests.in_use import kube_objects as kube

HOST = "registry.digitalocean.com/acme"
EARLIER = 2

ENTRIES = {
    "app_platform": f"app_platform: {{deployments: {EARLIER}}}",
    "kubernetes": "kubernetes: {cluster: prod, kubeconfig: kube.yaml}",
    "file": "file: images.txt",
}
"""How a configuration names each."""


class Name(NamedTuple):
    """One name of an image, a tag or a digest; without a repository it is whichever has the digest."""

    repository: str | None
    tag: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as somebody deploys it, by its tag or by its digest; `runs` is the digest that was found there."""

    repository: str
    tag: str | None
    digest: str | None
    runs: str | None = None

    @property
    def asked(self) -> Name:
        """What it is asked for by."""
        return Name(self.repository, self.tag, self.digest)

    def names(self) -> Iterator[Name]:
        """By what it is asked for, and what runs."""
        yield self.asked
        if self.runs is not None:
            yield Name(self.repository, None, self.runs)

    def __str__(self) -> str:
        return f"{HOST}/{self.repository}" + (f":{self.tag}" if self.digest is None else f"@{self.digest}")


Told = frozenset[tuple[str, Name]]
"""Who names what: the object that says so (each is read at one moment), and the image's name."""


class Fleet(Protocol):
    """What one in-use source tells of."""

    kind: str
    down: bool
    """Whether it is out of reach."""

    def deploy(self, image: Image, at: datetime) -> None:
        """Somebody deploys an image, in a place that is new or was another image's."""

    def step(self, at: datetime) -> None:
        """Something else moves: a roll back, a restart, a scaling, an end."""

    def told(self) -> Told:
        """All that whoever reads it must be told now."""

    def asked(self, request: httpx.Request) -> bool:
        """Whether a request asks it."""

    def refuse(self) -> httpx.Response:
        """What it answers while it is out of reach."""


@dataclass(slots=True)
class Apps:
    """Apps of one service each. They go back to an earlier deployment by a new one of the same image."""

    apps: list[App]
    pick: Callable[[int], int]
    kind: str = "app_platform"
    down: bool = False
    _images: dict[str, Image] = field(default_factory=dict)

    def deploy(self, image: Image, at: datetime) -> None:
        if len(self.apps) < 2:
            self.apps.append({"id": f"app-{len(self._images)}", "deployments": []})
            self._deployed(self.apps[-1], image, at)
        else:
            self._deployed(self.apps[self.pick(len(self.apps))], image, at)

    def step(self, at: datetime) -> None:
        if not self.apps:
            return
        app = self.apps[self.pick(len(self.apps))]
        earlier = _deployments(app)[1 : 1 + EARLIER]
        if self.pick(6) == 0:
            self.apps.remove(app)
        elif earlier:
            back = earlier[self.pick(len(earlier))]
            self._deployed(app, self._images[str(back["id"])], at)
            app["pinned_deployment"] = app["active_deployment"]

    def told(self) -> Told:
        return frozenset(pair for app in self.apps for pair in self._told_of(app))

    def asked(self, request: httpx.Request) -> bool:
        return request.url.host == CONTROL and path_of(request).startswith("/v2/apps")

    def refuse(self) -> httpx.Response:
        return httpx.Response(403, json={"id": "forbidden", "message": "no scope app:read"})

    def _deployed(self, app: App, image: Image, at: datetime) -> None:
        deployment: App = {
            "id": f"deployment-{len(self._images)}",
            "spec": _spec(image),
            "phase": "ACTIVE",
            "created_at": at.isoformat(),
        }
        if image.runs is not None and image.tag is not None:
            push = {"registry": "acme", "repository": image.repository, "tag": image.tag, "image_digest": image.runs}
            deployment["cause_details"] = {"docr_push": push}
        self._images[str(deployment["id"])] = image
        for earlier in _deployments(app):
            earlier["phase"] = "SUPERSEDED"
        app.pop("pinned_deployment", None)
        app |= {"spec": _spec(image), "active_deployment": deployment, "deployments": [deployment, *_deployments(app)]}

    def _told_of(self, app: App) -> Iterator[tuple[str, Name]]:
        active, *earlier = _deployments(app)
        yield f"{app['id']} spec", self._images[str(active["id"])].asked
        for deployment in (active, *earlier[:EARLIER]):
            for name in self._images[str(deployment["id"])].names():
                yield str(deployment["id"]) + " as " + ("active" if deployment is active else "earlier"), name


def _deployments(app: App) -> list[App]:
    listed = app["deployments"]
    assert isinstance(listed, list)
    return listed


def _spec(image: Image) -> App:
    by = {"tag": image.tag} if image.digest is None else {"digest": image.digest}
    return {
        "name": "app",
        "services": [{"name": "web", "image": {"registry_type": "DOCR", "repository": image.repository, **by}}],
    }


@dataclass(slots=True)
class _Deployment:
    """A deployment's revisions, newest last, and what each of its pods runs."""

    revisions: list[Image] = field(default_factory=list)
    pods: list[Image] = field(default_factory=list)
    replicas: int = 1


@dataclass(slots=True)
class Cluster:
    """Deployments of a cluster, their replica sets and pods. A node says which digest it pulled, when it could."""

    folder: Path
    pick: Callable[[int], int]
    pull: Callable[[Image], str | None]
    config_of: Callable[[str], str | None]
    kind: str = "kubernetes"
    down: bool = False
    server: kube_api.Cluster = field(default_factory=kube_api.Cluster)
    _deployments: dict[str, _Deployment] = field(default_factory=dict)
    _pods: int = 0

    def __post_init__(self) -> None:
        quickly = {"insecure-skip-tls-verify": True}  # the authorities of all the world need not be read for each look
        kube_api.kubeconfig(self.folder / "kube.yaml", "http://kube.example", {}, quickly)

    def deploy(self, image: Image, _at: datetime) -> None:
        name = f"web-{self.pick(3)}"
        deployment = self._deployments.setdefault(name, _Deployment())
        deployment.revisions = [*(r for r in deployment.revisions if r != image), image][-3:]
        self._start(deployment)

    def step(self, _at: datetime) -> None:
        if not self._deployments:
            return
        name = sorted(self._deployments)[self.pick(len(self._deployments))]
        deployment, what = self._deployments[name], self.pick(8)
        if what == 0:
            del self._deployments[name]
        elif what < 4:
            back = deployment.revisions.pop(self.pick(len(deployment.revisions)))
            deployment.revisions.append(back)
        else:
            deployment.replicas = self.pick(3)
        self._start(deployment)

    def told(self) -> Told:
        told: set[tuple[str, Name]] = set()
        for name, deployment in self._deployments.items():
            told.add((f"deployment {name}", deployment.revisions[-1].asked))
            told |= {(f"replicaset {name}/{image}", image.asked) for image in deployment.revisions}
            told |= {(f"pod {name}/{n}", each) for n, pod in enumerate(deployment.pods) for each in pod.names()}
        return frozenset(told)

    def asked(self, request: httpx.Request) -> bool:
        return request.url.host == "kube.example"

    def refuse(self) -> httpx.Response:
        return httpx.Response(403, json={"kind": "Status", "status": "Failure", "message": "forbidden", "code": 403})

    def _start(self, deployment: _Deployment) -> None:
        """New pods, each of which pulls anew."""
        image = deployment.revisions[-1]
        found = Image(image.repository, image.tag, image.digest, self.pull(image))
        deployment.pods = [found] * deployment.replicas
        self._publish()

    def _publish(self) -> None:
        objects: dict[str, list[kube.Object]] = {"deployments": [], "replicasets": [], "pods": []}
        for name, deployment in sorted(self._deployments.items()):
            objects["deployments"].append(kube.workload(name, kube.spec(str(deployment.revisions[-1]))))
            for n, image in enumerate(deployment.revisions):
                owner = ("Deployment", name)
                objects["replicasets"].append(kube.workload(f"{name}-{n}", kube.spec(str(image)), owner))
            objects["pods"] += [self._pod(f"{name}-{n}", pod) for n, pod in enumerate(deployment.pods)]
        self.server.objects = dict(objects)

    def _pod(self, name: str, image: Image) -> kube.Object:
        if image.runs is None:
            return kube.pod(name, kube.spec(str(image)), phase="Pending")
        config = self.config_of(image.runs)
        by_config = config is not None and len(name) % 2 == 0
        identity = f"docker://{config}" if by_config else f"{HOST}/{image.repository}@{image.runs}"
        return kube.pod(name, kube.spec(str(image)), kube.runs("main-0", "", identity))


@dataclass(slots=True)
class ImagesFile:
    """Hosts whose images somebody writes into a file, the newest last."""

    path: Path
    pick: Callable[[int], int]
    kind: str = "file"
    _images: list[Image] = field(default_factory=lambda: [Image("elsewhere", "1", None)])
    _down: bool = False

    def __post_init__(self) -> None:
        self._write()

    @property
    def down(self) -> bool:
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        self._down = value
        self._write()

    def deploy(self, image: Image, _at: datetime) -> None:
        self._images = [*self._images, image][-4:]
        self._write()

    def step(self, _at: datetime) -> None:
        if len(self._images) > 1:
            self._images.pop(self.pick(len(self._images)))
            self._write()

    def told(self) -> Told:
        return frozenset((str(image), image.asked) for image in self._images)

    def asked(self, _request: httpx.Request) -> bool:
        return False

    def refuse(self) -> httpx.Response:
        raise AssertionError("nobody asks a file over the network")

    def _write(self) -> None:
        lines = "" if self._down else "\n".join(str(image) for image in self._images)
        self.path.write_text(lines, encoding="utf-8")
