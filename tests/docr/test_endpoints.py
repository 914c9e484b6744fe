"""The name under which each request is counted: one of a closed set, whatever stands in its path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.config.settings import Family
from cleaner.docr.connect import writing
from cleaner.docr.endpoints import Endpoint, endpoint_of
from cleaner.errors import ManifestUnreadable, Refused
from cleaner.model.deletion import Body, Intent
from cleaner.simulator.behaviour import Behaviour
from tests.docr.asking import CONTROL, REGISTRY, START, TOKEN, api, digest, edges, elapsed, manifests, run
from tests.docr.test_against_the_simulator import Simulator, holding

DIGEST = digest(1)
BELOW: list[tuple[str, str, Endpoint]] = [
    ("GET", "/repositoriesV2?page=1&per_page=200", Endpoint.LIST_REPOSITORIES),
    ("GET", "/repositories/shop%2Fweb/digests?page=3&per_page=200", Endpoint.LIST_MANIFESTS),
    ("DELETE", f"/repositories/shop%2Fweb/digests/{DIGEST}", Endpoint.DELETE_MANIFEST),
    ("POST", "/garbage-collection", Endpoint.START_COLLECTION),
    ("GET", "/garbage-collection", Endpoint.ACTIVE_COLLECTION),
    ("GET", "/garbage-collections?page=1&per_page=200", Endpoint.PAST_COLLECTIONS),
    ("PUT", "/garbage-collection/eff0feee-49c7-4e8f-ba5c-a320c109c8a8", Endpoint.CANCEL_COLLECTION),
]
ASKED: list[tuple[str, str, Endpoint]] = [
    *((method, f"/v2/registries/acme{tail}", endpoint) for method, tail, endpoint in BELOW),
    *((method, f"/v2/registry/acme{tail}", endpoint) for method, tail, endpoint in BELOW),
    ("GET", "/v2/registries", Endpoint.REGISTRIES),
    ("GET", "/v2/registries/acme", Endpoint.REGISTRY),
    ("GET", "/v2/registry", Endpoint.REGISTRY),
    ("GET", "/v2/registries/subscription", Endpoint.SUBSCRIPTION),
    ("GET", "/v2/registry/subscription", Endpoint.SUBSCRIPTION),
    ("GET", "/v2/registries/acme/docker-credentials?expiry_seconds=3600", Endpoint.DOCKER_CREDENTIALS),
    ("GET", "/v2/registry/docker-credentials?expiry_seconds=3600", Endpoint.DOCKER_CREDENTIALS),
    ("GET", "/v2/registry/auth?service=s&scope=repository:acme/shop/web:pull", Endpoint.TOKEN),
    ("GET", "/v2/apps?page=1&per_page=200", Endpoint.LIST_APPS),
    ("GET", "/v2/apps/4f6c71e2-1e90-4762-9fee-6cc4a0a9f2cf/deployments?page=2&per_page=200", Endpoint.LIST_DEPLOYMENTS),
]
NOT_ASKED = [
    ("GET", "/v2/registries/acme/repositories/shop/tags"),
    ("DELETE", "/v2/registries/acme/repositories/shop/tags/latest"),
    ("DELETE", "/v2/registries/acme/repositories/shop"),
    ("DELETE", "/v2/registries/acme"),
    ("POST", "/v2/registry/subscription"),
    ("GET", "/v2/registry/options"),
    ("GET", "/v2/"),
    ("DELETE", f"/v2/acme/shop/manifests/{DIGEST}"),
    ("GET", f"/v2/acme/shop/blobs/{DIGEST}"),
    ("GET", "/elsewhere?path=/v2/registries"),
    ("get", "/v2/registries"),
    ("GET", ""),
]


@pytest.mark.parametrize(("method", "path", "endpoint"), ASKED)
def test_every_path_that_we_ask_has_its_own_name(method: str, path: str, endpoint: Endpoint) -> None:
    """In both families."""
    assert endpoint_of(method, CONTROL + path) is endpoint


@pytest.mark.parametrize("repository", ["shop", "shop/web", "manifests", "a/manifests/b", "repositories/x/digests"])
def test_what_is_on_the_data_plane_has_its_name_whatever_its_repository_is_called(repository: str) -> None:
    """There, a slash in a name is a slash in the path."""
    below = f"{REGISTRY}/v2/acme/{repository}"
    assert endpoint_of("GET", f"{below}/manifests/{DIGEST}") is Endpoint.MANIFEST
    assert endpoint_of("PUT", f"{below}/manifests/{DIGEST}") is Endpoint.PUT_MANIFEST
    assert endpoint_of("PUT", f"{below}/manifests/latest") is Endpoint.PUT_MANIFEST
    assert endpoint_of("HEAD", f"{below}/blobs/{DIGEST}") is Endpoint.BLOB


@pytest.mark.parametrize(("method", "path"), NOT_ASKED)
def test_whatever_else_there_is_has_one_name_together(method: str, path: str) -> None:
    """A name for each path would be no bound."""
    assert endpoint_of(method, CONTROL + path) is Endpoint.OTHER


@given(st.sampled_from(("GET", "DELETE", "POST", "PUT", "PATCH")), st.text())
def test_any_text_has_a_name_of_the_closed_set(method: str, text: str) -> None:
    """Also one that is no URL."""
    for url in (text, f"{CONTROL}/{text}", f"{CONTROL}/v2/registries/{text}", f"{REGISTRY}/v2/acme/{text}"):
        assert endpoint_of(method, url) in Endpoint


def test_every_name_is_given_to_some_request() -> None:
    """None is left over from a path that is not asked any more."""
    on_the_data_plane = {Endpoint.MANIFEST, Endpoint.PUT_MANIFEST, Endpoint.BLOB}
    assert {endpoint for _, _, endpoint in ASKED} | on_the_data_plane | {Endpoint.OTHER} == set(Endpoint)


@pytest.mark.parametrize("family", [Family.REGISTRIES, Family.REGISTRY])
def test_whatever_the_clients_ask_is_known_by_name(family: Family) -> None:
    """Every request of the three, as it really goes out: none of them is among the others."""
    simulator = Simulator(holding(*manifests(3)), Behaviour(token=TOKEN))
    asked: list[httpx.Request] = []

    class Recorder(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return await simulator.handle_async_request(request)

    async def story() -> None:
        async with writing(api(family), "acme", edges(Recorder())) as (reader, writer, restorer):
            await reader.repositories()
            await reader.listing("shop/web")
            await reader.storage()
            await reader.registry()
            await writer.delete_manifest(Intent(1, "run", "acme", "shop/web", digest(1), START), elapsed() + 60)
            started = await writer.start_collection()
            await reader.active_collection()
            await writer.cancel_collection(started.uuid)
            await reader.past_collections()
            await reader.has_blob("shop/web", digest(1))
            with suppress(ManifestUnreadable):
                await reader.body("shop/web", digest(2))
            with suppress(Refused):
                await restorer.put("shop/web", "latest", Body("application/vnd.oci.image.index.v1+json", b"{}"))

    run(story())
    names = list(_names(asked))
    assert Endpoint.OTHER not in names
    assert len(set(names)) == (15 if family is Family.REGISTRIES else 14)


def _names(asked: list[httpx.Request]) -> Iterator[Endpoint]:
    return (endpoint_of(request.method, str(request.url)) for request in asked)
