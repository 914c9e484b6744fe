"""What the simulator asks of a registry's contents.

`contents.Contents` keeps them in memory. Another implementation may stand in front of something real; where
the data plane is switched off, the last three methods are never called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Entry: TypeAlias = dict[str, object]
"""One manifest of a listing, in the load file's shape without `body`; any value may be missing or garbled."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What a garbage collection removed; `bytes` counts each blob once."""

    blobs: int
    bytes: int


NOTHING = Freed(0, 0)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A stored blob: its size in bytes, and how its bytes are made, None where nobody knows them."""

    size: int
    content: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A manifest as it was pushed: its listing entry (tags aside), its bytes, and the tag that comes to point at it."""

    digest: str
    entry: Entry
    body: bytes
    tag: str | None


class Storage(Protocol):
    """One registry's repositories, manifests, tags and blobs."""

    def repositories(self) -> Sequence[str]:
        """The names of its repositories, sorted."""
        ...

    def manifests(self, repository: str) -> Sequence[Entry] | None:
        """The listing of `repository`, None where there is no such repository."""
        ...

    def body(self, repository: str, digest: str) -> bytes | None:
        """The bytes of a manifest, None where they are unknown."""
        ...

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Delete a manifest with its tags; whether there was one."""
        ...

    def delete_tag(self, repository: str, tag: str) -> None:
        """Take `tag` off whatever carries it, if anything does."""
        ...

    def delete_repository(self, repository: str) -> None:
        """Delete a repository with all its manifests, if there is one."""
        ...

    def free_unreferenced(self) -> Freed:
        """Remove the blobs that no manifest of any repository refers to."""
        ...

    def stored_bytes(self) -> int:
        """The sizes of all stored blobs together, in bytes."""
        ...

    def put_manifest(self, repository: str, push: Push) -> None:
        """Store a manifest, in a new repository where need be; its tag leaves what carried it before."""
        ...

    def blob(self, digest: str) -> StoredBlob | None:
        """A stored blob, None where there is none."""
        ...

    def put_blob(self, digest: str, content: bytes) -> None:
        """Store a blob that was uploaded."""
        ...
