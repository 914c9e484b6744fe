"""A manifest's own bytes, checked against its digest and read for what it refers to (OCI image specification).

An unreadable manifest holds back its whole repository (law 2). So whatever could hide a child or a subject is
unreadable, and blobs, which only tell sizes, are read leniently.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import msgspec

from cleaner.docr import values
from cleaner.errors import ManifestUnreadable
from cleaner.model.deletion import Body
from cleaner.model.manifest import Blob, Content, Digest, parse_digest

MANIFEST_BYTES = 4 * 1024 * 1024
"""No manifest is larger (OCI distribution specification, "Pushing Manifests")."""

_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
_INDEXES = (_OCI_INDEX, _DOCKER_LIST)
_SENDABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")

ACCEPT = ", ".join((_OCI_INDEX, _DOCKER_LIST, _OCI_IMAGE, _DOCKER_IMAGE))
"""The types that the data plane is asked for."""


class _Flaw(Exception):
    """What makes a manifest unreadable, in words."""


def content(repository: str, digest: Digest, body: bytes) -> Content:
    """What the manifest `digest` of `repository` is, from its bytes.

    Raises:
        ManifestUnreadable: the bytes do not hash to the digest, or do not surely say which children and subject it has.
    """
    try:
        _check_bytes(digest, body)
        document = _object(body)
        return Content(digest, _media_type(document), _children(document), _subject(document), _blobs(document))
    except _Flaw as flaw:
        raise _unreadable(repository, digest, flaw) from None


def body(repository: str, digest: Digest, raw: bytes) -> Body:
    """The bytes of the manifest `digest` of `repository`, with the media type under which they can be put back.

    Raises:
        ManifestUnreadable: as `content`, or no media type of that name can be sent.
    """
    media_type = content(repository, digest, raw).media_type
    if not _SENDABLE.fullmatch(media_type):
        raise _unreadable(repository, digest, _Flaw(f"expected a media type, got {media_type[:100]!a}"))
    return Body(media_type, raw)


def digest_of(content: bytes, like: Digest) -> Digest:
    """The digest that names these bytes, by the algorithm of another one."""
    algorithm, _, _ = like.partition(":")
    return Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


def _check_bytes(digest: Digest, body: bytes) -> None:
    if len(body) > MANIFEST_BYTES:
        raise _Flaw(f"expected at most {MANIFEST_BYTES} bytes, got {len(body)}")
    got = digest_of(body, digest)
    if got != digest:
        raise _Flaw(f"expected the bytes that its digest names, got those of {got}")


def _object(body: bytes) -> Mapping[str, object]:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise _Flaw(f"expected JSON, got {len(body)} bytes ({error})") from None
    if not isinstance(document, dict):
        raise _Flaw("expected a JSON object")
    return document


def _media_type(document: Mapping[str, object]) -> str:
    media_type = values.text(document.get("mediaType"))
    if document.get("schemaVersion") == 1 or "fsLayers" in document:
        raise _Flaw("it has Docker's schema 1, which does not say what it refers to in a way that is read here")
    if media_type in _INDEXES or isinstance(document.get("manifests"), list):
        return media_type or _OCI_INDEX
    known = media_type in (_OCI_IMAGE, _DOCKER_IMAGE) or isinstance(document.get("config"), dict)
    if not known and not any(isinstance(document.get(key), list) for key in ("layers", "blobs")):
        raise _Flaw(f"expected an index or an image, got the unknown type {media_type[:100] or 'without a name'!r}")
    return media_type or _OCI_IMAGE


def _children(document: Mapping[str, object]) -> tuple[Digest, ...]:
    listed = document.get("manifests")
    if listed is None and document.get("mediaType") not in _INDEXES:
        return ()
    if not isinstance(listed, list):
        raise _Flaw("expected a list of `manifests`")
    return tuple(dict.fromkeys(_described(entry) for entry in listed))


def _subject(document: Mapping[str, object]) -> Digest | None:
    subject = document.get("subject")
    return None if subject is None else _described(subject)


def _described(value: object) -> Digest:
    digest = parse_digest(value.get("digest")) if isinstance(value, dict) else None
    if digest is None:
        raise _Flaw("expected a descriptor with a sha256 or sha512 digest for each child and for the subject")
    return digest


def _blobs(document: Mapping[str, object]) -> tuple[Blob, ...]:
    lists = [value for key in ("layers", "blobs") if isinstance(value := document.get(key), list)]
    entries = [document.get("config"), *(entry for value in lists for entry in value)]
    ours = (entry for entry in entries if isinstance(entry, dict) and not entry.get("urls"))  # else it lies elsewhere
    digests = ((parse_digest(entry.get("digest")), entry.get("size")) for entry in ours)
    return tuple(Blob(digest, values.size(number)) for digest, number in digests if digest is not None)


def _unreadable(repository: str, digest: Digest, flaw: _Flaw) -> ManifestUnreadable:
    return ManifestUnreadable(
        f"the manifest {repository}@{digest} cannot be read: {flaw}",
        "Nothing of this repository is deleted; delete or push the manifest anew",
    )
