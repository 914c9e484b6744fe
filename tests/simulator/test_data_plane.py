"""The data plane: bearer tokens, pulls, pushes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

import httpx
import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.simulator.planes import ORIGIN, Clock, Planes, digest, load, manifest, registry, send

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
SCOPE = "repository:acme/shop/web:pull"


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _with_body(value: Mapping[str, object], *tags: str) -> dict[str, object]:
    body = json.dumps(value)
    return {**manifest(1, tags), "digest": _sha256(body.encode()), "body": body}


EMPTY_INDEX = _with_body({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, "v1", "latest")
FOUND = str(EMPTY_INDEX["digest"])


def _planes(*manifests: object) -> Planes:
    return Planes({"registries": [registry({"shop/web": list(manifests)}), registry({"web": []}, name="beta")]})


def test_a_request_without_a_token_is_told_where_to_get_one() -> None:
    """The challenge names the realm on the control plane, the service and the scope."""
    response = _planes(EMPTY_INDEX).data("GET", "/v2/acme/shop/web/manifests/v1")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == (
        f'Bearer realm="{ORIGIN}/v2/registry/auth",service="registry.digitalocean.com",scope="{SCOPE}"'
    )
    assert response.json() == {
        "errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}]
    }


def test_the_realm_gives_a_token_for_credentials_and_the_token_pulls() -> None:
    """The whole flow, by tag and by digest."""
    planes = _planes(EMPTY_INDEX)
    token = planes.token(SCOPE, query="")
    for reference in ("v1", "latest", FOUND, FOUND.replace(":", "%3A")):
        response = planes.data("GET", f"/v2/acme/shop/web/manifests/{reference}", token)
        assert (response.content, response.headers["content-type"]) == (str(EMPTY_INDEX["body"]).encode(), INDEX)
        assert response.headers["docker-content-digest"] == FOUND
    assert planes.data("GET", "/v2/", token).json() == {}
    assert planes.data("GET", "/v2/").status_code == 401


def test_a_head_has_the_headers_of_the_get() -> None:
    """With the length, without the bytes."""
    planes = _planes(EMPTY_INDEX)
    response = planes.data("HEAD", "/v2/acme/shop/web/manifests/v1", planes.token(SCOPE))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(str(EMPTY_INDEX["body"])))


def test_a_token_opens_only_what_it_was_asked_for() -> None:
    """Several scopes may be asked for at once, each in its own parameter or together in one."""
    planes = _planes(EMPTY_INDEX)
    path = "/v2/acme/shop/web/manifests/v1"
    assert planes.data("GET", path, planes.token("repository:acme/api:pull")).status_code == 401
    secret = planes.credentials()
    for scopes in (["repository:acme/api:pull", SCOPE], [f"repository:acme/api:pull {SCOPE}"]):
        assert planes.data("GET", path, planes.realm(secret, *scopes).json()["token"]).status_code == 200


def test_credentials_of_one_registry_do_not_open_another() -> None:
    """The newer family's credentials are those of the registry that was asked."""
    planes = _planes(EMPTY_INDEX)
    token = planes.realm(planes.credentials(below="/v2/registries/beta"), SCOPE).json()["token"]
    assert planes.data("GET", "/v2/acme/shop/web/manifests/v1", token).status_code == 401


def test_wrong_or_expired_credentials_get_no_token() -> None:
    """Expiring ones work until their time is up."""
    planes = _planes()
    secret = planes.credentials("?expiry_seconds=60")
    assert planes.realm(secret, SCOPE).status_code == 200
    planes.clock.forward(timedelta(seconds=60))
    assert planes.realm(secret, SCOPE).status_code == 401
    assert planes.realm("wrong", SCOPE).status_code == 401
    assert planes.control("GET", "/v2/registry/auth").status_code == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic \xe9", "Basic YQ==", "Basic YTpi", "Bearer YTph"])
def test_credentials_that_cannot_be_read_get_no_token(header: str) -> None:
    """Not base64, no password, another password than user, another scheme."""
    planes = _planes()
    headers = [(b"authorization", header.encode("latin-1"))]
    request = httpx.Request("GET", f"{ORIGIN}/v2/registry/auth", headers=headers)
    assert send(planes.control_plane, request).status_code == 401


def test_the_api_token_is_taken_as_user_and_password() -> None:
    """As the provider allows; the cleaner never does it."""
    planes = Planes(load({"shop/web": [EMPTY_INDEX]}), Behaviour(token="s3cret"))
    token = planes.realm("s3cret", SCOPE).json()["access_token"]
    assert planes.data("GET", "/v2/acme/shop/web/manifests/v1", token).status_code == 200


