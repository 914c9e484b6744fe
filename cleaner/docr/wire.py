"""The shapes of the control plane's JSON (API page, "Objects").

Readers ignore unknown keys and survive missing ones: every field may be missing, and most may hold anything. Apps and
deployments alone are read strictly: half of one would say that nothing runs.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class Meta(msgspec.Struct):
    """`meta` of a page."""

    total: object = None


class PageLinks(msgspec.Struct):
    """`links.pages` of a page; an address in it is never asked."""

    next: object = None


class Links(msgspec.Struct):
    """`links` of a page."""

    pages: PageLinks | None = None


class ManifestEntry(msgspec.Struct):
    """An entry of a repository's listing."""

    digest: object = None
    updated_at: object = None
    tags: object = None
    blobs: object = None


class RepositoryEntry(msgspec.Struct):
    """An entry of the list of repositories."""

    name: object = None
    latest_manifest: object = None


class CollectionEntry(msgspec.Struct):
    """A garbage collection."""

    uuid: object = None
    status: object = None
    created_at: object = None
    updated_at: object = None
    freed_bytes: object = None
    blobs_deleted: object = None
    type: object = None


class ManifestsPage(msgspec.Struct):
    """A page of a repository's manifests."""

    manifests: list[ManifestEntry] | None = None
    meta: Meta | None = None
    links: Links | None = None


class RepositoriesPage(msgspec.Struct):
    """A page of a registry's repositories."""

    repositories: list[RepositoryEntry] | None = None
    meta: Meta | None = None
    links: Links | None = None


class CollectionsPage(msgspec.Struct):
    """A page of a registry's past garbage collections."""

    garbage_collections: list[CollectionEntry] | None = None
    meta: Meta | None = None
    links: Links | None = None


class CollectionAnswer(msgspec.Struct):
    """One garbage collection."""

    garbage_collection: CollectionEntry | None = None


class RegistryEntry(msgspec.Struct):
    """A registry."""

    name: object = None
    region: object = None
    storage_usage_bytes: object = None
    storage_usage_bytes_updated_at: object = None


class RegistryAnswer(msgspec.Struct):
    """One registry."""

    registry: RegistryEntry | None = None


class RegistriesAnswer(msgspec.Struct):
    """The registries of an account."""

    registries: list[RegistryEntry] | None = None
    total_storage_usage_bytes: object = None


class TierEntry(msgspec.Struct):
    """The plan that an account pays."""

    name: object = None
    included_repositories: object = None
    included_storage_bytes: object = None
    allow_storage_overage: object = None
    monthly_price_in_cents: object = None
    storage_overage_price_in_cents: object = None


class SubscriptionEntry(msgspec.Struct):
    """A subscription."""

    tier: TierEntry | None = None


class SubscriptionAnswer(msgspec.Struct):
    """The account's subscription."""

    subscription: SubscriptionEntry | None = None


Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z-]{1,64}\Z")]
"""What names an app or a deployment, fit to stand in a path."""


class AppImage(msgspec.Struct):
    """Where a component's image comes from."""

    registry_type: str | None = None
    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class AppComponent(msgspec.Struct):
    """A component of an app; without an image it is built from source."""

    name: str | None = None
    image: AppImage | None = None


class AppSpec(msgspec.Struct):
    """What an app, or one deployment of it, is to run."""

    name: str | None = None
    services: list[AppComponent] | None = None
    workers: list[AppComponent] | None = None
    jobs: list[AppComponent] | None = None
    static_sites: list[AppComponent] | None = None


class DocrPush(msgspec.Struct):
    """The push to the registry that caused a deployment."""

    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    image_digest: str | None = None


class DeploymentCause(msgspec.Struct):
    """What caused a deployment."""

    docr_push: DocrPush | None = None


class Deployment(msgspec.Struct):
    """A deployment of an app."""

    id: Identifier
    spec: AppSpec
    phase: str | None = None
    created_at: object = None
    cause_details: DeploymentCause | None = None


class App(msgspec.Struct):
    """An app with those of its deployments that stand out."""

    id: Identifier
    spec: AppSpec
    active_deployment: Deployment | None = None
    in_progress_deployment: Deployment | None = None
    pending_deployment: Deployment | None = None
    pinned_deployment: Deployment | None = None


class AppsPage(msgspec.Struct):
    """A page of an account's apps."""

    apps: list[App]
    meta: Meta | None = None
    links: Links | None = None


class DeploymentsPage(msgspec.Struct):
    """A page of an app's deployments."""

    deployments: list[Deployment]
    meta: Meta | None = None
    links: Links | None = None


class ErrorBody(msgspec.Struct):
    """The body of a refusal."""

    id: str = ""
    message: str = ""
    request_id: str = ""


class DataPlaneError(msgspec.Struct):
    """One of the errors in a refusal of the data plane (OCI distribution specification, "Error Codes")."""

    code: str = ""
    message: str = ""
    detail: object = None


class DataPlaneErrors(msgspec.Struct):
    """The body of a refusal of the data plane."""

    errors: tuple[DataPlaneError, ...] = ()
