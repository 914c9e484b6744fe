"""A registry's contents in memory: the storage that load files and pushes fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cleaner.simulator.manifests import descriptors, parsed
from cleaner.simulator.storage import Entry, Freed, Push, StoredBlob


@dataclass(slots=True)
class Repository:
    """One repository: entries under what they give as their digest (several may give the same, or none), and bytes."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def add(self, entry: Entry, body: bytes | None) -> None:
        """Append an entry as it is; `body` is known under its digest."""
        digest = digest_of(entry)
        self.entries.setdefault(digest, []).append(entry)
        if body is not None:
            self.bodies[digest] = body

    def listing(self) -> list[Entry]:
        """All entries, in the order of their arrival."""
        return [entry for same in self.entries.values() for entry in same]

    def referred(self) -> Iterator[str]:
        """The digests of all blobs that its manifests refer to."""
        for entry in self.listing():
            for digest, _ in references(entry, self.bodies.get(digest_of(entry))):
                yield digest


class Contents:
    """Repositories and blobs of one registry.

    Blobs are stored when a manifest that refers to them arrives, with the size that it states (0 where it
    states none), or when they are uploaded; they stay until a garbage collection.
    """

    def __init__(self) -> None:
        self._repositories: dict[str, Repository] = {}
        self._blobs: dict[str, StoredBlob] = {}

    def load(self, repository: str, entry: Entry, body: bytes | None) -> None:
        """Add an entry as a load file gives it."""
        self.add_repository(repository).add(entry, body)
        self._store_references(entry, body)

    def add_repository(self, name: str) -> Repository:
        """The repository of that name, made where there is none."""
        return self._repositories.setdefault(name, Repository())

    def repositories(self) -> list[str]:
        """The names of its repositories, sorted."""
        return sorted(self._repositories)

    def manifests(self, repository: str) -> list[Entry] | None:
        """The listing of `repository`, None where there is no such repository."""
        found = self._repositories.get(repository)
        return None if found is None else found.listing()

    def body(self, repository: str, digest: str) -> bytes | None:
        """The bytes of a manifest, None where they are unknown."""
        found = self._repositories.get(repository)
        return None if found is None else found.bodies.get(digest)

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Delete a manifest with its tags; whether there was one."""
        found = self._repositories.get(repository)
        if found is None or digest not in found.entries:
            return False
        del found.entries[digest]
        found.bodies.pop(digest, None)
        return True

    def delete_tag(self, repository: str, tag: str) -> None:
        """Take `tag` off whatever carries it, if anything does."""
        for entry in self.manifests(repository) or ():
            if tag in tags_of(entry):
                entry["tags"] = [other for other in tags_of(entry) if other != tag]

    def delete_repository(self, repository: str) -> None:
        """Delete a repository with all its manifests, if there is one."""
        self._repositories.pop(repository, None)

    def free_unreferenced(self) -> Freed:
        """Remove the blobs that no manifest of any repository refers to."""
        referred = {digest for found in self._repositories.values() for digest in found.referred()}
        gone = [digest for digest in self._blobs if digest not in referred]
        return Freed(len(gone), sum(self._blobs.pop(digest).size for digest in gone))

    def stored_bytes(self) -> int:
        """The sizes of all stored blobs together, in bytes."""
        return sum(blob.size for blob in self._blobs.values())

    def put_manifest(self, repository: str, push: Push) -> None:
        """Store a manifest, in a new repository where need be; its tag leaves what carried it before."""
        found = self.add_repository(repository)
        tags = [tag for entry in found.entries.get(push.digest, ()) for tag in tags_of(entry)]
        if push.tag is not None:
            self.delete_tag(repository, push.tag)
            tags = [*(tag for tag in tags if tag != push.tag), push.tag]
        known = found.entries.get(push.digest, [{}])[0]
        entry = {**push.entry, **known, "updated_at": push.entry.get("updated_at"), "tags": tags}
        found.entries[push.digest] = [entry]
        found.bodies[push.digest] = push.body
        self._store_references(push.entry, push.body)

    def blob(self, digest: str) -> StoredBlob | None:
        """A stored blob, None where there is none."""
        return self._blobs.get(digest)

    def put_blob(self, digest: str, content: bytes) -> None:
        """Store a blob that was uploaded."""
        self.store(digest, StoredBlob(len(content), lambda: content))

    def store(self, digest: str, blob: StoredBlob) -> None:
        """Store a blob whose bytes can be made."""
        self._blobs[digest] = blob

    def _store_references(self, entry: Entry, body: bytes | None) -> None:
        for digest, size in references(entry, body):
            known = self._blobs.get(digest)
            if known is None or (known.content is None and known.size < size):
                self._blobs[digest] = StoredBlob(size)


def digest_of(entry: Entry) -> str:
    """What an entry gives as its digest, empty where that is missing or no text."""
    digest = entry.get("digest")
    return digest if isinstance(digest, str) else ""


def tags_of(entry: Entry) -> list[object]:
    """An entry's tags as they are, none where they are missing or no list."""
    tags = entry.get("tags")
    return tags if isinstance(tags, list) else []


def references(entry: Entry, body: bytes | None) -> Iterator[tuple[str, int]]:
    """The blobs that a manifest refers to, with their sizes in bytes; what has no readable digest is left out.

    As its entry lists them; where that leaves them out, as its own bytes do, which is what a registry goes by.
    """
    blobs = entry.get("blobs")
    if not isinstance(blobs, list):
        for descriptor in descriptors(parsed(body or b""), "config", "layers", "blobs"):
            yield descriptor.digest, descriptor.size
        return
    for blob in blobs:
        if isinstance(blob, Mapping) and isinstance(digest := blob.get("digest"), str):
            size = blob.get("compressed_size_bytes")
            yield digest, size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else 0