def test_a_token_runs_out() -> None:
    """After as many seconds as the realm said."""
    planes = _planes(EMPTY_INDEX)
    granted = planes.realm(planes.credentials(), SCOPE).json()
    planes.clock.forward(timedelta(seconds=granted["expires_in"] - 1))
    assert planes.data("GET", "/v2/acme/shop/web/manifests/v1", granted["token"]).status_code == 200
    planes.clock.forward(timedelta(seconds=1))
    assert planes.data("GET", "/v2/acme/shop/web/manifests/v1", granted["token"]).status_code == 401


def test_each_call_for_credentials_is_seen_in_the_accounts_list() -> None:
    """Without the secret, with what it allows and until when."""
    planes = _planes()
    planes.credentials("?expiry_seconds=3600")
    planes.control("GET", "/v2/registries/beta/docker-credentials?read_write=true")
    state = planes.control("GET", "/_simulator/state").json()
    facts = {"created_at": "2026-08-01T12:00:00Z"}
    assert state["docker_credentials"] == [
        {**facts, "registry": None, "expires_at": "2026-08-01T13:00:00Z", "read_write": False},
        {**facts, "registry": "beta", "expires_at": None, "read_write": True},
    ]


@pytest.mark.parametrize("query", ["expiry_seconds=-1", "expiry_seconds=x", "read_write=perhaps"])
def test_credentials_are_asked_for_in_numbers_and_truths(query: str) -> None:
    """Anything else is a 400."""
    assert _planes().control("GET", f"/v2/registry/docker-credentials?{query}").status_code == 400


@pytest.mark.parametrize("reference", [digest(7), "v7", digest(8)])
def test_a_manifest_without_bytes_is_unknown(reference: str) -> None:
    """Listed without a body, under its tag too, or not listed at all."""
    planes = _planes(manifest(7, ["v7"]))
    response = planes.data("GET", f"/v2/acme/shop/web/manifests/{reference}", planes.token(SCOPE))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")


def test_a_deleted_manifest_is_unknown() -> None:
    """What the control plane deletes is gone from the data plane at once."""
    planes = _planes(EMPTY_INDEX)
    token = planes.token(SCOPE)
    planes.control("DELETE", f"/v2/registry/acme/repositories/shop%2Fweb/digests/{FOUND}")
    assert planes.data("GET", f"/v2/acme/shop/web/manifests/{FOUND}", token).status_code == 404


@pytest.mark.parametrize(
    ("accept", "status"),
    [(INDEX, 200), (f"{IMAGE}, {INDEX};q=0.5", 200), ("*/*", 200), (IMAGE, 404), ("text/html", 404)],
)
def test_a_manifest_of_another_type_than_accepted_is_unknown(accept: str, status: int) -> None:
    """An index is not served to somebody who takes images only."""
    planes = _planes(EMPTY_INDEX)
    assert planes.accepting(accept, "/v2/acme/shop/web/manifests/v1", planes.token(SCOPE)).status_code == status


def test_bytes_that_are_garbled_are_served_as_they_are() -> None:
    """The simulator does not repair what a load file says."""
    planes = _planes({**manifest(5), "body": "not a manifest"})
    response = planes.data("GET", f"/v2/acme/shop/web/manifests/{digest(5)}", planes.token(SCOPE))
    assert response.content == b"not a manifest"


def test_blobs_of_a_load_file_have_no_bytes() -> None:
    """Nothing is made up for them."""
    planes = _planes(manifest(1, [], {101: 10}))
    response = planes.data("GET", f"/v2/acme/shop/web/blobs/{digest(101)}", planes.token(SCOPE))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")


def test_a_head_tells_whether_a_blob_is_stored() -> None:
    """With its size; also one of a load file, until a collection takes it."""
    planes = Planes(load({"shop/web": [manifest(1, [], {101: 10})]}), collection_duration=timedelta(0), clock=Clock())
    token = planes.token(SCOPE)
    path = f"/v2/acme/shop/web/blobs/{digest(101)}"
    planes.control("DELETE", f"/v2/registry/acme/repositories/shop%2Fweb/digests/{digest(1)}")
    response = planes.data("HEAD", path, token)
    assert (response.status_code, response.headers["content-length"], response.content) == (200, "10", b"")
    planes.control("POST", "/v2/registry/acme/garbage-collection")
    assert planes.data("HEAD", path, token).status_code == 404


