"""A garbage collection's life, what it frees, and the registry meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.planes import Planes, digest, load, manifest

COLLECTION = "/v2/registries/acme/garbage-collection"
PAST = "/v2/registry/acme/garbage-collections"
ONLY_BLOBS = {"type": "unreferenced blobs only"}

SHARED = {
    "web": [manifest(1, ["v1"], {101: 10, 102: 20}), manifest(2, ["v2"], {102: 20, 103: 40})],
    "api": [manifest(3, ["v1"], {103: 40, 104: 80}), manifest(4, [], {105: 160})],
}


def _delete(planes: Planes, repository: str, number: int) -> int:
    return planes.control("DELETE", f"/v2/registry/acme/repositories/{repository}/digests/{digest(number)}").status_code


def _started(planes: Planes, kind: object = "unreferenced blobs only") -> dict[str, object]:
    response = planes.control("POST", COLLECTION, json={"type": kind})
    assert response.status_code == 201, response.text
    return cast("dict[str, object]", response.json()["garbage_collection"])


def _newest(planes: Planes) -> dict[str, object]:
    listed = cast("dict[str, list[dict[str, object]]]", planes.get(PAST))
    return listed["garbage_collections"][0]


def _usage(planes: Planes) -> int:
    return cast("dict[str, dict[str, int]]", planes.get("/v2/registries/acme"))["registry"]["storage_usage_bytes"]


def test_it_goes_through_every_phase_and_then_succeeds() -> None:
    """The four active statuses share the duration; once it has ended the active one is a 404 and the list has it."""
    planes = Planes(load(SHARED), collection_duration=timedelta(seconds=40))
    seen = [_started(planes)["status"]]
    for _ in range(3):
        planes.clock.forward(timedelta(seconds=10))
        seen.append(planes.control("GET", COLLECTION).json()["garbage_collection"]["status"])
    planes.clock.forward(timedelta(seconds=10))
    assert planes.control("GET", COLLECTION).status_code == 404
    assert [*seen, _newest(planes)["status"]] == [
        "requested",
        "waiting for write JWTs to expire",
        "scanning manifests",
        "deleting unreferenced blobs",
        "succeeded",
    ]


def test_one_without_duration_has_ended_at_the_next_look() -> None:
    """Its start still says `requested`."""
    planes = Planes(load(SHARED), collection_duration=timedelta(0))
    assert _started(planes)["status"] == "requested"
    assert planes.control("GET", COLLECTION).status_code == 404
    assert _newest(planes)["status"] == "succeeded"


def test_it_frees_only_what_no_manifest_of_the_registry_refers_to_and_only_on_success() -> None:
    """A blob shared within or between repositories stays, and usage falls by exactly what was freed."""
    planes = Planes(load(SHARED))
    assert _usage(planes) == 310
    assert [_delete(planes, "web", 1), _delete(planes, "web", 2)] == [204, 204]
    _started(planes)
    planes.clock.forward(timedelta(seconds=39))
    assert (_usage(planes), planes.control("GET", COLLECTION).json()["garbage_collection"]["freed_bytes"]) == (310, 0)
    planes.clock.forward(timedelta(seconds=1))
    ended = _newest(planes)
    assert (ended["blobs_deleted"], ended["freed_bytes"], _usage(planes)) == (2, 30, 280)


def test_a_cancelled_one_frees_nothing() -> None:
    """It is `cancelling` first, then `cancelled`, and the registry is writable again."""
    planes = Planes(load(SHARED))
    _delete(planes, "api", 4)
    uuid = _started(planes)["uuid"]
    cancelling = planes.control("PUT", f"{COLLECTION}/{uuid}", json={"cancel": True})
    assert (cancelling.status_code, cancelling.json()["garbage_collection"]["status"]) == (200, "cancelling")
    assert planes.control("GET", COLLECTION).json()["garbage_collection"]["status"] == "cancelling"
    planes.clock.forward(timedelta(hours=1))
    ended = _newest(planes)
    assert (ended["status"], ended["freed_bytes"], _usage(planes)) == ("cancelled", 0, 310)
    assert _delete(planes, "web", 1) == 204


def test_cancelling_takes_seconds_however_long_the_collection() -> None:
    """A collection that hangs for hours is not hours in cancelling."""
    planes = Planes(load(SHARED), collection_duration=timedelta(hours=10))
    planes.control("PUT", f"{COLLECTION}/{_started(planes)['uuid']}", json={"cancel": True})
    planes.clock.forward(timedelta(seconds=5))
    assert _newest(planes)["status"] == "cancelled"


def test_a_second_cancel_and_one_that_says_no_change_nothing() -> None:
    """Only `"cancel": true` cancels, and its moment is the first one's."""
    planes = Planes(load(SHARED))
    path = f"{COLLECTION}/{_started(planes)['uuid']}"
    assert planes.control("PUT", path, json={"cancel": False}).json()["garbage_collection"]["status"] == "requested"
    first = planes.control("PUT", path, json={"cancel": True}).json()
    planes.clock.forward(timedelta(seconds=1))
    assert planes.control("PUT", path, json={"cancel": True}).json() == first


@pytest.mark.parametrize("uuid", ["unknown", "id-1"])
def test_only_the_active_one_can_be_cancelled(uuid: str) -> None:
    """An unknown one and one that has ended are a 404."""
    planes = Planes(load(SHARED), collection_duration=timedelta(0))
    assert _started(planes)["uuid"] == "id-1"
    assert planes.control("PUT", f"{COLLECTION}/{uuid}", json={"cancel": True}).status_code == 404


