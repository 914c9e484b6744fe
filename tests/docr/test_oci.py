"""A manifest is read for sure, or it is unreadable and holds back its repository (law 2)."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.docr import oci
from cleaner.errors import ManifestUnreadable
from cleaner.model.manifest import Blob, Content, Digest
from tests.docr.asking import as_json, digest, digest_of

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def content(document: object) -> Content:
    body = as_json(document)
    return oci.content("api", digest_of(body), body)


def described(number: int) -> dict[str, object]:
    return {"mediaType": "application/x", "digest": digest(number), "size": number}


@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_an_index_lists_its_children(media_type: str) -> None:
    """Each once, in their order."""
    read = content({"mediaType": media_type, "manifests": [described(2), described(1), described(2)]})
    assert (read.media_type, read.children) == (media_type, (digest(2), digest(1)))


def test_an_image_refers_to_its_blobs_and_its_subject() -> None:
    """Configuration first, then the layers."""
    read = content({"mediaType": IMAGE, "config": described(1), "layers": [described(2)], "subject": described(3)})
    assert read.blobs == (Blob(digest(1), 1), Blob(digest(2), 2))
    assert (read.children, read.subject) == ((), digest(3))


@pytest.mark.parametrize(
    ("document", "media_type"), [({"manifests": []}, INDEX), ({"config": described(1), "layers": []}, IMAGE)]
)
def test_a_type_that_is_left_out_is_seen_by_the_structure(document: object, media_type: str) -> None:
    """OCI manifests need not name their type."""
    assert content(document).media_type == media_type


def test_an_index_may_have_a_subject_and_an_artifact_blobs() -> None:
    """Both are read wherever they stand."""
    assert content({"manifests": [], "subject": described(9)}).subject == digest(9)
    assert content({"mediaType": "application/x", "blobs": [described(4)]}).blobs == (Blob(digest(4), 4),)


def test_where_a_body_is_index_and_image_both_are_taken() -> None:
    """Whoever reads it as an index needs the children, so they count."""
    read = content({"mediaType": IMAGE, "layers": [described(1)], "manifests": [described(2)]})
    assert (read.children, read.blobs) == ((digest(2),), (Blob(digest(1), 1),))


def test_a_layer_that_lies_elsewhere_is_none_of_the_registry() -> None:
    """A base that may not be distributed has its own addresses (`urls`): nobody looks for it here."""
    layers = [{**described(2), "urls": ["https://elsewhere.example/layer"]}, {**described(3), "urls": []}]
    assert content({"mediaType": IMAGE, "layers": layers}).blobs == (Blob(digest(3), 3),)


def test_garbled_blobs_are_left_out() -> None:
    """They only tell sizes."""
    layers = [None, 5, {}, {"digest": "x"}, {"digest": digest(1), "size": "big"}]
    assert content({"mediaType": IMAGE, "config": "none", "layers": layers}).blobs == (Blob(digest(1), None),)


UNREADABLE = {
    "an index without a list": {"mediaType": INDEX},
    "an index whose list is null": {"mediaType": INDEX, "manifests": None},
    "a list of another type": {"mediaType": IMAGE, "layers": [], "manifests": {}},
    "a child that is null": {"mediaType": INDEX, "manifests": [None]},
    "a child without a digest": {"mediaType": INDEX, "manifests": [{}]},
    "a child with a garbled digest": {"mediaType": INDEX, "manifests": [{"digest": "sha256:ABC"}]},
    "a garbled subject": {"mediaType": IMAGE, "layers": [], "subject": {"digest": 5}},
    "a subject of another type": {"mediaType": IMAGE, "layers": [], "subject": "x"},
    "an unknown type of unknown structure": {"mediaType": "application/x"},
    "an empty object": {},
    "a type that is no text": {"mediaType": ["application/x"]},
    "a list": [],
    "a number": 5,
}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_could_hide_a_child_or_a_subject_is_unreadable(document: object) -> None:
    """Nothing is guessed about families."""
    with pytest.raises(ManifestUnreadable, match="the manifest api@sha256:"):
        content(document)


@pytest.mark.parametrize("document", [{"schemaVersion": 1}, {"schemaVersion": 1, "fsLayers": []}, {"fsLayers": []}])
def test_docker_schema_1_is_unreadable_and_named(document: object) -> None:
    """The message says what kind of manifest it is."""
    with pytest.raises(ManifestUnreadable, match="Docker's schema 1"):
        content(document)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe", b"{", b"[" * 100_000, b'{"manifests":' + b"[" * 100_000, b'{"a":"\\ud800"}']
)
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    """Cut off, nested beyond all depth, or in no encoding."""
    with pytest.raises(ManifestUnreadable, match="expected JSON"):
        oci.content("api", digest_of(body), body)


def test_bytes_that_their_digest_does_not_name_are_unreadable() -> None:
    """A data plane that lies is not believed."""
    with pytest.raises(ManifestUnreadable, match="expected the bytes that its digest names"):
        oci.content("api", digest(1), as_json({"manifests": []}))


def test_a_manifest_above_four_mebibytes_is_unreadable() -> None:
    """No registry takes one."""
    body = as_json({"manifests": [], "annotations": "x" * oci.MANIFEST_BYTES})
    with pytest.raises(ManifestUnreadable, match="at most 4194304 bytes"):
        oci.content("api", digest_of(body), body)


def test_a_sha512_digest_is_checked_too() -> None:
    """The digest names its algorithm."""
    body = as_json({"manifests": []})
    named = Digest(f"sha512:{hashlib.sha512(body).hexdigest()}")
    assert oci.content("api", named, body).digest == named


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(as_json))
def test_any_bytes_give_a_manifest_or_say_that_they_are_none(body: bytes) -> None:
    """No other error comes out."""
    with suppress(ManifestUnreadable):
        assert oci.content("api", digest_of(body), body).digest == digest_of(body)