def test_tags_are_listed_sorted_and_in_pages() -> None:
    """The link of a page leads to the next one."""
    planes = _planes(manifest(1, ["b", "a"]), manifest(2, ["c"]))
    token = planes.token(SCOPE)
    assert planes.data("GET", "/v2/acme/shop/web/tags/list", token).json()["tags"] == ["a", "b", "c"]
    page = planes.data("GET", "/v2/acme/shop/web/tags/list?n=2", token)
    assert page.json() == {"name": "acme/shop/web", "tags": ["a", "b"]}
    assert page.headers["link"] == '</v2/acme/shop/web/tags/list?last=b&n=2>; rel="next"'
    assert planes.data("GET", "/v2/acme/shop/web/tags/list?n=2&last=b", token).json()["tags"] == ["c"]


def test_referrers_are_the_manifests_whose_subject_it_is() -> None:
    """As an index, filtered by artifact type where asked."""
    sbom = _with_body({"artifactType": "a/sbom", "subject": {"digest": digest(1)}})
    other = _with_body({"config": {"mediaType": "a/sig"}, "subject": {"digest": digest(1)}})
    planes = _planes(manifest(1), sbom, other, _with_body({"subject": {"digest": digest(2)}}))
    token = planes.token(SCOPE)
    path = f"/v2/acme/shop/web/referrers/{digest(1)}"
    found = planes.data("GET", path, token)
    assert [item["digest"] for item in found.json()["manifests"]] == [sbom["digest"], other["digest"]]
    assert found.headers["content-type"] == INDEX
    filtered = planes.data("GET", f"{path}?artifactType=a/sig", token)
    assert [item["digest"] for item in filtered.json()["manifests"]] == [other["digest"]]


def _pushed_blob(planes: Planes, token: str, content: bytes) -> str:
    started = planes.data("POST", "/v2/acme/shop/web/blobs/uploads/", token)
    location = started.headers["location"]
    assert (started.status_code, planes.data("PATCH", location, token, content[:3]).status_code) == (202, 202)
    finished = planes.data("PUT", f"{location}?digest={_sha256(content)}", token, content[3:])
    assert finished.status_code == 201, finished.text
    return _sha256(content)


def _image(*blobs: bytes) -> bytes:
    layers = [{"digest": _sha256(blob), "size": len(blob)} for blob in blobs]
    return json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": layers[0], "layers": layers[1:]}).encode()


def test_an_image_can_be_pushed_and_pulled_again() -> None:
    """Its entry in the listing is that of a fresh push, and its blobs are served with their bytes."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:pull,push")
    _pushed_blob(planes, token, b"{}")
    monolithic = planes.data("POST", f"/v2/acme/shop/web/blobs/uploads/?digest={_sha256(b'layer')}", token, b"layer")
    assert monolithic.status_code == 201
    body = _image(b"{}", b"layer")
    assert planes.data("PUT", "/v2/acme/shop/web/manifests/v1", token, body).status_code == 201
    assert planes.data("GET", "/v2/acme/shop/web/manifests/v1", token).content == body
    assert planes.data("GET", f"/v2/acme/shop/web/blobs/{_sha256(b'layer')}", token).content == b"layer"
    listing = planes.control("GET", "/v2/registries/acme/repositories/shop%2Fweb/digests").json()["manifests"]
    assert listing == [
        {
            "registry_name": "acme",
            "repository": "shop/web",
            "digest": _sha256(body),
            "updated_at": "2026-08-01T12:00:00Z",
            "compressed_size_bytes": 7,
            "size_bytes": 0,
            "blobs": [
                {"digest": _sha256(b"{}"), "compressed_size_bytes": 2},
                {"digest": _sha256(b"layer"), "compressed_size_bytes": 5},
            ],
            "tags": ["v1"],
        }
    ]


def test_a_tag_moves_when_it_is_pushed_again() -> None:
    """The manifest that carried it stays, without it."""
    planes = _planes(EMPTY_INDEX)
    token = planes.token("repository:acme/shop/web:pull,push")
    body = b'{"schemaVersion": 2, "manifests": [], "annotations": {"build": "2"}}'
    assert planes.data("PUT", "/v2/acme/shop/web/manifests/latest", token, body).status_code == 201
    listing = planes.control("GET", "/v2/registries/acme/repositories/shop%2Fweb/digests").json()["manifests"]
    assert {entry["digest"]: entry["tags"] for entry in listing} == {FOUND: ["v1"], _sha256(body): ["latest"]}


def test_a_manifest_pushed_by_digest_keeps_the_tags_it_has() -> None:
    """Pushing what is there already changes only its time."""
    planes = _planes(EMPTY_INDEX)
    token = planes.token("repository:acme/shop/web:pull,push")
    body = str(EMPTY_INDEX["body"]).encode()
    assert planes.data("PUT", f"/v2/acme/shop/web/manifests/{FOUND}", token, body).status_code == 201
    listing = planes.control("GET", "/v2/registries/acme/repositories/shop%2Fweb/digests").json()["manifests"]
    assert [(entry["tags"], entry["updated_at"]) for entry in listing] == [(["v1", "latest"], "2026-08-01T12:00:00Z")]


@pytest.mark.parametrize(
    ("reference", "body", "code"),
    [
        ("v1", b"not JSON", "MANIFEST_INVALID"),
        (digest(1), b"{}", "DIGEST_INVALID"),
        ("-", b"{}", "TAG_INVALID"),
        ("v1", _image(b"{}"), "MANIFEST_BLOB_UNKNOWN"),
        ("v1", json.dumps({"manifests": [{"digest": digest(9)}]}).encode(), "MANIFEST_BLOB_UNKNOWN"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(reference: str, body: bytes, code: str) -> None:
    """Bytes that are none, a digest that is another, a bad tag, blobs or children that are not there."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:pull,push")
    response = planes.data("PUT", f"/v2/acme/shop/web/manifests/{reference}", token, body)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, code)


