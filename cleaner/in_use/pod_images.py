"""Which images the objects of a Kubernetes cluster name; of each object only what says so is read.

The types follow the API's reference (`v1.Pod`, `apps/v1`, `batch/v1`). What an object of that kind always has is
required: one that lacks it is no whole answer, and cannot be decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar, assert_never

import msgspec

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.references import Home, Reference, UnparsableReference, parse
from cleaner.model.manifest import Digest, parse_digest
from cleaner.model.use import Use

Part = TypeVar("Part")


class _Owner(msgspec.Struct, rename="camel"):
    kind: str
    name: str
    controller: bool | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    owner_references: list[_Owner] | None = None


class _Container(msgspec.Struct, rename="camel"):
    name: str
    image: str | None = None


class _ImageSource(msgspec.Struct, rename="camel"):
    reference: str | None = None


class _Volume(msgspec.Struct, rename="camel"):
    name: str
    image: _ImageSource | None = None


class _PodSpec(msgspec.Struct, rename="camel"):
    containers: list[_Container]
    init_containers: list[_Container] | None = None
    ephemeral_containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _MountedImage(msgspec.Struct, rename="camel"):
    image_ref: str | None = None


class _VolumeStatus(msgspec.Struct, rename="camel"):
    image: _MountedImage | None = None


class _MountStatus(msgspec.Struct, rename="camel"):
    name: str
    volume_status: _VolumeStatus | None = None


class _ContainerStatus(msgspec.Struct, rename="camel"):
    name: str
    image: str | None = None
    image_id: str | None = msgspec.field(name="imageID", default=None)
    volume_mounts: list[_MountStatus] | None = None


class _PodStatus(msgspec.Struct, rename="camel"):
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    ephemeral_container_statuses: list[_ContainerStatus] | None = None


class Pod(msgspec.Struct, rename="camel"):
    """A pod, in whatever phase."""

    metadata: _Metadata
    spec: _PodSpec
    status: _PodStatus | None = None


class _Template(msgspec.Struct, rename="camel"):
    spec: _PodSpec


class _WorkloadSpec(msgspec.Struct, rename="camel"):
    template: _Template


class Workload(msgspec.Struct, rename="camel"):
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet or Job."""

    metadata: _Metadata
    spec: _WorkloadSpec


class _JobTemplate(msgspec.Struct, rename="camel"):
    spec: _WorkloadSpec


class _CronJobSpec(msgspec.Struct, rename="camel"):
    job_template: _JobTemplate


class CronJob(msgspec.Struct, rename="camel"):
    """A CronJob, which makes Jobs."""

    metadata: _Metadata
    spec: _CronJobSpec


class ControllerRevision(msgspec.Struct, rename="camel"):
    """An earlier state of what owns it; its data have that owner's own shape."""

    metadata: _Metadata
    data: msgspec.Raw = msgspec.Raw(b"null")


class _RevisionData(msgspec.Struct, rename="camel"):
    """What StatefulSets and DaemonSets store of a revision: the patch that would bring its template back."""

    spec: _WorkloadSpec


Object = Pod | Workload | CronJob | ControllerRevision


@dataclass(frozen=True, slots=True)
class Asked:
    """An image that a workload asks for, and by which names and digests the node says that it runs it.

    `where` is namespace/kind/name, the kind as kubectl has it.
    """

    where: str
    image: str
    runs: frozenset[str] = frozenset()


def asked(kind: str, item: Object) -> Iterator[Asked]:
    """The images that an object of this kind (`deployment`, `pod`, …) asks for.

    Raises:
        msgspec.DecodeError: the revision of a StatefulSet or DaemonSet holds no template of pods.
    """
    where = f"{item.metadata.namespace}/{kind}/{item.metadata.name}"
    match item:
        case Pod():
            yield from _of_pod(item)
        case Workload():
            yield from _of_spec(where, item.spec.template.spec)
        case CronJob():
            yield from _of_spec(where, item.spec.job_template.spec.template.spec)
        case ControllerRevision():
            yield from _of_revision(where, item)
        case _:
            assert_never(item)


