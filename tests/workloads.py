"""What runs images of a house's registry: an app, a deployment in a cluster, a line in a file; and how it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.house import CONTROL, House
from tests.in_use import kube_api, kube_objects
from tests.in_use.account import app, service
from tests.in_use.kube_api import Cluster

APP_PLATFORM, KUBERNETES, FILE = "app_platform", "kubernetes prod", "images.txt"
SOURCES = {
    APP_PLATFORM: "app_platform: {deployments: 2}",
    KUBERNETES: "kubernetes: {cluster: prod, kubeconfig: kube.yaml}",
    FILE: "file: images.txt",
}
"""Each source by a word that every message about it has, and how a configuration names it."""

_API_SERVER = "kube.example"
_OURS = "registry.digitalocean.com/acme"

Answering = Callable[[httpx.Request, httpx.Response], httpx.Response]
"""What becomes of an answer about apps; raises where none comes."""


@dataclass(slots=True)
class Apps(httpx.AsyncBaseTransport):
    """The control plane; what it answers about apps may be kept back for so many seconds, and garbled."""

    plane: httpx.AsyncBaseTransport
    trouble: Answering = lambda _, answer: answer
    delay: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.plane.handle_async_request(request)
        if not request.url.path.startswith("/v2/apps"):
            return answer
        await answer.aread()
        await asyncio.sleep(self.delay)
        return self.trouble(request, answer)


@dataclass(slots=True)
class Workloads:
    """Everything that runs around a house; `mend` makes all sources readable again, as they were before."""

    house: House
    cluster: Cluster = field(default_factory=Cluster)
    apps: Apps = field(init=False)
    _lines: list[str] = field(default_factory=lambda: ["elsewhere:1  # a file without an image counts as broken"])

    def __post_init__(self) -> None:
        network, folder = self.house.network, self.house.directory
        self.apps = Apps(network.planes[CONTROL])
        network.planes = {**network.planes, CONTROL: self.apps, _API_SERVER: self.cluster.transport()}
        server, user = f"https://{_API_SERVER}:6443", {"token": "of-the-cluster"}
        kube_api.kubeconfig(folder / "kube.yaml", server, user, kube_api.UNVERIFIED)
        self._write()

    def deploy(self, source: str, repository: str, *, tag: str = "", digest: str = "") -> None:
        """Something new runs an image, where that source sees it."""
        image = f"{repository}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
        if source == APP_PLATFORM:
            named = {"repository": repository, "tag": tag, "digest": digest}
            self.house.world.apps.append(app(f"app-{len(self.house.world.apps)}", services=[service("web", **named)]))
        elif source == KUBERNETES:
            running = [*self.cluster.objects.get("deployments", ())]
            running.append(kube_objects.workload(f"web-{len(running)}", kube_objects.spec(f"{_OURS}/{image}")))
            self.cluster.objects["deployments"] = running
        else:
            self._lines.append(image)
            self._write()

    def stop(self) -> None:
        """Nothing runs any more."""
        self.house.world.apps.clear()
        self.cluster.objects.clear()
        del self._lines[1:]
        self._write()

    def mend(self) -> None:
        """Every source can be read again."""
        self.apps.trouble, self.apps.delay = (lambda _, answer: answer), 0.0
        self.cluster.trouble.clear()
        self.cluster.expirations.clear()
        self._write()

    def _write(self) -> None:
        file = self.house.directory / "images.txt"
        if file.is_dir():
            file.rmdir()
        file.write_text("".join(f"{line}\n" for line in self._lines), encoding="utf-8")
