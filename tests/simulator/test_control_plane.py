"""The control plane: both families, pages, names with slashes, tokens, errors."""

from __future__ import annotations

from typing import cast

import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.simulator.planes import Planes, digest, load, manifest, registry

FAMILIES = ["registry", "registries"]
HOST = "https://api.digitalocean.com"
TEN = load({"my/repo": [manifest(number, [f"v{number}"]) for number in range(10)], "other": []})
TWO = {"registries": [registry({"a": []}), registry({}, name="beta")]}


def _page(planes: Planes, path: str) -> dict[str, object]:
    return cast("dict[str, object]", planes.get(path))


def _links(page: dict[str, object]) -> dict[str, str]:
    return cast("dict[str, dict[str, str]]", page["links"])["pages"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_slash_in_a_repository_name_is_sent_encoded(family: str) -> None:
    """Encoded it is found, plain it is another path."""
    planes = Planes(TEN)
    below = f"/v2/{family}/acme/repositories"
    assert _page(planes, f"{below}/my%2Frepo/digests")["meta"] == {"total": 10}
    assert _page(planes, f"{below}/my%2frepo/tags")["meta"] == {"total": 10}
    assert planes.control("GET", f"{below}/my/repo/digests").status_code == 404


def test_a_digest_may_be_encoded_or_not() -> None:
    """Clients do either."""
    planes = Planes(TEN)
    below = "/v2/registry/acme/repositories/my%2Frepo/digests"
    assert planes.control("DELETE", f"{below}/{digest(1)}").status_code == 204
    assert planes.control("DELETE", f"{below}/{digest(2).replace(':', '%3A')}").status_code == 204


@pytest.mark.parametrize("family", FAMILIES)
def test_links_name_the_providers_host_and_the_neighbours_that_exist(family: str) -> None:
    """No `first` and `prev` on the first page, no `next` on the last."""
    planes = Planes(TEN)
    path = f"/v2/{family}/acme/repositories/my%2Frepo/digests"
    first, second, last = (_page(planes, f"{path}?per_page=4&page={number}") for number in (1, 2, 3))
    assert list(_links(first)) == ["next", "last"]
    assert list(_links(last)) == ["first", "prev", "last"]
    assert _links(second) == {
        name: f"{HOST}{path}?page={number}&per_page=4"
        for name, number in {"first": 1, "prev": 1, "next": 3, "last": 3}.items()
    }
    assert [len(cast("list[object]", page["manifests"])) for page in (first, second, last)] == [4, 4, 2]
    assert {str(page["meta"]) for page in (first, second, last)} == {"{'total': 10}"}


def test_links_are_absent_where_all_fits_on_one_page() -> None:
    """Twenty fit by default."""
    page = _page(Planes(TEN), "/v2/registry/acme/repositories/my%2Frepo/digests")
    assert "links" not in page
    assert page["meta"] == {"total": 10}


def test_past_the_end_a_page_is_empty() -> None:
    """Its total is still the listing's."""
    page = _page(Planes(TEN), "/v2/registry/acme/repositories/my%2Frepo/digests?per_page=4&page=9")
    assert (page["manifests"], page["meta"], list(_links(page))) == ([], {"total": 10}, ["first", "prev", "last"])


@pytest.mark.parametrize(
    "query",
    ["per_page=0", "per_page=201", "per_page=x", "page=0", "page=-1", "page=1.5", "page=²", "page=", "page=1e9"],
)
@pytest.mark.parametrize("listing", ["repositories/my%2Frepo/digests", "repositoriesV2", "garbage-collections"])
def test_a_page_out_of_range_is_a_bad_request(listing: str, query: str) -> None:
    """`per_page` is from 1 to 200, `page` from 1."""
    response = Planes(TEN).control("GET", f"/v2/registries/acme/{listing}?{query}")
    assert (response.status_code, response.json()["id"]) == (400, "bad_request")


def test_the_page_token_of_the_next_link_wins_over_the_page() -> None:
    """It is found in the links beside the page, and leads to the same page as its number."""
    planes = Planes(load({f"r{number}": [] for number in range(5)}))
    path = "/v2/registries/acme/repositoriesV2"
    link = _links(_page(planes, f"{path}?per_page=2"))["next"].removeprefix(HOST)
    assert "page=2&page_token=" in link
    by_token = _page(planes, link.replace("page=2&", "page=1&"))
    assert by_token == _page(planes, f"{path}?page=2&per_page=2")
    assert [item["name"] for item in cast("list[dict[str, str]]", by_token["repositories"])] == ["r2", "r3"]


@pytest.mark.parametrize("token", ["x", "", "%C3%A9", "cGFnZTow", "cGFnZTp4", "b3RoZXI6Mg%3D%3D"])
def test_a_bad_page_token_is_a_bad_request(token: str) -> None:
    """Whatever it decodes to, if it decodes at all."""
    response = Planes(TEN).control("GET", f"/v2/registries/acme/repositoriesV2?page_token={token}")
    assert (response.status_code, response.json()["id"]) == (400, "bad_request")


def test_repositories_show_their_newest_manifest_and_their_counts() -> None:
    """`latest_manifest` is null in an empty repository; the listing before V2 shows the newest tag."""
    planes = Planes(TEN)
    newest = {"registry_name": "acme", "repository": "my/repo", **manifest(9, ["v9"])}
    counts = {"registry_name": "acme", "name": "my/repo", "tag_count": 10}
    empty = {"registry_name": "acme", "name": "other", "tag_count": 0}
    assert _page(planes, "/v2/registry/acme/repositoriesV2")["repositories"] == [
        {**counts, "latest_manifest": newest, "manifest_count": 10},
        {**empty, "latest_manifest": None, "manifest_count": 0},
    ]
    tag = {"registry_name": "acme", "repository": "my/repo", "tag": "v9", "manifest_digest": digest(9)}
    sizes = {"compressed_size_bytes": 0, "size_bytes": 0, "updated_at": "2026-07-01T00:00:09Z"}
    assert _page(planes, "/v2/registry/acme/repositories")["repositories"] == [
        {**counts, "latest_tag": tag | sizes},
        empty,
    ]


def test_deleting_a_manifest_takes_its_tags_and_a_second_time_is_not_found() -> None:
    """204, then 404."""
    planes = Planes(load({"web": [manifest(1, ["v1", "v2"]), manifest(2, ["v3"])]}))
    path = f"/v2/registries/acme/repositories/web/digests/{digest(1)}"
    assert [planes.control("DELETE", path).status_code for _ in range(2)] == [204, 404]
    tags = cast("list[dict[str, str]]", _page(planes, "/v2/registries/acme/repositories/web/tags")["tags"])
    assert [tag["tag"] for tag in tags] == ["v3"]


def test_deleting_a_tag_leaves_the_manifest() -> None:
    """A tag that does not exist is a success all the same, as users reported."""
    planes = Planes(load({"web": [manifest(1, ["v1", "v2"])]}))
    below = "/v2/registries/acme/repositories"
    paths = [f"{below}/web/tags/v1", f"{below}/web/tags/v1", f"{below}/nowhere/tags/v1"]
    assert [planes.control("DELETE", path).status_code for path in paths] == [204, 204, 204]
    assert _page(planes, f"{below}/web/digests")["manifests"] == [
        {"registry_name": "acme", "repository": "web", **manifest(1, ["v2"])}
    ]


def test_deleting_a_repository_is_for_the_new_family_only() -> None:
    """One that does not exist is a success; the old family has no such path."""
    planes = Planes(TEN)
    assert planes.control("DELETE", "/v2/registry/acme/repositories/other").status_code == 404
    assert planes.control("DELETE", "/v2/registries/acme/repositories/my%2Frepo").status_code == 204
    assert planes.control("DELETE", "/v2/registries/acme/repositories/my%2Frepo").status_code == 204
    assert planes.control("GET", "/v2/registries/acme/repositories/my%2Frepo/digests").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v2/registries/unknown",
        "/v2/registries/unknown/repositoriesV2",
        "/v2/registry/unknown/garbage-collection",
        "/v2/registries/acme/repositories/unknown/digests",
        "/v2/registry/acme",
        "/v2/droplets",
        "/",
    ],
)
def test_what_is_not_there_is_a_404_in_the_providers_words(path: str) -> None:
    """With the provider's error body."""
    response = Planes(TEN).control("GET", path)
    assert response.status_code == 404
    assert response.json() == {
        "id": "not_found",
        "message": "The resource you requested could not be found.",
        "request_id": "id-1",
    }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_account_with_several_registries_has_no_only_one(method: str) -> None:
    """412 on `/v2/registry` itself, not below it; with one registry it is that one."""
    several = Planes(TWO)
    response = several.control(method, "/v2/registry")
    assert (response.status_code, response.json()["id"]) == (412, "precondition_failed")
    assert several.control("GET", "/v2/registry/acme/repositoriesV2").status_code == 200
    assert Planes(TEN).control(method, "/v2/registry").is_success


