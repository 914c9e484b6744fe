"""What App Platform runs, is about to run, and can go back to (API page, "App Platform")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from cleaner.config.settings import AppPlatform
from cleaner.docr import values, wire
from cleaner.docr.apps import Apps
from cleaner.errors import SourceUnreadable
from cleaner.in_use.references import Home, UnparsableReference, assemble
from cleaner.model.use import Use

_OTHER_REGISTRIES = ("DOCKER_HUB", "GHCR")
_RAN = ("ACTIVE", "SUPERSEDED")
_SHORT_ID = 6

Parts: TypeAlias = tuple[str | None, str | None, str | None]
"""An image of the registry in parts, any of which may be missing: repository, tag and digest."""


async def read(place: AppPlatform, home: Home, apps: Apps) -> tuple[Use, ...]:
    """The images of ours in every app's specification, and in those of its deployments that count.

    Raises:
        RemoteError: an app or its deployments could not be read whole.
        SourceUnreadable: an image of ours is named in a way that cannot be read.
    """
    uses: list[Use] = []
    for app in await apps.apps():
        listed = await apps.deployments(app) if place.deployments else ()
        uses += [_use(place, where, parts, home) for where, parts in _images(app, listed, place, home)]
    return tuple(uses)


def _use(place: AppPlatform, where: str, parts: Parts, home: Home) -> Use:
    try:
        image = assemble(*parts, home)
    except UnparsableReference as error:
        raise SourceUnreadable(
            f"{place.name}, {where}: {error}", "Correct the image of that component, or delete the app"
        ) from None
    return Use(image.repository, image.tag, image.digest, place.name, where)


def _images(
    app: wire.App, listed: Sequence[wire.Deployment], place: AppPlatform, home: Home
) -> Iterator[tuple[str, Parts]]:
    """Every image of ours, and where it is used: app/component/deployment."""
    name = app.spec.name or app.id
    yield from ((f"{name}/{component}/spec", parts) for component, parts in _specified(app.spec, home))
    named = _named(app)
    ids = {deployment.id for _, deployment in named}
    others = _previous([deployment for deployment in listed if deployment.id not in ids], place.deployments)
    for which, deployment in (*named, *(("previous", other) for other in others)):
        found = chain(_specified(deployment.spec, home), _pushed(deployment, home))
        where = f"{which} deployment {deployment.id[:_SHORT_ID]}"
        yield from ((f"{name}/{component}/{where}", parts) for component, parts in found)


def _named(app: wire.App) -> list[tuple[str, wire.Deployment]]:
    """The deployments that the app itself names."""
    deployments = (
        ("active", app.active_deployment),
        ("in-progress", app.in_progress_deployment),
        ("pending", app.pending_deployment),
        ("pinned", app.pinned_deployment),
    )
    return [(which, deployment) for which, deployment in deployments if deployment is not None]


def _previous(deployments: Sequence[wire.Deployment], count: int) -> Sequence[wire.Deployment]:
    """The `count` newest that ran, and whatever else is no older than they are, or does not say how old it is.

    What failed or was cancelled cannot be gone back to: it takes nobody's place.
    """
    ran = sorted((time for d in deployments if d.phase in _RAN and (time := values.time(d.created_at))), reverse=True)
    if len(ran) <= count:
        return deployments
    since = ran[count - 1]
    return [d for d in deployments if (time := values.time(d.created_at)) is None or time >= since]


def _specified(spec: wire.AppSpec, home: Home) -> Iterator[tuple[str, Parts]]:
    """The images of ours in a specification, by component."""
    lists = (spec.services, spec.workers, spec.jobs, spec.static_sites)
    for component in chain.from_iterable(components or () for components in lists):
        image = component.image
        if image is not None and image.registry_type not in _OTHER_REGISTRIES and _may_be_ours(image.registry, home):
            yield component.name or "unnamed", (image.repository, image.tag, image.digest)


def _pushed(deployment: wire.Deployment, home: Home) -> Iterator[tuple[str, Parts]]:
    """The image of ours whose push caused a deployment: where a specification has a moving tag, this is what runs."""
    push = deployment.cause_details.docr_push if deployment.cause_details else None
    if push is not None and _may_be_ours(push.registry, home):
        yield "pushed image", (push.repository, push.tag, push.image_digest)


def _may_be_ours(registry: str | None, home: Home) -> bool:
    """Which registry is meant where none is named is stated nowhere; a host may stand before the name."""
    return not registry or registry.rpartition("/")[2] == home.registry
