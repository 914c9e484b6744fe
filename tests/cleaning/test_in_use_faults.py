"""With an in-use source refusing, too slow, lying or half-readable: fewer deletions, never a wrong one, and the reason.

Every test runs the whole house: an app, a cluster and a file use an old image each that no rule keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from cleaner.model.event import ManifestDeleted
from cleaner.model.plan import HoldReason
from cleaner.model.report import Report
from cleaner.model.safeguard import SourceFailed
from tests.changes import once_planned
from tests.house import House
from tests.in_use import kube_api, kube_objects
from tests.in_use.kube_api import Page, Trouble
from tests.shelves import Shelf, house, left, policy, registry
from tests.workloads import APP_PLATFORM, FILE, KUBERNETES, SOURCES, Answering, Workloads

BUILDS, STAYING = 5, 1
HOURS = 7200.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with a source, and a word of the reason that is told."""

    source: str
    name: str
    told: str
    happens: Callable[[Workloads], object]


def cluster(name: str, told: str, trouble: Trouble, plural: str = "pods") -> Fault:
    """What becomes of a list of the cluster."""
    return Fault(KUBERNETES, name, told, lambda around: around.cluster.trouble.update({plural: trouble}))


def apps(name: str, told: str, trouble: Answering, path: str = "") -> Fault:
    """What becomes of an answer about apps, where its path ends so."""

    def happens(around: Workloads) -> None:
        def garbled(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
            return trouble(request, answer) if request.url.path.endswith(path) else answer

        around.apps.trouble = garbled

    return Fault(APP_PLATFORM, name, told, happens)


def refusing(status: int) -> Answering:
    """Refused with a status, in the provider's words."""
    return lambda _request, _answer: httpx.Response(status, json={"id": "refused", "message": "no"})


def saying(content: bytes) -> Answering:
    """A success with this body."""
    return lambda _request, _answer: httpx.Response(200, content=content)


def half(_request: httpx.Request, answer: httpx.Response) -> httpx.Response:
    """The first half of the answer."""
    return httpx.Response(200, content=answer.content[: len(answer.content) // 2])


def cut(_request: httpx.Request, _answer: httpx.Response) -> httpx.Response:
    """The connection breaks."""
    raise httpx.ReadError("cut")


async def unreachable(_page: Page) -> Response:
    """Nobody listens there."""
    raise httpx.ConnectError("refused")


async def unauthorized(_page: Page) -> Response:
    """The token has run out."""
    return kube_api.status(401, "Unauthorized", "Unauthorized")


def two_pages(around: Workloads) -> None:
    """So many pods of others that their list has a second page."""
    pods = [kube_objects.pod(f"p{n}", kube_objects.spec("docker.io/library/nginx:1")) for n in range(501)]
    around.cluster.objects["pods"] = pods


def second_page_missing(around: Workloads) -> None:
    """The first page is answered, the second is not."""
    two_pages(around)
    around.cluster.trouble["pods"] = kube_api.broken_at_the_end


def for_ever_expired(around: Workloads) -> None:
    """Each time, the second page is asked for too late."""
    two_pages(around)
    around.cluster.expirations["pods"] = 1000


def second_page_of_apps_missing(around: Workloads) -> None:
    """Two hundred apps fill a page; the rest never comes."""
    around.house.world.apps += [{"id": f"other-{n}", "spec": {"name": f"other-{n}"}} for n in range(200)]

    def garbled(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(500) if request.url.params.get("page") == "2" else answer

    around.apps.trouble = garbled


def late(around: Workloads) -> None:
    """No answer about apps comes within an hour."""
    around.apps.delay = HOURS


def lines(content: bytes) -> Callable[[Workloads], object]:
    """The file holds this."""
    return lambda around: (around.house.directory / FILE).write_bytes(content)


def missing(around: Workloads) -> None:
    """The file is gone."""
    (around.house.directory / FILE).unlink()


def folder(around: Workloads) -> None:
    """A folder stands in its place."""
    missing(around)
    (around.house.directory / FILE).mkdir()


FAULTS = [
    cluster("401", "HTTP 401", unauthorized),
    cluster("403", "HTTP 403", kube_api.forbidden),
    cluster("403 for a kind that only rollbacks need", "listing replicasets.apps: HTTP 403", kube_api.forbidden,
            "replicasets"),
    cluster("404", "HTTP 404", kube_api.unserved, "cronjobs"),
    cluster("500", "HTTP 500", kube_api.broken, "deployments"),
    cluster("503 and no JSON", "HTTP 503", kube_api.garbled_refusal),
    cluster("half an answer", "no whole list", kube_api.half_an_answer, "deployments"),
    cluster("no items", "no whole list", kube_api.without_items, "deployments"),
    cluster("a login page", "no whole list", kube_api.login_page),
    cluster("too slow", "no whole answer in time", kube_api.late(HOURS)),
    cluster("unreachable", "the connection broke", unreachable),
    Fault(KUBERNETES, "a page missing", "HTTP 500", second_page_missing),
    Fault(KUBERNETES, "410 for ever", "HTTP 410", for_ever_expired),
    apps("401", "401", refusing(401)),
    apps("403", "app:read", refusing(403)),
    apps("404", "404", refusing(404)),
    apps("429 for ever", "429", refusing(429)),
    apps("500", "500", refusing(500)),
    apps("403 for the deployments", "403", refusing(403), "/deployments"),
    apps("half an answer", "reading the apps", half),
    apps("half of the deployments", "reading the deployments", half, "/deployments"),
    apps("no apps", "reading the apps", saying(b"{}")),
    apps("a login page", "reading the apps", saying(b"<html>Please log in</html>")),
    apps("cut off", "reading the apps", cut),
    Fault(APP_PLATFORM, "too slow", "app_platform", late),
    Fault(APP_PLATFORM, "a page missing", "500", second_page_of_apps_missing),
    Fault(FILE, "missing", "No such file", missing),
    Fault(FILE, "a folder", "no regular file", folder),
    Fault(FILE, "empty", "names no image at all", lines(b"# written by the fleet\n")),
    Fault(FILE, "half a line", "expected an image reference", lines(b"shop:v0@sha256:0123")),
    Fault(FILE, "no text", "expected UTF-8", lines(b"\xff\xfe")),
]  # fmt: skip
OF_EACH_KIND = [
    fault for fault in FAULTS if fault.name in {"403", "too slow", "half an answer", "missing", "half a line"}
]

faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.source}-{fault.name}")
faults_of_each_kind = pytest.mark.parametrize("fault", OF_EACH_KIND, ids=lambda fault: f"{fault.source}-{fault.name}")


@dataclass(frozen=True, slots=True)
class Scene:
    """The house, what runs around it, and in `used` what each source alone keeps: an old build of each repository."""

    house: House
    around: Workloads
    used: frozenset[tuple[str, str]]

    @property
    def stays(self) -> set[str]:
        """The sources' builds, and the newest of each repository, by repository and tag."""
        return {f"{repository}:v{BUILDS - 1}" for repository in ("api", "shop")} | {f"{r}:{t}" for r, t in self.used}


def scene(state: Path, *, speaks_for: str = "") -> Scene:
    """Two repositories of five builds, of which a rule keeps the newest; the sources speak for all, or for these."""
    shelves = [Shelf("api"), Shelf("shop")]
    for shelf in shelves:
        for n in range(BUILDS):
            shelf.image(f"v{n}", days=40 - n)
    limited = f", repositories: [{speaks_for}]" if speaks_for else ""
    in_use = "[" + ", ".join(f"{{{source}{limited}}}" for source in SOURCES.values()) + "]"
    world = house(registry(*shelves), policy('[{tags: ["v*"], last: 1}]', in_use=in_use), state)
    around, used = Workloads(world), set()
    for number, source in enumerate(SOURCES):
        for repository in ("api", "shop"):
            around.deploy(source, repository, tag=f"v{number}")
            used.add((repository, f"v{number}"))
    return Scene(world, around, frozenset(used))


def tagged(world: House) -> set[str]:
    """What is there, by repository and tag."""
    storage = world.registry_of_the_world().storage
    return {f"{r}:{tag}" for r in storage.repositories() for entry in storage.manifests(r) for tag in entry["tags"]}


def once_deleted(world: House, count: int, change: Callable[[], object]) -> None:
    """Make a change before the first request that is sent when so many manifests are gone."""
    waiting = [change]

    def before(_request: httpx.Request) -> None:
        if waiting and sum(isinstance(event, ManifestDeleted) for event in world.events) == count:
            waiting.pop()()

    world.network.before = before


def names_the_source(report: Report, fault: Fault) -> bool:
    """Whether all that is held back is so for this source, and says what is wrong with it."""
    return bool(report.held_back) and all(
        held.reason is HoldReason.SOURCE and fault.source in held.detail and fault.told in held.detail
        for held in report.held_back
    )


@faults
def test_nothing_goes_while_a_source_cannot_be_read(tmp_path: Path, fault: Fault) -> None:
    """Not one DELETE or POST, exit code 3, and the reason; once it answers again, all goes that nothing uses."""
    there = scene(tmp_path)
    with there.house as world:
        fault.happens(there.around)
        report = world.apply()
        assert {request.method for request in world.network.seen} == {"GET"}
        assert (report.exit_code, report.deleted) == (3, ())
        assert names_the_source(report, fault)
        there.around.mend()
        assert world.apply().exit_code == 0
        assert tagged(world) == there.stays


@faults_of_each_kind
def test_where_it_does_not_speak_for_a_repository_the_work_goes_on(tmp_path: Path, fault: Fault) -> None:
    """Held back is `shop` alone; in `api` all goes but what the source named there when it could be read."""
    there = scene(tmp_path, speaks_for="shop")
    with there.house as world:
        world.plan()
        fault.happens(there.around)
        report = world.apply()
        assert report.exit_code == 3
        assert names_the_source(report, fault)
        assert {held.repository for held in report.held_back} == {"shop"}
        assert {deleted.repository for deleted in report.deleted} == {"api"}
        assert {name for name in tagged(world) if name.startswith("api")} == {
            name for name in there.stays if name.startswith("api")
        }
        assert len(left(world)) == BUILDS


@faults_of_each_kind
def test_what_fails_only_after_the_plan_still_holds_all_back(tmp_path: Path, fault: Fault) -> None:
    """The plan knew what is in use; the second judgement cannot, and so nothing goes."""
    there = scene(tmp_path)
    with there.house as world:
        once_planned(world, lambda: fault.happens(there.around))
        report = world.apply()
        assert {request.method for request in world.network.seen} == {"GET"}
        assert (report.exit_code, report.deleted) == (3, ())
        assert names_the_source(report, fault)
        assert {held.repository for held in report.held_back} == {"api", "shop"}


@faults_of_each_kind
def test_what_fails_at_the_last_look_stops_the_collection(tmp_path: Path, fault: Fault) -> None:
    """What was rightly deleted is gone, nothing is collected, exit code 3; the next run collects it."""
    there = scene(tmp_path)
    condemned = 2 * BUILDS - len(there.stays)
    with there.house as world:
        once_deleted(world, condemned, lambda: fault.happens(there.around))
        report = world.apply()
        assert tagged(world) == there.stays
        assert world.network.places("POST") == []
        assert (report.exit_code, report.collection) == (3, None)
        assert names_the_source(report, fault)
        there.around.mend()
        assert world.apply().collection is not None
        assert tagged(world) == there.stays


def test_a_source_that_speaks_for_nothing_that_was_lost_stops_no_collection(tmp_path: Path) -> None:
    """At the last look it fails for a repository in which nothing was deleted: it could veto nothing there."""
    there = scene(tmp_path, speaks_for="elsewhere")
    with there.house as world:
        once_deleted(world, 1, lambda: missing(there.around))
        report = world.apply()
        assert any(isinstance(event, SourceFailed) for event in world.events)
        assert (report.exit_code, report.held_back) == (0, ())
        assert report.collection is not None


def test_two_sources_that_fail_are_both_named(tmp_path: Path) -> None:
    """Whoever mends one is not sent round again for the other."""
    there = scene(tmp_path)
    with there.house as world:
        missing(there.around)
        late(there.around)
        (held,) = world.apply().held_back
        assert FILE in held.detail
        assert APP_PLATFORM in held.detail
