"""Which of our images the objects of a cluster use: a table of objects, as the API server would list them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.pod_images import Asked, ControllerRevision, CronJob, Object, Pod, Workload, asked, uses
from cleaner.in_use.references import Home
from cleaner.model.use import Use
from tests.in_use import kube_objects as kube

HOME = Home("acme", ("registry.digitalocean.com",))
PLACE = Kubernetes("prod", None, None)
OURS, THEIRS = "registry.digitalocean.com/acme", "docker.io/library"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
WEB = kube.spec(f"{OURS}/web:1")

Found = tuple[str | None, str | None, str | None]
"""Repository, tag and digest of a use."""


def found(kind: str, view: type[Object], item: object) -> dict[Found, str]:
    """What an object uses, and where that is said to be."""
    wanted = asked(kind, msgspec.json.decode(msgspec.json.encode(item), type=view))
    every = [use for each in wanted for use in uses(each, PLACE, HOME)]
    assert {use.source for use in every} <= {"kubernetes prod"}
    return {(use.repository, use.tag, use.digest): use.where for use in every}


EVERYWHERE = kube.spec(
    f"{OURS}/web:1", init=[f"{OURS}/init:1"], ephemeral=[f"{OURS}/debug"], volumes=[f"{OURS}/shop/model@{A}"]
)


@pytest.mark.parametrize(
    ("kind", "view", "item", "where"),
    [
        ("pod", Pod, kube.pod("web", EVERYWHERE, phase="Failed"), "pod/web"),
        ("deployment", Workload, kube.workload("web", EVERYWHERE), "deployment/web"),
        ("statefulset", Workload, kube.workload("web", EVERYWHERE), "statefulset/web"),
        (
            "replicaset",
            Workload,
            kube.workload("web-7d4b9c", EVERYWHERE, ("Deployment", "web")),
            "replicaset/web-7d4b9c",
        ),
        ("cronjob", CronJob, kube.cron_job("web", EVERYWHERE), "cronjob/web"),
        (
            "controllerrevision",
            ControllerRevision,
            kube.revision("web-5", ("DaemonSet", "web"), kube.patch(EVERYWHERE)),
            "controllerrevision/web-5",
        ),
    ],
)
def test_every_place_of_a_pods_spec_counts(kind: str, view: type[Object], item: object, where: str) -> None:
    """Containers, those of the start and of a debugger, and volumes that are images; whatever the object or phase."""
    uses_of = {("web", "1", None), ("init", "1", None), ("debug", "latest", None), ("shop/model", None, A)}
    assert found(kind, view, item) == dict.fromkeys(uses_of, f"prod/shop/{where}")


@pytest.mark.parametrize(
    ("image", "status", "expected"),
    [
        pytest.param(
            f"{OURS}/web:1",
            (f"{OURS}/web:1", f"{OURS}/web@{A}"),
            {("web", "1", None), ("web", None, A)},
            id="what the tag pointed to when it was pulled counts beside the tag",
        ),
        pytest.param(
            f"{OURS}/web:1@{B}",
            (f"{OURS}/web:1", f"docker-pullable://{OURS}/web@{A}"),
            {("web", "1", B), ("web", "1", None), ("web", None, A)},
            id="a runtime's prefix is no part of the name",
        ),
        pytest.param(
            f"{OURS}/web:1",
            ("", f"docker://{C}"),
            {("web", "1", None), (None, None, C)},
            id="an image's configuration alone counts wherever it is",
        ),
        pytest.param(
            f"{OURS}/web:1",
            (C, C),
            {("web", "1", None), (None, None, C)},
            id="a bare digest in both places counts once",
        ),
        pytest.param(
            f"{THEIRS}/web:1",
            (f"{OURS}/web:1", C),
            {("web", "1", None), (None, None, C)},
            id="it is ours too where the node says so",
        ),
        pytest.param(
            f"{OURS}/web:1",
            (f"{OURS}/web:1", f"{THEIRS}/web@{A}"),
            {("web", "1", None), (None, None, A)},
            id="the same content, pulled from elsewhere before, has the other name",
        ),
        pytest.param(f"{THEIRS}/web:1", (f"{THEIRS}/web:1", C), set(), id="a stranger's digests are none of ours"),
        pytest.param(f"{OURS}/web:1", ("", ""), {("web", "1", None)}, id="a container that waits has no image yet"),
        pytest.param(
            f"{THEIRS}/web:1",
            ("", f"{OURS}/web@{A}"),
            {("web", None, A)},
            id="our name for a stranger's image is ours",
        ),
        pytest.param("registry.digitalocean.com/other/web:1", ("", ""), set(), id="another registry of the same host"),
        pytest.param("", ("", ""), set(), id="no image at all"),
    ],
)
def test_what_a_container_runs_counts_beside_what_it_asks_for(
    image: str, status: tuple[str, str], expected: set[Found]
) -> None:
    """The node's words for a container's image: its name for it, and what identifies it."""
    for container, spec in (("main-0", kube.spec(image)), ("init-0", kube.spec(init=[image]))):
        pod = kube.pod("web", spec, kube.runs(container, *status))
        assert set(found("pod", Pod, pod)) == expected


def test_a_mounted_image_has_a_digest_of_its_own() -> None:
    """The status of a mount names the digest of a volume that is an image; a container of that name is another part."""
    mount = {"name": "data-0", "mountPath": "/data", "volumeStatus": {"image": {"imageRef": f"{OURS}/model@{A}"}}}
    others = {"name": "config", "mountPath": "/etc/web"}
    spec = kube.spec(f"{THEIRS}/web:1", volumes=[f"{OURS}/model:1"])
    pod = kube.pod("web", spec, kube.runs("main-0", "", C, volumeMounts=[others, mount]))
    assert set(found("pod", Pod, pod)) == {("model", "1", None), ("model", None, A)}


def test_a_pod_is_named_by_its_controller() -> None:
    """Ten pods of one ReplicaSet are one workload; a pod's status need not be there yet."""
    pod = kube.pod("web-7d4b9c-x2x", WEB, owner=("ReplicaSet", "web-7d4b9c"))
    without = {key: value for key, value in pod.items() if key != "status"}
    assert found("pod", Pod, without) == {("web", "1", None): "prod/shop/replicaset/web-7d4b9c"}