def test_an_account_without_registries_has_no_only_one() -> None:
    """404."""
    assert Planes({"registries": []}).control("GET", "/v2/registry").status_code == 404


@pytest.mark.parametrize("token", [None, "", "wrong", "S3CRET"])
def test_a_wrong_token_is_refused_everywhere(token: str | None) -> None:
    """401 in the provider's words, on unknown paths too, and nothing happens."""
    planes = Planes(TEN, Behaviour(token="s3cret"))
    for path in ("/v2/registries", "/v2/registry/acme/repositoriesV2", "/v2/nothing"):
        response = planes.control("GET", path, token=token)
        assert (response.status_code, response.json()["id"]) == (401, "unauthorized")
    assert planes.control("DELETE", "/v2/registries/acme", token=token).status_code == 401
    assert planes.control("GET", "/v2/registries/acme", token="s3cret").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    """400, whatever was asked for."""
    planes = Planes(TEN)
    response = planes.raw("POST", "/v2/registries/acme/garbage-collection", body)
    assert (response.status_code, response.json()["id"]) == (400, "bad_request")


def test_a_registry_can_be_created_and_deleted() -> None:
    """Its name is free before and taken after; the plan follows the body."""
    planes = Planes(TEN)
    wanted = {"name": "beta", "region": "ams3", "subscription_tier_slug": "basic"}
    assert planes.control("POST", "/v2/registries/validate-name", json=wanted).status_code == 204
    created = planes.control("POST", "/v2/registries", json=wanted)
    assert (created.status_code, created.json()["registry"]["region"]) == (201, "ams3")
    assert planes.control("POST", "/v2/registry/validate-name", json=wanted).json()["id"] == "conflict"
    assert planes.control("POST", "/v2/registries", json=wanted).status_code == 409
    assert planes.control("GET", "/v2/registry/subscription").json()["subscription"]["tier"]["slug"] == "basic"
    assert planes.control("DELETE", "/v2/registries/beta").status_code == 204
    assert planes.control("GET", "/v2/registries/beta").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({}, 400),
        ({"name": "Upper"}, 400),
        ({"name": "x" * 64}, 400),
        ({"name": "beta", "region": "moon1"}, 400),
        ({"name": "beta", "subscription_tier_slug": "gold"}, 400),
        ({"name": "beta", "subscription_tier_slug": "starter"}, 412),
    ],
)
def test_a_registry_that_cannot_be_is_not_created(wanted: dict[str, str], status: int) -> None:
    """A bad name, region or plan is a 400, a plan that the account has outgrown a 412."""
    planes = Planes(TEN)
    assert planes.control("POST", "/v2/registries", json=wanted).status_code == status
    assert planes.control("GET", "/v2/registries/beta").status_code == 404


def test_options_say_which_plans_the_account_fits_into() -> None:
    """Two repositories are too many for the smallest plan."""
    options = Planes(TEN).control("GET", "/v2/registries/options").json()["options"]
    eligible = {tier["slug"]: (tier["eligible"], tier["eligibility_reasons"]) for tier in options["subscription_tiers"]}
    assert eligible == {
        "starter": (False, ["OverRepositoryLimit"]),
        "basic": (True, []),
        "professional": (True, []),
    }


def test_storage_is_summed_over_the_account() -> None:
    """Blobs count once a registry, and each registry for itself."""
    entries = [manifest(1, [], {101: 10, 102: 20}), manifest(2, [], {102: 20})]
    planes = Planes({"registries": [registry({"a": entries}), registry({"b": entries}, name="beta")]})
    listed = planes.control("GET", "/v2/registries").json()
    assert [item["storage_usage_bytes"] for item in listed["registries"]] == [30, 30]
    assert listed["total_storage_usage_bytes"] == 60
    assert {item["subscription"]["tier"]["slug"] for item in listed["registries"]} == {"professional"}
