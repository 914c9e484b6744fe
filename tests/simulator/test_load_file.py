"""Load files: values as they are, structure checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from cleaner.simulator import loading
from cleaner.simulator.loading import LoadError, load_file
from tests.simulator.planes import START, Planes, digest, load, manifest

GARBLED: list[dict[str, object]] = [
    {},
    {"digest": None, "updated_at": "yesterday", "tags": None},
    {"digest": digest(1), "updated_at": 17, "tags": ["v1", 5, "\ud800"], "blobs": None},
    {"digest": digest(1), "tags": "v1", "compressed_size_bytes": -1, "blobs": [None, {}, {"digest": 4}]},
    {"digest": digest(2), "blobs": [{"digest": digest(101), "compressed_size_byte": 7}], "unknown": {"key": [1.5]}},
    {"digest": digest(3), "blobs": [{"digest": digest(102), "compressed_size_bytes": "9"}], "updated_at": "2026-07-01"},
]


def _listing(planes: Planes) -> list[dict[str, object]]:
    response = planes.control("GET", "/v2/registries/acme/repositories/web/digests")
    return cast("list[dict[str, object]]", response.json()["manifests"])


def test_garbled_and_missing_values_are_served_as_they_are() -> None:
    """Only the names of registry and repository are added; one digest or one tag twice is no error."""
    named = {"registry_name": "acme", "repository": "web"}
    assert _listing(Planes(load({"web": GARBLED}))) == [named | entry for entry in GARBLED]


def test_every_other_endpoint_bears_garbled_values() -> None:
    """Tags, repositories, storage and a collection answer as ever; a size that is none counts as nothing."""
    planes = Planes(load({"web": GARBLED}))
    below = "/v2/registry/acme"
    tags = planes.control("GET", f"{below}/repositories/web/tags").json()["tags"]
    assert [tag["tag"] for tag in tags] == ["v1", 5, "\ud800"]
    assert planes.control("GET", f"{below}/repositoriesV2").json()["repositories"][0]["manifest_count"] == 6
    assert planes.control("GET", "/v2/registry").json()["registry"]["storage_usage_bytes"] == 0
    assert planes.control("DELETE", f"{below}/repositories/web/tags/v1").status_code == 204
    assert planes.control("DELETE", f"{below}/repositories/web/digests/{digest(1)}").status_code == 204
    assert len(_listing(planes)) == 4


def test_the_state_has_the_shape_of_the_load_file() -> None:
    """With bodies, without what listings add, and with the registry's collections."""
    contents = load({"my/web": [{**manifest(1, ["v1"], {101: 5}), "body": "{}"}, manifest(2)], "other": []})
    state = Planes(contents).control("GET", "/_simulator/state").json()
    loaded = cast("list[dict[str, object]]", contents["registries"])[0]
    assert state["registries"] == [{**loaded, "garbage_collections": [], "read_only": False}]


def test_the_state_shows_collections_and_that_the_registry_is_read_only() -> None:
    """As long as one is active."""
    planes = Planes(load({}))
    started = planes.control("POST", "/v2/registries/acme/garbage-collection").json()["garbage_collection"]
    registry = planes.control("GET", "/_simulator/state").json()["registries"][0]
    assert (registry["garbage_collections"], registry["read_only"]) == ([started], True)


def test_loading_leaves_the_callers_value_alone() -> None:
    """What the simulator deletes is gone from its world only."""
    contents = load({"web": [{**manifest(1, ["v1"]), "body": "{}"}]})
    before = json.dumps(contents)
    Planes(contents).control("DELETE", "/v2/registry/acme/repositories/web/tags/v1")
    assert json.dumps(contents) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "Expecting value"),
        ('{"registries": [', "Expecting value"),
        ("[]", "expected an object with a list under `registries`"),
        ("{}", "expected an object with a list under `registries`"),
        ('{"registries": 5}', "the file: expected an object with a list under `registries`"),
        ('{"registries": [5]}', "registries[0] of the file: expected an object"),
        ('{"registries": [{}]}', "registries[0] of the file has no name"),
        ('{"registries": [{"name": "a"}, {"name": "a"}]}', "registries[1] of the file has the name of another one: a"),
        (
            '{"registries": [{"name": "a", "repositories": [{"name": "b", "manifests": [null]}]}]}',
            "manifests[0] of repositories[0] of registries[0] of the file: expected an object",
        ),
        ('{"registries": [], "x": NaN}', "NaN is no JSON"),
        ("[" * 200_000, "nested too deeply"),
        ("\x80", "codec can't decode"),
    ],
)
def test_a_file_of_another_structure_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """The message names the file and the place."""
    path = tmp_path / "load.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LoadError) as caught:
        load_file(path, START)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    """Named, with the system's reason."""
    with pytest.raises(LoadError, match=r"nowhere\.json: No such file"):
        load_file(tmp_path / "nowhere.json", START)
    with pytest.raises(LoadError, match="Is a directory"):
        load_file(tmp_path, START)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    """Above 256 MiB, here as a hole that takes no space."""
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(loading.LARGEST + 1)
    with pytest.raises(LoadError, match="larger than 256 MiB"):
        load_file(path, START)