def test_an_owner_that_is_no_controller_names_nothing() -> None:
    """Any object may be the owner of a pod for the sake of its clean-up; the controller makes it."""
    owners = [{"kind": "Backup", "name": "b"}, {"kind": "StatefulSet", "name": "db", "controller": True}]
    pod: dict[str, Any] = {**kube.pod("web", WEB), "metadata": {**kube.metadata("web"), "ownerReferences": owners}}
    assert set(found("pod", Pod, pod).values()) == {"prod/shop/statefulset/db"}
    pod["metadata"]["ownerReferences"] = owners[:1]
    assert set(found("pod", Pod, pod).values()) == {"prod/shop/pod/web"}


@pytest.mark.parametrize("data", [None, {}, [1], "text", {"spec": {"template": {}}}, {"spec": {"replicas": 1}}])
def test_a_revision_without_a_template_is_ignored_unless_its_owner_keeps_templates(data: object) -> None:
    """Other controllers keep in it what they like; in that of a StatefulSet or DaemonSet it would be half an answer."""
    for owner in (("VirtualMachine", "vm"), None):
        assert found("controllerrevision", ControllerRevision, kube.revision("r", owner, data)) == {}
    for kind in ("StatefulSet", "DaemonSet"):
        with pytest.raises(msgspec.DecodeError):
            found("controllerrevision", ControllerRevision, kube.revision("r", (kind, "web"), data))


def test_a_revision_of_another_controller_counts_where_it_holds_a_template() -> None:
    """Some that replace StatefulSets store the same."""
    item = kube.revision("web-5", ("CloneSet", "web"), kube.patch(WEB))
    assert set(found("controllerrevision", ControllerRevision, item)) == {("web", "1", None)}


@pytest.mark.parametrize(
    ("view", "item"),
    [
        (Pod, {"metadata": kube.metadata("web")}),
        (Pod, {"metadata": kube.metadata("web"), "spec": {"nodeName": "a"}}),
        (Pod, {"metadata": {"name": "web"}, "spec": WEB}),
        (Pod, {"metadata": kube.metadata("web"), "spec": {"containers": [{"name": "a", "image": 1.1}]}}),
        (Workload, {"metadata": kube.metadata("web"), "spec": {"replicas": 1}}),
        (Workload, {"metadata": kube.metadata("web"), "spec": {"template": {"metadata": {}}}}),
        (CronJob, {"metadata": kube.metadata("web"), "spec": {"jobTemplate": {}}}),
    ],
)
def test_half_an_object_is_none(view: type[Object], item: object) -> None:
    """What every object of its kind has must be there: else something that runs could be missing."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(item), type=view)


@pytest.mark.parametrize("image", [f"{OURS}/Web:1", f"{OURS}/web:", f"{OURS}", f"{OURS}/web@sha256:abc"])
def test_our_name_that_cannot_be_parsed_is_an_error_that_names_the_workload(image: str) -> None:
    """It may mean anything of ours, so nothing is known of what is in use."""
    with pytest.raises(SourceUnreadable, match="prod/shop/deployment/web") as caught:
        list(uses(Asked("shop/deployment/web", image), PLACE, HOME))
    assert caught.value.next_step
    with pytest.raises(SourceUnreadable, match="prod/shop/pod/web"):
        list(uses(Asked("shop/pod/web", "", frozenset({image})), PLACE, HOME))


def test_a_use_says_who_and_where() -> None:
    """The source as the configuration names it; cluster, namespace, kind and name of the workload."""
    assert list(uses(Asked("shop/job/mail", f"{OURS}/mail:2"), PLACE, HOME)) == [
        Use("mail", "2", None, "kubernetes prod", "prod/shop/job/mail")
    ]
