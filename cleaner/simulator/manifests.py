"""What a manifest's own bytes say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What one manifest says of a blob or of another manifest; `size` in bytes."""

    digest: str
    size: int


def parsed(body: bytes) -> Mapping[str, object]:
    """A manifest's JSON object, empty where its bytes are none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def media_type(manifest: Mapping[str, object]) -> str:
    """What it says it is, else what it looks like."""
    stated = manifest.get("mediaType")
    if isinstance(stated, str):
        return stated
    return OCI_INDEX if "manifests" in manifest else OCI_MANIFEST


def descriptors(manifest: Mapping[str, object], *keys: str) -> Iterator[Descriptor]:
    """The descriptors under these keys, each a descriptor or a list of them; what has no digest is left out."""
    for key in keys:
        value = manifest.get(key)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(digest := item.get("digest"), str):
                size = item.get("size")
                yield Descriptor(digest, size if isinstance(size, int) else 0)
