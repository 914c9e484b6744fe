"""Which endpoint a request goes to: a closed set of names, so that a metric has few labels, whatever is in a path."""

from __future__ import annotations

import re
from enum import StrEnum


class Endpoint(StrEnum):
    """What the provider is asked (API page, "Control plane" and "Data plane"); `other` is whatever is not named."""

    LIST_REPOSITORIES = "list_repositories"
    LIST_MANIFESTS = "list_manifests"
    DELETE_MANIFEST = "delete_manifest"
    START_COLLECTION = "start_collection"
    ACTIVE_COLLECTION = "active_collection"
    PAST_COLLECTIONS = "past_collections"
    CANCEL_COLLECTION = "cancel_collection"
    REGISTRY = "registry"
    REGISTRIES = "registries"
    SUBSCRIPTION = "subscription"
    LIST_APPS = "list_apps"
    LIST_DEPLOYMENTS = "list_deployments"
    DOCKER_CREDENTIALS = "docker_credentials"
    TOKEN = "token"  # noqa: S105 (the name of an endpoint)
    MANIFEST = "manifest"
    PUT_MANIFEST = "put_manifest"
    BLOB = "blob"
    OTHER = "other"


_PATH = re.compile(r"https?://[^/?#]*([^?#]*)")
_FAMILY = "/v2/(?:registries|registry)"
_BELOW = f"{_FAMILY}/[^/]+"
_MANIFESTS = f"{_BELOW}/repositories/[^/]+/digests"

# The first that fits: an account's own endpoints stand before a registry of the same name.
_FORMS = tuple(
    (method, re.compile(form), endpoint)
    for method, form, endpoint in (
        ("GET", f"{_BELOW}/repositoriesV2", Endpoint.LIST_REPOSITORIES),
        ("GET", _MANIFESTS, Endpoint.LIST_MANIFESTS),
        ("DELETE", f"{_MANIFESTS}/[^/]+", Endpoint.DELETE_MANIFEST),
        ("POST", f"{_BELOW}/garbage-collection", Endpoint.START_COLLECTION),
        ("GET", f"{_BELOW}/garbage-collection", Endpoint.ACTIVE_COLLECTION),
        ("GET", f"{_BELOW}/garbage-collections", Endpoint.PAST_COLLECTIONS),
        ("PUT", f"{_BELOW}/garbage-collection/[^/]+", Endpoint.CANCEL_COLLECTION),
        ("GET", f"{_FAMILY}/subscription", Endpoint.SUBSCRIPTION),
        ("GET", "/v2/registry/docker-credentials", Endpoint.DOCKER_CREDENTIALS),
        ("GET", "/v2/registries/[^/]+/docker-credentials", Endpoint.DOCKER_CREDENTIALS),
        ("GET", "/v2/registry/auth", Endpoint.TOKEN),
        ("GET", "/v2/registry", Endpoint.REGISTRY),
        ("GET", "/v2/registries", Endpoint.REGISTRIES),
        ("GET", "/v2/registries/[^/]+", Endpoint.REGISTRY),
        ("GET", "/v2/apps", Endpoint.LIST_APPS),
        ("GET", "/v2/apps/[^/]+/deployments", Endpoint.LIST_DEPLOYMENTS),
        ("GET", "/v2/[^/]+/.+/manifests/[^/]+", Endpoint.MANIFEST),
        ("PUT", "/v2/[^/]+/.+/manifests/[^/]+", Endpoint.PUT_MANIFEST),
        ("HEAD", "/v2/[^/]+/.+/blobs/[^/]+", Endpoint.BLOB),
    )
)


def endpoint_of(method: str, url: str) -> Endpoint:
    """The endpoint that a request goes to, in either family of paths and on either plane."""
    path = _PATH.match(url)
    fitting = (
        endpoint for known, form, endpoint in _FORMS if path and known == method and form.fullmatch(path.group(1))
    )
    return next(fitting, Endpoint.OTHER)
