"""The data plane's reading half: manifests, blobs, tags, referrers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from starlette.responses import Response

from cleaner.simulator.answers import answer
from cleaner.simulator.contents import digest_of, tags_of
from cleaner.simulator.distribution import Call, Denial
from cleaner.simulator.manifests import OCI_INDEX, descriptors, media_type, parsed
from cleaner.simulator.storage import Entry, StoredBlob
from cleaner.simulator.world import World


def get_manifest(_world: World, call: Call) -> Response:
    """GET and HEAD of a manifest, by tag or by digest; one whose bytes are unknown is a 404."""
    digest = _resolved(call, call.params["reference"])
    body = call.registry.storage.body(call.repository, digest)
    if body is None:
        raise Denial(404, "MANIFEST_UNKNOWN", f"manifest {call.params['reference']} is unknown to {call.name}")
    kind = media_type(parsed(body))
    if not _accepted(call.headers.get("accept", "*/*"), kind):
        raise Denial(404, "MANIFEST_UNKNOWN", f"manifest {digest} is {kind}, which the request does not accept")
    headers = {"docker-content-digest": digest, "etag": f'"{digest}"'}
    return Response(body, headers=headers, media_type=kind)


def get_blob(_world: World, call: Call) -> Response:
    """GET of a blob; one whose bytes are unknown is a 404."""
    digest = call.params["digest"]
    content = _blob(call, digest).content
    if content is None:
        raise Denial(404, "BLOB_UNKNOWN", f"nobody knows the bytes of blob {digest}")
    return Response(content(), headers={"docker-content-digest": digest}, media_type="application/octet-stream")


def head_blob(_world: World, call: Call) -> Response:
    """HEAD of a blob: whether it is stored, also where nobody knows its bytes."""
    digest = call.params["digest"]
    headers = {"docker-content-digest": digest, "content-length": str(_blob(call, digest).size)}
    return Response(headers=headers, media_type="application/octet-stream")


def list_tags(_world: World, call: Call) -> Response:
    """GET …/tags/list, sorted; `n` and `last` as the distribution specification says."""
    tags = sorted({tag for entry in _entries(call) for tag in tags_of(entry) if isinstance(tag, str)})
    after = [tag for tag in tags if tag > call.query.get("last", "")]
    count = call.query.get("n", str(len(after)))
    if not (count.isascii() and count.isdecimal()):
        raise Denial(400, "PAGINATION_NUMBER_INVALID", "n must be a number from 0")
    shown = after[: int(count)]
    response = answer({"name": call.name, "tags": shown})
    if shown and len(shown) < len(after):
        response.headers["link"] = f'<{call.location("tags/list")}?last={quote(shown[-1])}&n={count}>; rel="next"'
    return response


def list_referrers(_world: World, call: Call) -> Response:
    """GET …/referrers/{digest}: an index of the manifests whose subject it is, filtered by `artifactType`."""
    wanted = call.query.get("artifactType")
    found = [item for item in _referrers(call) if wanted in {None, item["artifactType"]}]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    response = answer(index)
    response.headers["content-type"] = OCI_INDEX
    if wanted is not None:
        response.headers["oci-filters-applied"] = "artifactType"
    return response


def _referrers(call: Call) -> Iterator[Mapping[str, object]]:
    for entry in _entries(call):
        digest = digest_of(entry)
        body = call.registry.storage.body(call.repository, digest) or b""
        manifest = parsed(body)
        if any(subject.digest == call.params["digest"] for subject in descriptors(manifest, "subject")):
            yield {
                "mediaType": media_type(manifest),
                "digest": digest,
                "size": len(body),
                "artifactType": _artifact_type(manifest),
            }


def _artifact_type(manifest: Mapping[str, object]) -> object:
    """Its own, else its configuration's media type, as the distribution specification says."""
    config = manifest.get("config")
    return manifest.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)


def _blob(call: Call, digest: str) -> StoredBlob:
    blob = call.registry.storage.blob(digest)
    if blob is None:
        raise Denial(404, "BLOB_UNKNOWN", f"blob {digest} is unknown to {call.registry.name}")
    return blob


def _entries(call: Call) -> Sequence[Entry]:
    entries = call.registry.storage.manifests(call.repository)
    if entries is None:
        raise Denial(404, "NAME_UNKNOWN", f"repository {call.name} is unknown")
    return entries


def _resolved(call: Call, reference: str) -> str:
    if ":" in reference:
        return reference
    return next((digest_of(entry) for entry in _entries(call) if reference in tags_of(entry)), "")


def _accepted(header: str, kind: str) -> bool:
    accepted = {part.partition(";")[0].strip().lower() for part in header.split(",")}
    return not accepted.isdisjoint({kind.lower(), "*/*", "application/*"})
