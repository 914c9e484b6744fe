"""The simulated registry as people see it: they push to it, move its tags, and pull from it.

What a pull needs is remembered from what was pushed, by nothing that decides in the cleaner.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.simulator.contents import digest_of, tags_of
from cleaner.simulator.storage import Entry, Push
from tests.changes import entries, move_tag
from tests.house import House
from tests.shelves import OCI_IMAGE, OCI_INDEX

REPOSITORIES = ("web", "shop/api")
_ENDINGS = (".sig", ".att", ".sbom", "")


@dataclass(frozen=True, slots=True)
class Built:
    """A manifest as its bytes say: what it lists, what it is attached to, and the blobs that it needs."""

    digest: str
    body: bytes
    children: tuple[str, ...] = ()
    subject: str | None = None
    blobs: tuple[str, ...] = ()


@dataclass(slots=True)
class Registry:
    """A registry, every manifest that was ever pushed to it, and when each was pushed last, by repository and digest.

    `moved` are the tags that somebody has put somewhere since the set was cleared last, each with its repository.
    """

    house: House
    built: dict[str, Built] = field(default_factory=dict)
    pushes: dict[tuple[str, str], datetime] = field(default_factory=dict)
    moved: set[tuple[str, str]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def read_only(self) -> bool:
        """Whether a garbage collection is active."""
        self.house.world.advance()
        return self.house.registry_of_the_world().active_collection is not None

    def image(self, repository: str, at: datetime, subject: str | None = None) -> str:
        """Somebody pushes a new image, or with a subject something that is attached to it; its digest."""
        number = next(self._numbers)
        blobs = (_hash(f"config {number}"), _hash(f"layer {number}"), _hash(f"base of {repository}"))
        listed = [{"digest": blob, "size": 1000} for blob in blobs]
        body: dict[str, object] = {"mediaType": OCI_IMAGE, "config": listed[0], "layers": listed[1:]}
        if subject is not None:
            body["subject"] = {"mediaType": OCI_IMAGE, "digest": subject, "size": 1}
        return self._push_new(repository, body, at, Built("", b"", (), subject, blobs))

    def index(self, repository: str, children: Sequence[str], at: datetime) -> str:
        """Somebody pushes an index that lists these; its digest."""
        listed = [{"mediaType": OCI_IMAGE, "digest": child, "size": 1} for child in children]
        body = {"mediaType": OCI_INDEX, "manifests": listed, "annotations": {"build": str(next(self._numbers))}}
        return self._push_new(repository, body, at, Built("", b"", tuple(dict.fromkeys(children))))

    def again(self, repository: str, digest: str, at: datetime) -> None:
        """Somebody pushes the same bytes again, with all that they list."""
        for child in self.built[digest].children:
            self.again(repository, child, at)
        self._push(repository, self.built[digest], at)

    def tag(self, repository: str, tag: str, digest: str) -> None:
        """Somebody puts a tag on a manifest, off whatever carried it: that leaves no trace in any time."""
        move_tag(self.house, tag, digest, repository)
        self.moved.add((repository, tag))

    def sign(self, repository: str, subject: str, at: datetime, ending: str) -> None:
        """Somebody pushes a signature: attached by its tag where it has an ending, by its subject where it has none."""
        if not ending:
            self.image(repository, at, subject)
            return
        self.tag(repository, subject.replace(":", "-") + ending, self.image(repository, at))

    def tags(self, repository: str) -> dict[str, tuple[str, ...]]:
        """The tags of each manifest that is there now."""
        return {digest_of(entry): tuple(map(str, tags_of(entry))) for entry in entries(self.house, repository)}

    def carriers(self, repository: str) -> dict[str, str]:
        """What each tag is on now."""
        return {tag: digest for digest, tags in self.tags(repository).items() for tag in tags}

    def pulls(self, repository: str, digest: str) -> bool:
        """Whether a manifest can be pulled whole: it, all that it lists at any depth, and every blob."""
        return not list(self.missing(repository, digest))

    def missing(self, repository: str, digest: str) -> Iterator[str]:
        """What a pull of it would not find: manifests and blobs."""
        storage, built = self.house.registry_of_the_world().storage, self.built[digest]
        if storage.body(repository, digest) is None:
            yield digest
        yield from (blob for blob in built.blobs if storage.blob(blob) is None)
        for child in built.children:
            yield from self.missing(repository, child)

    def attached_to(self, digest: str, tags: Sequence[str]) -> set[str]:
        """What a manifest that carries these tags is attached to."""
        named = {"sha256:" + tag[7:71] for tag in tags if tag.startswith("sha256-")}
        subject = self.built[digest].subject
        return named | ({subject} if subject is not None else set())

    def _push_new(self, repository: str, body: Mapping[str, object], at: datetime, says: Built) -> str:
        content = json.dumps({"schemaVersion": 2, **body}).encode()
        built = Built(_hash(content), content, says.children, says.subject, says.blobs)
        self.built[built.digest] = built
        self._push(repository, built, at)
        return built.digest

    def _push(self, repository: str, built: Built, at: datetime) -> None:
        blobs = [{"digest": blob, "compressed_size_bytes": 1000} for blob in built.blobs]
        entry: Entry = {"digest": built.digest, "updated_at": at.isoformat().replace("+00:00", "Z"), "blobs": blobs}
        storage = self.house.registry_of_the_world().storage
        storage.put_manifest(repository, Push(built.digest, entry, built.body, None))
        self.pushes[repository, built.digest] = at


def _hash(content: str | bytes) -> str:
    return f"sha256:{hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()}"
