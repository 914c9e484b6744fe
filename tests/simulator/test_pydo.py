"""The provider's own Python client cannot tell the simulator from the provider: every endpoint of both families."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from pydo import Client

from cleaner.clock import new_id, utc_now
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.serve import Options, serving
from tests.simulator.planes import digest, load, manifest

PLAIN: dict[str, Any] = {"enforce_https": False}
CONTENTS = load({"my/repo": [manifest(number, [f"v{number}"], {100 + number: 10}) for number in range(5)], "other": []})


@pytest.fixture
def control(tmp_path: Path) -> Iterator[str]:
    """The control plane's origin of a simulator whose collections end at the next look."""
    behaviour = Behaviour(token="s3cret")
    options = Options(
        now=utc_now, new_id=new_id, load=_file(tmp_path), collection_duration=timedelta(0), behaviour=behaviour
    )
    with serving(options) as origins:
        yield origins.control


@pytest.fixture
def client(control: str) -> Iterator[Any]:
    """The client, pointed at it."""
    with Client(token="s3cret", endpoint=control) as client:
        yield client


@pytest.fixture(params=["registry", "registries"])
def family(client: Any, request: pytest.FixtureRequest) -> Any:
    """The operations below a registry, which both families share."""
    return getattr(client, request.param)


def _file(folder: Path) -> Path:
    path = folder / "load.json"
    path.write_text(json.dumps(CONTENTS))
    return path


def _refusal(call: Callable[[], object]) -> tuple[int | None, str]:
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.response is not None
    return caught.value.response.status_code, json.loads(caught.value.response.text())["id"]


def test_it_lists_what_is_in_a_registry(family: Any) -> None:
    """Repositories, manifests and tags, page by page, a name with a slash among them."""
    repositories = family.list_repositories_v2("acme", per_page=1, **PLAIN)
    assert [item["name"] for item in repositories["repositories"]] == ["my/repo"]
    assert repositories["meta"]["total"] == 2
    assert "page_token=" in repositories["links"]["pages"]["next"]
    manifests = family.list_repository_manifests("acme", "my/repo", per_page=2, page=2, **PLAIN)
    assert [item["digest"] for item in manifests["manifests"]] == [digest(2), digest(3)]
    tags = family.list_repository_tags("acme", "my/repo", per_page=200, **PLAIN)
    assert [item["tag"] for item in tags["tags"]] == ["v0", "v1", "v2", "v3", "v4"]


def test_it_follows_a_page_token(family: Any) -> None:
    """The one of the `next` link."""
    first = family.list_repositories_v2("acme", per_page=1, **PLAIN)
    token = first["links"]["pages"]["next"].partition("page_token=")[2].partition("&")[0].replace("%3D", "=")
    second = family.list_repositories_v2("acme", per_page=1, page_token=token, **PLAIN)
    assert [item["name"] for item in second["repositories"]] == ["other"]
    assert family.list_repositories_v2("acme", page_token="bad", **PLAIN)["id"] == "bad_request"


def test_it_deletes_a_manifest_and_a_tag(family: Any) -> None:
    """204 without a body; what is not there answers as the API page says."""
    assert family.delete_repository_manifest("acme", "my/repo", digest(0), **PLAIN) is None
    assert family.delete_repository_manifest("acme", "my/repo", digest(0), **PLAIN)["id"] == "not_found"
    assert family.delete_repository_tag("acme", "my/repo", "v1", **PLAIN) is None
    left = family.list_repository_manifests("acme", "my/repo", **PLAIN)["manifests"]
    assert [(item["digest"], item["tags"]) for item in left][:2] == [(digest(1), []), (digest(2), ["v2"])]


def test_it_runs_a_collection_to_its_end(client: Any, family: Any) -> None:
    """Started, gone from the active ones, in the list with what it freed."""
    family.delete_repository_manifest("acme", "my/repo", digest(0), **PLAIN)
    started = family.run_garbage_collection("acme", **PLAIN)["garbage_collection"]
    assert (started["status"], started["registry_name"]) == ("requested", "acme")
    assert family.get_garbage_collection("acme", **PLAIN)["id"] == "not_found"
    ended = family.list_garbage_collections("acme", **PLAIN)["garbage_collections"][0]
    assert (ended["uuid"], ended["status"], ended["freed_bytes"]) == (started["uuid"], "succeeded", 10)
    cancel = {"cancel": True}
    assert family.update_garbage_collection("acme", started["uuid"], cancel, **PLAIN)["id"] == "not_found"
    assert client.registries.get("acme", **PLAIN)["registry"]["storage_usage_bytes"] == 40