def uses(wanted: Asked, place: Kubernetes, home: Home) -> Iterator[Use]:
    """The uses of our images among what was asked for and what runs.

    A digest that runs where our image was asked for counts whatever name the node has for it: none, for it is that of
    the image's configuration, or another registry's, for the node pulled the same content from there before.

    Raises:
        SourceUnreadable: an image names our registry and cannot be parsed.
    """
    where = f"{place.cluster}/{wanted.where}"
    asked_for = _parsed(wanted.image, place.name, where, home)
    runs = {text: _parsed(text, place.name, where, home) for text in sorted(wanted.runs)}
    ours = any(each is not None and each.repository is not None for each in (asked_for, *runs.values()))
    if asked_for is not None:
        yield Use(asked_for.repository, asked_for.tag, asked_for.digest, place.name, where)
    for text, found in runs.items():
        if found is not None and found.repository is not None:
            yield Use(found.repository, found.tag, found.digest, place.name, where)
        elif ours and (digest := _digest_of(text)):
            yield Use(None, None, digest, place.name, where)


def _parsed(text: str, source: str, where: str, home: Home) -> Reference | None:
    try:
        return parse(text, home) if text else None
    except UnparsableReference as error:
        raise SourceUnreadable(
            f"{source}, {where}: {error}", "Correct the image of that workload, or delete it"
        ) from None


def _digest_of(text: str) -> Digest | None:
    """The digest at the end of a node's name for an image; `docker://sha256:…` and `sha256:…` are nothing but it."""
    return parse_digest(re.split("@|://", text)[-1])


def _of_pod(pod: Pod) -> Iterator[Asked]:
    """A pod is named by the controller that would make it again, where it has one."""
    where = f"{pod.metadata.namespace}/{_maker(pod.metadata)}"
    runs: dict[str, set[str]] = {}
    for part, text in _running(pod.status or _PodStatus()):
        runs.setdefault(part, set()).add(text)
    for part, image in _named(pod.spec):
        yield Asked(where, image, frozenset(runs.pop(part, ())))
    for texts in runs.values():
        yield Asked(where, "", frozenset(texts))


def _maker(pod: _Metadata) -> str:
    controllers = (f"{owner.kind.lower()}/{owner.name}" for owner in pod.owner_references or () if owner.controller)
    return next(controllers, f"pod/{pod.name}")


def _of_spec(where: str, spec: _PodSpec) -> Iterator[Asked]:
    return (Asked(where, image) for _, image in _named(spec))


def _of_revision(where: str, revision: ControllerRevision) -> Iterator[Asked]:
    try:
        data = msgspec.json.decode(revision.data, type=_RevisionData)
    except msgspec.DecodeError:
        if {owner.kind for owner in revision.metadata.owner_references or ()} & {"StatefulSet", "DaemonSet"}:
            raise
        return  # another controller's: its data may be anything
    yield from _of_spec(where, data.spec.template.spec)


def _named(spec: _PodSpec) -> Iterator[tuple[str, str]]:
    """The parts of a pod that are made of an image, and that image."""
    for container in _every(spec.containers, spec.init_containers, spec.ephemeral_containers):
        yield f"container {container.name}", container.image or ""
    for volume in spec.volumes or ():
        if volume.image is not None:
            yield f"volume {volume.name}", volume.image.reference or ""


def _running(status: _PodStatus) -> Iterator[tuple[str, str]]:
    """What the node says of each part: the name under which it keeps the image, and what identifies it."""
    parts = _every(status.container_statuses, status.init_container_statuses, status.ephemeral_container_statuses)
    for container in parts:
        yield f"container {container.name}", container.image or ""
        yield f"container {container.name}", container.image_id or ""
        for mount in container.volume_mounts or ():
            if mount.volume_status and mount.volume_status.image:
                yield f"volume {mount.name}", mount.volume_status.image.image_ref or ""


def _every(*lists: list[Part] | None) -> Iterator[Part]:
    return chain.from_iterable(each for each in lists if each)
