"""Where images are made and pushed as people do it: by buildah and skopeo, and by hand what neither of them makes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.parts import run
from tests.real.registry import INDEX, MANIFEST, Descriptor, RealRegistry

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder of buildah's, and the registry's namespace that everything is pushed to."""

    folder: Path
    registry: RealRegistry
    namespace: str

    @classmethod
    def under(cls, folder: Path, registry: RealRegistry, namespace: str) -> Workshop:
        """A workshop in a new folder of its own."""
        place = folder / "workshop"
        place.mkdir()
        return cls(place, registry, namespace)

    def built(self, name: str, base: str = "scratch", platform: str = "linux/amd64") -> str:
        """An image by buildah: the layers of `base` and one of its own. Gives the name it has in buildah's store."""
        content = self.folder / name
        content.write_bytes(_bytes(name, 9_000))
        container = self._buildah("from", "--pull-never", "--platform", platform, base)
        self._buildah("copy", container, str(content), f"/{name}")
        self._buildah("commit", "--quiet", "--rm", container, name)
        return name

    def push(self, image: str, repository: str, *tags: str) -> str:
        """Push an image that buildah built, then give it its other tags by skopeo. Gives its digest."""
        first, *others = (f"docker://{self.registry.address}/{self.name(repository)}:{tag}" for tag in tags)
        self._buildah("push", "--quiet", "--tls-verify=false", image, first)
        for other in others:
            run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", first, other)
        return self.registry.digest(self.name(repository), tags[0])

    def push_index(self, repository: str, tag: str, *images: str) -> str:
        """Push an index of images that buildah built, and these with it, untagged. Gives the index's digest."""
        self._buildah("manifest", "create", tag, *images)
        place = f"docker://{self.registry.address}/{self.name(repository)}:{tag}"
        self._buildah("manifest", "push", "--quiet", "--all", "--format", "v2s2", "--tls-verify=false", tag, place)
        return self.registry.digest(self.name(repository), tag)

    def write(self, repository: str, content: str, tag: str = "", **more: Any) -> Descriptor:
        """An image written by hand: one layer and a configuration, both made from the text, and `more` beside them."""
        blobs = {
            "config": self._blob(repository, json.dumps({"os": "linux", "author": content}).encode(), CONFIG),
            "layers": [self._blob(repository, _bytes(content, 5_000 + len(content)), LAYER)],
        }
        return self._manifest(repository, tag, {"schemaVersion": 2, "mediaType": MANIFEST, **blobs, **more})

    def write_index(self, repository: str, children: list[Descriptor], tag: str = "") -> Descriptor:
        """An index written by hand."""
        return self._manifest(repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": children})

    def name(self, repository: str) -> str:
        """A repository's name on the data plane."""
        return f"{self.namespace}/{repository}"

    def _blob(self, repository: str, content: bytes, media_type: str) -> Descriptor:
        return self.registry.push_blob(self.name(repository), content, media_type)

    def _manifest(self, repository: str, tag: str, manifest: Mapping[str, Any]) -> Descriptor:
        return self.registry.push_manifest(self.name(repository), manifest, tag)

    def _buildah(self, *arguments: str) -> str:
        places = ("--root", str(self.folder / "store"), "--runroot", str(self.folder / "run"))
        return run("buildah", "--storage-driver", "vfs", *places, *arguments).strip()


def _bytes(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)
