"""The shapes of the control plane's JSON (API page, "Objects").

Readers ignore unknown keys and survive missing ones: every field may be missing, and most may hold anything.
"""

from __future__ import annotations

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


class ErrorBody(msgspec.Struct):
    """The body of a refusal."""

    id: str = ""
    message: str = ""
    request_id: str = ""
