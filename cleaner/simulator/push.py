"""The data plane's writing half: manifests, and blobs in one piece or in several."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from starlette.responses import Response

from cleaner.simulator.distribution import Call, Denial
from cleaner.simulator.manifests import Descriptor, descriptors, parsed
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.storage import Entry, Push
from cleaner.simulator.world import World

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def put_manifest(world: World, call: Call) -> Response:
    """PUT of a manifest by tag or digest; what it lists must be there already."""
    digest = f"sha256:{hashlib.sha256(call.body).hexdigest()}"
    tag = _tag(call.params["reference"], digest)
    manifest = parsed(call.body)
    if not manifest:
        raise Denial(400, "MANIFEST_INVALID", "the body is no manifest: expected a JSON object")
    blobs = list(descriptors(manifest, "config", "layers"))
    _check_references(call, manifest, blobs)
    call.registry.storage.put_manifest(call.repository, Push(digest, _entry(world, digest, blobs), call.body, tag))
    headers = {"location": call.location(f"manifests/{digest}"), "docker-content-digest": digest}
    for subject in descriptors(manifest, "subject"):
        headers["oci-subject"] = subject.digest
    return Response(status_code=201, headers=headers)


class Uploads:
    """Blobs on their way in: the bytes received so far, by the upload's identifier."""

    def __init__(self) -> None:
        self._received: dict[str, bytes] = {}

    def start(self, world: World, call: Call) -> Response:
        """POST …/blobs/uploads/: 202, or 201 where the blob comes along or can be mounted."""
        if call.registry.storage.blob(call.query.get("mount", "")) is not None:
            return _stored(call, call.query["mount"])
        if "digest" in call.query:
            return _store(call, call.query["digest"], call.body)
        uuid = world.new_id()
        self._received[uuid] = b""
        return self._accepted(call, uuid)

    def append(self, _world: World, call: Call) -> Response:
        """PATCH of an upload: 202."""
        uuid = self._known(call)
        self._received[uuid] += call.body
        return self._accepted(call, uuid)

    def finish(self, _world: World, call: Call) -> Response:
        """PUT of an upload with its digest: 201."""
        response = _store(call, call.query.get("digest", ""), self._received[self._known(call)] + call.body)
        del self._received[call.params["uuid"]]
        return response

    def _known(self, call: Call) -> str:
        uuid = call.params["uuid"]
        if uuid not in self._received:
            raise Denial(404, "BLOB_UPLOAD_UNKNOWN", f"upload {uuid} is unknown")
        return uuid

    def _accepted(self, call: Call, uuid: str) -> Response:
        headers = {
            "location": call.location(f"blobs/uploads/{uuid}"),
            "docker-upload-uuid": uuid,
            "range": f"0-{max(len(self._received[uuid]) - 1, 0)}",
        }
        return Response(status_code=202, headers=headers)


def _tag(reference: str, digest: str) -> str | None:
    """The tag that a reference is, None where it is the digest."""
    if ":" in reference:
        if reference != digest:
            raise Denial(400, "DIGEST_INVALID", f"the body's digest is {digest}, not {reference}")
        return None
    if not _TAG.fullmatch(reference):
        raise Denial(400, "TAG_INVALID", f"{reference} cannot be a tag")
    return reference


def _check_references(call: Call, manifest: Mapping[str, object], blobs: list[Descriptor]) -> None:
    storage = call.registry.storage
    missing = [blob.digest for blob in blobs if storage.blob(blob.digest) is None]
    children = [child.digest for child in descriptors(manifest, "manifests")]
    missing += [child for child in children if storage.body(call.repository, child) is None]
    if missing:
        raise Denial(400, "MANIFEST_BLOB_UNKNOWN", f"the manifest lists what {call.name} lacks", *missing)


def _entry(world: World, digest: str, blobs: list[Descriptor]) -> Entry:
    """The listing's entry of a fresh push; its uncompressed size is worked out later (API page, "Objects")."""
    return {
        "digest": digest,
        "updated_at": rfc3339(world.now()),
        "compressed_size_bytes": sum(blob.size for blob in blobs),
        "size_bytes": 0,
        "blobs": [{"digest": blob.digest, "compressed_size_bytes": blob.size} for blob in blobs],
    }


def _store(call: Call, digest: str, content: bytes) -> Response:
    if digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise Denial(400, "DIGEST_INVALID", f"the uploaded bytes are not {digest}")
    call.registry.storage.put_blob(digest, content)
    return _stored(call, digest)


def _stored(call: Call, digest: str) -> Response:
    headers = {"location": call.location(f"blobs/{digest}"), "docker-content-digest": digest}
    return Response(status_code=201, headers=headers)
