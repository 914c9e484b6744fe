"""What the provider does with its registry, done to a real one: lists what is stored, deletes, collects garbage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cleaner.simulator.storage import Entry, Freed, Push, StoredBlob
from tests.real.parts import run
from tests.real.registry import RealRegistry


@dataclass(frozen=True, slots=True)
class RealStorage:
    """A real registry's contents under one namespace, as the simulator's control plane asks for them.

    Everything is read from the disk, as it is at that moment, but for the times: a manifest was pushed before
    `start` by its age in `ages` (under repository and digest), else by `age`.
    """

    registry: RealRegistry
    namespace: str
    start: datetime
    age: timedelta
    ages: Mapping[tuple[str, str], timedelta]

    def repositories(self) -> list[str]:
        """Every folder that holds manifests."""
        found = (folder.parent.relative_to(self._root) for folder in self._root.rglob("_manifests"))
        return sorted(str(name) for name in found)

    def manifests(self, repository: str) -> list[Entry] | None:
        """The manifests that the repository links to, with the tags that stand at each."""
        folder = self._root / repository / "_manifests"
        if not folder.is_dir():
            return None
        tags = {(tag, digest) for (where, tag), digest in self.tags().items() if where == repository}
        digests = sorted(link.read_text() for link in folder.glob("revisions/sha256/*/link"))
        return [self._entry(repository, digest, sorted(tag for tag, at in tags if at == digest)) for digest in digests]

    def tags(self) -> dict[tuple[str, str], str]:
        """The digest that each tag stands at, by repository and tag."""
        folders = ((repository, self._root / repository / "_manifests/tags") for repository in self.repositories())
        links = ((repository, link) for repository, folder in folders for link in sorted(folder.glob("*/current/link")))
        return {(repository, link.parent.parent.name): link.read_text() for repository, link in links}

    def body(self, repository: str, digest: str) -> bytes | None:
        """A manifest's bytes, as the registry serves them."""
        return self.registry.manifest(f"{self.namespace}/{repository}", digest)

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Have the registry delete a manifest; its tags go with it."""
        answer = self.registry.http.delete(f"/v2/{self.namespace}/{repository}/manifests/{digest}")
        return answer.status_code != 404 and answer.raise_for_status().is_success

    def free_unreferenced(self) -> Freed:
        """Run the registry's own garbage collection, of unreferenced blobs only, and measure what it took."""
        before = self.registry.stored()
        run("docker-registry", "garbage-collect", str(self.registry.config))
        gone = before.keys() - self.registry.stored().keys()
        return Freed(len(gone), sum(before[digest] for digest in gone))

    def stored_bytes(self) -> int:
        """What all blobs take on the disk."""
        return sum(self.registry.stored().values())

    def delete_tag(self, repository: str, tag: str) -> None:
        """Nobody may ask for that."""
        raise AssertionError(f"asked to delete the tag {repository}:{tag}")

    def delete_repository(self, repository: str) -> None:
        """Nobody may ask for that."""
        raise AssertionError(f"asked to delete the repository {repository}")

    def put_manifest(self, repository: str, push: Push) -> None:
        """The registry has a data plane of its own."""
        raise AssertionError(f"asked to store {push.digest} in {repository}")

    def blob(self, digest: str) -> StoredBlob | None:
        """The registry has a data plane of its own."""
        raise AssertionError(f"asked for the blob {digest}")

    def put_blob(self, digest: str, content: bytes) -> None:
        """The registry has a data plane of its own."""
        raise AssertionError(f"asked to store the blob {digest} of {len(content)} bytes")

    @property
    def _root(self) -> Path:
        return self.registry.storage / "docker/registry/v2/repositories" / self.namespace

    def _data(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return self.registry.storage / "docker/registry/v2/blobs" / algorithm / name[:2] / name / "data"

    def _entry(self, repository: str, digest: str, tags: list[str]) -> Entry:
        sizes = {blob: self._data(blob).stat().st_size for blob in _blobs(self._data(digest).read_bytes())}
        pushed = self.start - self.ages.get((repository, digest), self.age)
        return {
            "digest": digest,
            "updated_at": pushed.isoformat(),
            "tags": tags,
            "compressed_size_bytes": sum(sizes.values()),
            "size_bytes": 0,
            "blobs": [{"digest": blob, "compressed_size_bytes": size} for blob, size in sizes.items()],
        }


def _blobs(body: bytes) -> Iterator[str]:
    manifest = json.loads(body)
    for descriptor in (manifest["config"], *manifest["layers"]) if "layers" in manifest else ():
        yield descriptor["digest"]