def test_the_registry_is_read_only_while_one_is_active() -> None:
    """A second start and every DELETE are a conflict, and nothing is deleted."""
    planes = Planes(load(SHARED))
    _started(planes)
    again = planes.control("POST", COLLECTION, json=ONLY_BLOBS)
    assert (again.status_code, again.json()["id"]) == (409, "conflict")
    below = "/v2/registries/acme/repositories/web"
    refused = [planes.control("DELETE", path).status_code for path in (below, f"{below}/tags/v1")]
    assert [_delete(planes, "web", 1), *refused] == [409, 409, 409]
    planes.clock.forward(timedelta(seconds=40))
    assert planes.get(f"{below}/tags") != {"tags": [], "meta": {"total": 0}}
    assert _delete(planes, "web", 1) == 204


def test_the_data_plane_takes_no_writes_and_serves_pulls_while_one_is_active() -> None:
    """A PUT is refused with the same token that pushes before and after; a pull works."""
    body = b'{"schemaVersion": 2, "config": {}, "layers": []}'
    planes = Planes(load({"web": []}))
    token = planes.token("repository:acme/web:pull,push")
    path = "/v2/acme/web/manifests/v1"
    assert planes.data("PUT", path, token, body).status_code == 201
    _started(planes)
    refused = planes.data("PUT", path, token, body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (405, "UNSUPPORTED")
    assert planes.data("GET", path, token).content == body
    planes.clock.forward(timedelta(seconds=40))
    assert planes.data("PUT", path, token, body).status_code == 201


@pytest.mark.parametrize(
    ("kind", "left", "freed"),
    [
        ("unreferenced blobs only", [1, 2, 3, 4], 0),
        ("untagged manifests only", [1, 2, 3], 0),
        ("untagged manifests and unreferenced blobs", [1, 2, 3], 160),
    ],
)
def test_the_untagged_types_take_every_untagged_manifest(kind: str, left: list[int], freed: int) -> None:
    """Children of a tagged index would go too: nobody says that they are spared."""
    planes = Planes(load(SHARED))
    assert _started(planes, kind)["type"] == kind
    planes.clock.forward(timedelta(seconds=40))
    assert _newest(planes)["freed_bytes"] == freed
    listings = [planes.get(f"/v2/registries/acme/repositories/{name}/digests") for name in ("web", "api")]
    entries = [entry for listing in listings for entry in cast("dict[str, list[dict[str, str]]]", listing)["manifests"]]
    assert [entry["digest"] for entry in entries] == [digest(number) for number in left]


def test_no_body_means_unreferenced_blobs_only() -> None:
    """The new family's description declares no body."""
    planes = Planes(load(SHARED))
    started = planes.control("POST", COLLECTION)
    assert started.json()["garbage_collection"]["type"] == "unreferenced blobs only"


@pytest.mark.parametrize("kind", ["everything", None, ["unreferenced blobs only"]])
def test_an_unknown_type_is_refused(kind: object) -> None:
    """400, and none is started."""
    planes = Planes(load(SHARED))
    assert planes.control("POST", COLLECTION, json={"type": kind}).json()["id"] == "bad_request"
    assert planes.control("GET", COLLECTION).status_code == 404


def test_past_ones_are_listed_newest_first_with_all_their_fields() -> None:
    """The list holds the active one too."""
    planes = Planes(load(SHARED))
    first = _started(planes)
    planes.clock.forward(timedelta(minutes=5))
    second = _started(planes)
    listed = cast("dict[str, list[dict[str, object]]]", planes.get(PAST))["garbage_collections"]
    assert [one["uuid"] for one in listed] == [second["uuid"], first["uuid"]]
    assert listed[1] == {
        "uuid": "id-1",
        "registry_name": "acme",
        "status": "succeeded",
        "type": "unreferenced blobs only",
        "created_at": "2026-08-01T12:00:00Z",
        "updated_at": "2026-08-01T12:00:40Z",
        "blobs_deleted": 0,
        "freed_bytes": 0,
    }


NUMBERS = st.integers(0, 12)
WORLDS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.lists(st.tuples(st.integers(1, 9), st.sets(NUMBERS)), max_size=6, unique_by=lambda pair: pair[0]),
    max_size=3,
)


@given(WORLDS, st.sets(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 9))))
def test_any_collection_frees_exactly_the_blobs_that_nothing_refers_to(
    repositories: dict[str, list[tuple[int, set[int]]]], doomed: set[tuple[str, int]]
) -> None:
    """Freed are the blobs of the manifests that were deleted, less those of the manifests that stay."""
    sizes = {number: 2**number for number in range(13)}
    entries = {
        name: [manifest(number, [], {100 + blob: sizes[blob] for blob in sorted(blobs)}) for number, blobs in listed]
        for name, listed in repositories.items()
    }
    planes = Planes(load(entries), collection_duration=timedelta(0))
    for name, number in sorted(doomed):
        _delete(planes, name, number)
    flat = [(name, number, blobs) for name, listed in repositories.items() for number, blobs in listed]
    gone = {blob for name, number, blobs in flat if (name, number) in doomed for blob in blobs}
    kept = {blob for name, number, blobs in flat if (name, number) not in doomed for blob in blobs}
    _started(planes)
    ended = _newest(planes)
    assert ended["freed_bytes"] == sum(sizes[blob] for blob in gone - kept)
    assert ended["blobs_deleted"] == len(gone - kept)
    assert _usage(planes) == sum(sizes[blob] for blob in kept)
