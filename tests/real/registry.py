"""A real registry (Debian's docker-registry) on loopback: started, filled, read, and its garbage collected."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPTED = ", ".join(
    (
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")

# No blob cache: with one, a running registry vouches for blobs that a collection has taken.
_CONFIG = """\
version: 0.1
log: {{level: info}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:0"}}
"""

Descriptor = Mapping[str, Any]
"""How a manifest points to a blob or to another manifest: `mediaType`, `digest`, `size`, and more."""


def sha256(content: bytes) -> str:
    """The digest that names these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A running registry; repositories are named as clients name them (`acme/shop/web`)."""

    address: str
    config: Path
    storage: Path
    http: httpx.Client

    def push_blob(self, repository: str, content: bytes, media_type: str) -> Descriptor:
        """Upload a blob in one go."""
        digest = sha256(content)
        place = self.http.post(f"/v2/{repository}/blobs/uploads/").raise_for_status().headers["location"]
        self.http.put(httpx.URL(place).copy_merge_params({"digest": digest}), content=content).raise_for_status()
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def push_manifest(self, repository: str, manifest: Mapping[str, Any], tag: str = "") -> Descriptor:
        """Upload a manifest as it stands, under a tag or, without one, under its digest only."""
        body = json.dumps(manifest).encode()
        media_type, digest = manifest["mediaType"], sha256(body)
        path = f"/v2/{repository}/manifests/{tag or digest}"
        self.http.put(path, content=body, headers={"content-type": media_type}).raise_for_status()
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def has(self, repository: str, reference: str) -> bool:
        """Whether a tag or digest is there; any answer but 200 and 404 is an error."""
        answer = self.http.head(f"/v2/{repository}/manifests/{reference}", headers={"accept": ACCEPTED})
        return answer.status_code != 404 and answer.raise_for_status().is_success

    def manifest(self, repository: str, reference: str) -> bytes:
        """A manifest's very bytes."""
        path = f"/v2/{repository}/manifests/{reference}"
        return self.http.get(path, headers={"accept": ACCEPTED}).raise_for_status().content

    def digest(self, repository: str, tag: str) -> str:
        """The digest that a tag stands for."""
        return sha256(self.manifest(repository, tag))

    def family(self, repository: str, digest: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """A manifest and all that it lists, at any depth, under their digests, which their bytes must hash to."""
        body = self.manifest(repository, digest)
        assert sha256(body) == digest
        parsed = json.loads(body)
        yield digest, parsed
        for child in parsed.get("manifests", ()):
            yield from self.family(repository, child["digest"])

    def is_nested(self, repository: str, tag: str) -> bool:
        """Whether a tag stands for an index that lists an index."""
        _, *below = self.family(repository, self.digest(repository, tag))
        return any("manifests" in manifest for _, manifest in below)

    def pull_whole(self, repository: str, digest: str) -> None:
        """Fetch and hash a manifest, all that it lists, and every blob of these."""
        for _, manifest in self.family(repository, digest):
            for blob in (manifest["config"], *manifest["layers"]) if "layers" in manifest else ():
                content = self.http.get(f"/v2/{repository}/blobs/{blob['digest']}").raise_for_status().content
                assert sha256(content) == blob["digest"]

    def stored(self) -> dict[str, int]:
        """The size on disk of every blob, manifests' bodies among them, by digest."""
        blobs = (self.storage / "docker/registry/v2/blobs/sha256").glob("*/*/data")
        return {f"sha256:{data.parent.name}": data.stat().st_size for data in blobs}


@contextmanager
def real_registry(folder: Path) -> Iterator[RealRegistry]:
    """A registry that keeps all it has under `folder`, and that ends with the context."""
    config, log, storage = folder / "config.yml", folder / "registry.log", folder / "storage"
    config.write_text(_CONFIG.format(storage=storage))
    with log.open("w") as out, subprocess.Popen(["docker-registry", "serve", config], stdout=out, stderr=out) as server:
        try:
            address = _address(server, log)
            with httpx.Client(base_url=f"http://{address}", timeout=20, trust_env=False) as http:
                yield RealRegistry(address, config, storage, http)
        finally:
            server.terminate()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(500):  # ten seconds
        if listening := _LISTENING.search(log.read_text()):
            return listening[1]
        assert server.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"no registry listens: {log.read_text()}")
