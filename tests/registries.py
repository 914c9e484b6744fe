"""Registries as values: what a listing states, what the data plane serves, and the simulator's load file of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, Manifest


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a listing states it (None: it leaves the key out), and what a reader should make of it."""

    text: str | None
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One manifest: what the control plane lists, what the data plane serves, and what it is."""

    digest: Digest
    moment: Moment
    tags: tuple[str, ...]
    blobs: tuple[Blob, ...] | None
    body: str
    content: Content


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; `deleted` holds indexes and subjects that we deleted, with the children that they listed."""

    name: str
    entries: tuple[Entry, ...]
    deleted: Mapping[Digest, tuple[Digest, ...]]

    def listing(self) -> Listing:
        """Every manifest as our reader of pages gives it."""
        return Listing(self.name, tuple(self._manifest(entry) for entry in self.entries))

    def contents(self) -> dict[Digest, Content]:
        """What each of its manifests is."""
        return {entry.digest: entry.content for entry in self.entries}

    def _manifest(self, entry: Entry) -> Manifest:
        return Manifest(self.name, entry.digest, entry.moment.time, entry.tags, entry.blobs)


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry at a moment: times in it are relative to `now`."""

    name: str
    now: datetime
    repositories: tuple[Repository, ...]


def load_file(*registries: Registry) -> dict[str, object]:
    """What the simulator loads (contracts, "Load file")."""
    return {
        "registries": [
            {
                "name": registry.name,
                "region": "fra1",
                "repositories": [
                    {"name": repository.name, "manifests": [_served(entry) for entry in repository.entries]}
                    for repository in registry.repositories
                ],
            }
            for registry in registries
        ]
    }


def _served(entry: Entry) -> dict[str, object]:
    """An entry as the control plane lists it, with its body; what is not known is left out."""
    served: dict[str, object] = {"digest": entry.digest, "body": entry.body}
    served["compressed_size_bytes"] = sum(blob.size or 0 for blob in entry.blobs or ())
    if entry.moment.text is not None:
        served["updated_at"] = entry.moment.text
    if entry.tags:
        served["tags"] = list(entry.tags)
    if entry.blobs is not None:
        served["size_bytes"] = 2 * sum(blob.size or 0 for blob in entry.blobs)
        served["blobs"] = [_served_blob(blob) for blob in entry.blobs]
    return served


def _served_blob(blob: Blob) -> dict[str, object]:
    size = {} if blob.size is None else {"compressed_size_bytes": blob.size}
    return {"digest": blob.digest, **size}
