"""Objects of a cluster, as an API server lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Object = Mapping[str, object]
Named = Sequence[tuple[str, str]]
"""Container or volume, and its image."""


def metadata(name: str, owner: tuple[str, str] | None = None, namespace: str = "shop") -> Object:
    """Name, namespace, and the kind and name of the controller."""
    owners = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    return {"name": name, "namespace": namespace, "ownerReferences": owners, "creationTimestamp": None}


def spec(
    *containers: str, init: Sequence[str] = (), ephemeral: Sequence[str] = (), volumes: Sequence[str] = ()
) -> Object:
    """A pod's spec; its containers are named `main-0`, `init-0`, `debug-0`, its image volumes `data-0`, and so on."""

    def named(prefix: str, images: Sequence[str]) -> list[Object]:
        return [{"name": f"{prefix}-{n}", "image": image, "resources": {}} for n, image in enumerate(images)]

    mounted = [{"name": f"data-{n}", "image": {"reference": text}} for n, text in enumerate(volumes)]
    return {
        "containers": named("main", containers),
        "initContainers": named("init", init),
        "ephemeralContainers": named("debug", ephemeral),
        "volumes": [{"name": "config", "configMap": {"name": "web"}}, *mounted],
        "restartPolicy": "Always",
    }


def runs(container: str, image: str, image_id: str, **more: object) -> Object:
    """The status of a container."""
    return {"name": container, "image": image, "imageID": image_id, "ready": True, "restartCount": 0, **more}


def pod(
    name: str, spec: Object, *statuses: Object, owner: tuple[str, str] | None = None, phase: str = "Running"
) -> Object:
    """A pod; a status belongs to the list that its container's name begins with."""
    lists = {"main": "containerStatuses", "init": "initContainerStatuses", "debug": "ephemeralContainerStatuses"}
    told: dict[str, list[Object]] = {}
    for each in statuses:
        told.setdefault(lists[str(each["name"]).split("-")[0]], []).append(each)
    return {"metadata": metadata(name, owner), "spec": spec, "status": {"phase": phase, **told}}


def workload(name: str, spec: Object, owner: tuple[str, str] | None = None) -> Object:
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet or Job."""
    return {"metadata": metadata(name, owner), "spec": {"replicas": 0, "template": {"metadata": {}, "spec": spec}}}


def cron_job(name: str, spec: Object) -> Object:
    """A CronJob."""
    template = {"metadata": {}, "spec": {"template": {"spec": spec}}}
    return {"metadata": metadata(name), "spec": {"schedule": "@daily", "jobTemplate": template}}


def revision(name: str, owner: tuple[str, str] | None, data: object) -> Object:
    """A ControllerRevision."""
    return {"metadata": metadata(name, owner), "revision": 1, "data": data}


def patch(spec: Object) -> Object:
    """What StatefulSets and DaemonSets keep in a revision."""
    return {"spec": {"template": {"$patch": "replace", "metadata": {"creationTimestamp": None}, "spec": spec}}}
