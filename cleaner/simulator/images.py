"""Makes images that can be pulled and verified: real manifests over layers whose bytes follow from a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

from cleaner.simulator.contents import Contents
from cleaner.simulator.manifests import OCI_INDEX, OCI_MANIFEST, descriptors
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.storage import StoredBlob

Descriptor: TypeAlias = dict[str, object]
"""How manifests and indexes refer to content: media type, digest, size in bytes, and whatever else they add."""

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_IN_TOTO = "application/vnd.in-toto+json"
_EMPTY = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a manifest appears, and the tags that it carries now."""

    repository: str
    at: datetime
    tags: tuple[str, ...] = ()


def number(seed: str, low: int, high: int) -> int:
    """A number from `low` to `high` that follows from `seed`."""
    return low + int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % (high - low + 1)


def seeded_bytes(seed: str, size: int) -> bytes:
    """`size` bytes that follow from `seed`."""
    block = hashlib.sha512(seed.encode()).digest() * 64
    return (block * (size // len(block) + 1))[:size]


class Workshop:
    """Builds into one registry's contents."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._layers: dict[str, Descriptor] = {}

    def layer(self, seed: str, low: int, high: int) -> Descriptor:
        """The layer of that seed, of `low` to `high` bytes; they are made anew whenever it is pulled."""
        if seed not in self._layers:
            self._layers[seed] = self._new_layer(seed, low, high)
        return self._layers[seed]

    def _new_layer(self, seed: str, low: int, high: int) -> Descriptor:
        size = number(seed, low, high)
        make = partial(seeded_bytes, seed, size)
        digest = _digest(make())
        self._contents.store(digest, StoredBlob(size, make))
        return {"mediaType": _LAYER, "digest": digest, "size": size}

    def document(self, value: object, media_type: str) -> Descriptor:
        """A small JSON blob."""
        content = _json(value)
        self._contents.put_blob(_digest(content), content)
        return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}

    def image(self, place: Place, layers: Sequence[Descriptor], architecture: str = "amd64") -> Descriptor:
        """An image of one platform."""
        platform = {"architecture": architecture, "os": "linux"}
        diff_ids = [layer["digest"] for layer in layers]
        config = self.document({**platform, "rootfs": {"type": "layers", "diff_ids": diff_ids}}, _CONFIG)
        image = self._put(place, {"mediaType": OCI_MANIFEST, "config": config, "layers": layers})
        return {**image, "platform": platform}

    def attestation(self, place: Place, image: Descriptor) -> Descriptor:
        """What buildx attaches to an image: a sibling of the platform unknown/unknown."""
        platform = {"architecture": "unknown", "os": "unknown"}
        statement = self.document({"predicateType": "provenance", "subject": image["digest"]}, _IN_TOTO)
        config = self.document({**platform, "statement": statement["digest"]}, _CONFIG)
        attestation = self._put(place, {"mediaType": OCI_MANIFEST, "config": config, "layers": [statement]})
        notes = {
            "vnd.docker.reference.digest": image["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }
        return {**attestation, "annotations": notes, "platform": platform}

    def index(self, place: Place, children: Sequence[Descriptor]) -> Descriptor:
        """An index of images, attestations or other indexes."""
        return self._put(place, {"mediaType": OCI_INDEX, "manifests": children})

    def signature(self, place: Place, signed: Descriptor) -> Descriptor:
        """A cosign signature as registries without referrers store it: under a tag that names what is signed."""
        tag = str(signed["digest"]).replace(":", "-") + ".sig"
        payload = self.document({"critical": {"image": {"docker-manifest-digest": signed["digest"]}}}, _SIMPLE_SIGNING)
        config = self.document({"rootfs": {"type": "layers", "diff_ids": [payload["digest"]]}}, _CONFIG)
        manifest = {"mediaType": OCI_MANIFEST, "config": config, "layers": [payload]}
        return self._put(Place(place.repository, place.at, (tag,)), manifest)

    def referrer(self, place: Place, subject: Descriptor, artifact_type: str) -> Descriptor:
        """An artifact that names its subject (OCI 1.1)."""
        part = self.document({"about": subject["digest"], "as": artifact_type}, artifact_type)
        manifest = {
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": self.document({}, _EMPTY),
            "layers": [part],
            "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
        }
        return self._put(place, manifest)

    def _put(self, place: Place, manifest: Mapping[str, object]) -> Descriptor:
        body = _json({"schemaVersion": 2, **manifest})
        digest = _digest(body)
        blobs = list(descriptors(manifest, "config", "layers"))
        compressed = sum(blob.size for blob in blobs)
        entry: dict[str, object] = {
            "digest": digest,
            "updated_at": rfc3339(place.at),
            "tags": list(place.tags),
            "compressed_size_bytes": compressed,
            "size_bytes": compressed * 5 // 2,
            "blobs": [{"digest": blob.digest, "compressed_size_bytes": blob.size} for blob in blobs],
        }
        self._contents.load(place.repository, entry, body)
        return {"mediaType": manifest["mediaType"], "digest": digest, "size": len(body)}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
