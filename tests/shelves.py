"""Small registries in plain words: images, indexes and signatures by their tags and ages; and a policy for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from cleaner.simulator.behaviour import Behaviour
from tests.house import START, TOKEN, House

OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

LAYER_BYTES = 1000
LATENCY = timedelta(milliseconds=30)
COLLECTION = timedelta(seconds=9)


class Shelf:
    """A repository in the making. Each manifest is put on it with its tags, so many days old; its digest comes back."""

    def __init__(self, name: str = "shop") -> None:
        self.name = name
        self.manifests: list[dict[str, object]] = []

    def image(self, *tags: str, days: float = 30, subject: str = "", shared: Sequence[str] = ()) -> str:
        """An image with a layer of its own, and the layers `shared`, by name; with a subject it is attached to that."""
        names = (f"{self.name} {len(self.manifests)}", *shared)
        layers = [{"digest": digest_of(name), "size": LAYER_BYTES} for name in names]
        body = {"mediaType": OCI_IMAGE, "config": layers[0], "layers": layers}
        blobs = [{"digest": layer["digest"], "compressed_size_bytes": LAYER_BYTES} for layer in layers]
        return self._put(body, tags, days, subject, blobs)

    def index(self, children: Sequence[str], *tags: str, days: float = 30, subject: str = "") -> str:
        """An index that lists `children`, whether they are here or not."""
        listed = [{"mediaType": OCI_IMAGE, "digest": child, "size": 1} for child in children]
        return self._put({"mediaType": OCI_INDEX, "manifests": listed}, tags, days, subject, [])

    def signature(self, of: str, *, days: float = 30, ending: str = ".sig") -> str:
        """What an attachment tag attaches to another manifest."""
        return self.image(of.replace(":", "-") + ending, days=days)

    def _put(
        self, body: Mapping[str, object], tags: Sequence[str], days: float, subject: str, blobs: Sequence[object]
    ) -> str:
        attached = {"subject": {"mediaType": OCI_IMAGE, "digest": subject, "size": 1}} if subject else {}
        annotations = {"shelf": f"{self.name} {len(self.manifests)}"}
        text = json.dumps({"schemaVersion": 2, **body, **attached, "annotations": annotations})
        digest = digest_of(text)
        pushed = (START - timedelta(days=days)).isoformat().replace("+00:00", "Z")
        self.manifests.append(
            {"digest": digest, "updated_at": pushed, "tags": list(tags), "blobs": list(blobs), "body": text}
        )
        return digest


def digest_of(text: str) -> str:
    """The digest of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def registry(*shelves: Shelf, name: str = "acme") -> dict[str, object]:
    """What the simulator loads."""
    repositories = [{"name": shelf.name, "manifests": shelf.manifests} for shelf in shelves]
    return {"registries": [{"name": name, "region": "fra1", "repositories": repositories}]}


def policy(
    keep: str,
    *,
    mode: str = "enforce",
    in_use: str = "none",
    limits: str = "share: 100%, keep_at_least: 1",
    collection: str = "min_freed: 0B",
    rest: str = "",
    top: str = "",
) -> str:
    """A configuration with one policy for all repositories; `rest` are more keys of that policy, `top` of the file."""
    return f"""
mode: {mode}
protect: {{in_use: {in_use}}}
limits: {{{limits}}}
{top}
registries:
  - name: acme
    garbage_collection: {{{collection}}}
    policies:
      - repositories: ["*"]
        keep: {keep}
        {rest}
"""


def house(
    content: Mapping[str, object], configuration: str, state: Path, *, collection_duration: timedelta = COLLECTION
) -> House:
    """A house whose simulator takes 30 ms for each answer, so that time passes."""
    behaviour = Behaviour(token=TOKEN, latency=LATENCY)
    return House(content, configuration, state, collection_duration=collection_duration, behaviour=behaviour)


def left(of: House, repository: str = "shop") -> set[str]:
    """The digests that a repository holds now."""
    return {digest for name, digest in of.digests() if name == repository}