def test_it_sees_an_active_collection_and_cancels_it(tmp_path: Path) -> None:
    """In both families."""
    options = Options(now=utc_now, new_id=new_id, load=_file(tmp_path), collection_duration=timedelta(hours=1))
    with serving(options) as origins, Client(token="any", endpoint=origins.control) as opened:
        client: Any = opened
        body = {"type": "unreferenced blobs only"}
        started = client.registry.run_garbage_collection("acme", body, **PLAIN)["garbage_collection"]
        for family in (client.registry, client.registries):
            assert family.get_garbage_collection("acme", **PLAIN)["garbage_collection"] == started
            again = partial(family.run_garbage_collection, "acme", **PLAIN)
            assert _refusal(again) == (409, "conflict")
        cancelling = client.registries.update_garbage_collection("acme", started["uuid"], {"cancel": True}, **PLAIN)
        assert cancelling["garbage_collection"]["status"] == "cancelling"


def test_it_reads_the_accounts_level(client: Any) -> None:
    """Registries, plan, options and names, in both families."""
    assert client.registry.get(**PLAIN)["registry"]["name"] == "acme"
    assert client.registries.get("acme", **PLAIN)["registry"]["region"] == "fra1"
    listed = client.registries.list(**PLAIN)
    assert ([item["name"] for item in listed["registries"]], listed["total_storage_usage_bytes"]) == (["acme"], 50)
    for family in (client.registry, client.registries):
        assert family.get_subscription(**PLAIN)["subscription"]["tier"]["slug"] == "professional"
        assert family.update_subscription({"tier_slug": "basic"}, **PLAIN)["subscription"]["tier"]["slug"] == "basic"
        assert family.update_subscription({"tier_slug": "professional"}, **PLAIN)["subscription"]["tier"]["name"]
        tiers = family.get_options(**PLAIN)["options"]["subscription_tiers"]
        assert [tier["slug"] for tier in tiers] == ["starter", "basic", "professional"]
        assert family.validate_name({"name": "free"}, **PLAIN) is None
        assert family.validate_name({"name": "acme"}, **PLAIN)["id"] == "conflict"


def test_it_gets_credentials(client: Any) -> None:
    """A Docker configuration for the provider's registry."""
    asked = (
        client.registry.get_docker_credentials(expiry_seconds=60, read_write=True, **PLAIN),
        client.registries.get_docker_credentials("acme", **PLAIN),
    )
    for credentials in asked:
        assert credentials["auths"]["registry.digitalocean.com"]["auth"]


def test_it_creates_and_deletes_registries_and_repositories(client: Any) -> None:
    """The old family stops speaking of the only registry once there are two."""
    wanted = {"name": "beta", "region": "ams3", "subscription_tier_slug": "professional"}
    assert client.registries.create(wanted, **PLAIN)["registry"]["name"] == "beta"
    assert client.registry.get(**PLAIN)["id"] == "precondition_failed"
    assert client.registry.delete(**PLAIN)["id"] == "precondition_failed"
    assert client.registries.delete_repository("acme", "my/repo", **PLAIN) is None
    assert client.registry.list_repositories("acme", **PLAIN)["repositories"][0]["name"] == "other"
    assert client.registries.delete("acme", **PLAIN) is None
    assert client.registry.delete(**PLAIN) is None
    assert client.registries.list(**PLAIN)["registries"] == []
    assert client.registry.create(wanted, **PLAIN)["registry"]["region"] == "ams3"


def test_a_wrong_token_is_the_clients_own_error(control: str) -> None:
    """401, which the client raises."""
    with Client(token="wrong", endpoint=control) as client:
        assert _refusal(partial(client.registry.get, **PLAIN)) == (401, "unauthorized")