def test_a_manifest_that_lists_what_is_not_there_is_told_each_of_it() -> None:
    """An error for each, whose detail is its digest."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:pull,push")
    errors = planes.data("PUT", "/v2/acme/shop/web/manifests/v1", token, _image(b"{}", b"layer")).json()["errors"]
    assert [(error["code"], error["detail"]) for error in errors] == [
        ("MANIFEST_BLOB_UNKNOWN", _sha256(b"{}")),
        ("MANIFEST_BLOB_UNKNOWN", _sha256(b"layer")),
    ]


def test_blobs_that_a_collection_took_cannot_be_referred_to_again() -> None:
    """Deleted and not yet collected a manifest can be put back; afterwards it cannot."""
    planes = Planes(load({"shop/web": []}), collection_duration=timedelta(0), clock=Clock())
    token = planes.token("repository:acme/shop/web:pull,push")
    _pushed_blob(planes, token, b"{}")
    body = _image(b"{}")
    put = "/v2/acme/shop/web/manifests/v1"
    gone = f"/v2/registries/acme/repositories/shop%2Fweb/digests/{_sha256(body)}"
    for _ in range(2):
        assert planes.data("PUT", put, token, body).status_code == 201
        assert planes.control("DELETE", gone).status_code == 204
    planes.control("POST", "/v2/registries/acme/garbage-collection")
    assert planes.data("PUT", put, token, body).json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"


def test_read_only_credentials_do_not_push() -> None:
    """The realm grants them the pull alone, and the push is challenged for its own scope."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:pull,push", query="")
    response = planes.data("PUT", "/v2/acme/shop/web/manifests/v1", token, b"{}")
    assert response.status_code == 401
    assert 'scope="repository:acme/shop/web:push"' in response.headers["www-authenticate"]


@pytest.mark.parametrize(("digest_of_upload", "code"), [(_sha256(b"other"), "DIGEST_INVALID"), ("", "DIGEST_INVALID")])
def test_an_upload_that_is_something_else_is_refused(digest_of_upload: str, code: str) -> None:
    """Its bytes must hash to the digest that it ends with."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:push")
    location = planes.data("POST", "/v2/acme/shop/web/blobs/uploads/", token).headers["location"]
    response = planes.data("PUT", f"{location}?digest={digest_of_upload}", token, b"layer")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, code)


def test_an_unknown_upload_is_a_404_and_a_known_blob_is_mounted() -> None:
    """Mounting needs no bytes; a blob that is nowhere starts an ordinary upload."""
    planes = _planes()
    token = planes.token("repository:acme/shop/web:pull,push")
    assert planes.data("PATCH", "/v2/acme/shop/web/blobs/uploads/nowhere", token, b"x").status_code == 404
    known = _pushed_blob(planes, token, b"layer")
    below = "/v2/acme/shop/web/blobs/uploads/"
    assert planes.data("POST", f"{below}?mount={known}&from=acme/api", token).status_code == 201
    assert planes.data("POST", f"{below}?mount={digest(3)}&from=acme/api", token).status_code == 202


def test_an_unknown_repository_or_registry_is_unknown() -> None:
    """In the words of the distribution specification."""
    planes = _planes()
    for name in ("acme/nothing", "nobody/web"):
        response = planes.data("GET", f"/v2/{name}/tags/list", planes.token(f"repository:{name}:pull"))
        assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
