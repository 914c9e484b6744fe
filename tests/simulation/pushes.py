"""What other people do in the registry: they push, sign, move tags, and go on from what they have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from cleaner.simulator.contents import Contents, digest_of, tags_of
from cleaner.simulator.storage import Entry, Push

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

Body = Mapping[str, object]


@dataclass(slots=True)
class Pushes:
    """Everybody who pushes to one registry. `bodies` has whatever was pushed there, gone or not.

    `tagged` tells when a tag was last put on something, by repository and tag.
    """

    storage: Contents
    rng: Random
    now: Callable[[], datetime]
    bodies: dict[str, bytes] = field(default_factory=dict)
    tagged: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _count: int = 0

    def build(self, repository: str, age: timedelta = timedelta()) -> str:
        """A build: an image, or an index of several and an attestation, with one or two tags."""
        at, tags = self.now() - age, self._tags(age)
        if self.rng.random() < 0.6:
            return self.image(repository, tags, at)
        children = [self.image(repository, (), at) for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.1:
            children.append(self.index(repository, [self.image(repository, (), at)], (), at))
        return self.index(repository, children, tags, at)

    def image(self, repository: str, tags: Sequence[str], at: datetime, subject: str | None = None) -> str:
        """An image; with a subject it is attached to that."""
        self._count += 1
        names = (f"config {self._count}", f"layer {self._count}", f"shared {self.rng.randint(1, 4)}")
        config, *layers = ({"digest": _digest(name.encode()), "size": 1000 + len(name)} for name in names)
        body: dict[str, object] = {"mediaType": IMAGE, "config": config, "layers": layers}
        if subject is not None:
            body["subject"] = {"mediaType": IMAGE, "digest": subject, "size": 1}
        return self._put(repository, body, (config, *layers), tags, at)

    def index(self, repository: str, children: Sequence[str], tags: Sequence[str], at: datetime) -> str:
        """An index that lists these, whether they are there or not."""
        self._count += 1
        listed = [{"mediaType": IMAGE, "digest": child, "size": 1} for child in children]
        body = {"mediaType": INDEX, "manifests": listed, "annotations": {"build": str(self._count)}}
        return self._put(repository, body, (), tags, at)

    def sign(self, repository: str, digest: str) -> None:
        """A signature by tag, or a referrer by subject."""
        if self.rng.random() < 0.5:
            self.image(repository, (digest.replace(":", "-") + ".sig",), self.now())
        else:
            self.image(repository, (), self.now(), digest)

    def push_again(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        """The very bytes that were there before."""
        body = json.loads(self.bodies[digest])
        blobs = [body["config"], *body["layers"]] if "config" in body else []
        self._put(repository, body, blobs, tags, self.now())

    def move_tag(self, repository: str, tag: str, digest: str) -> None:
        """A tag comes onto what is there: that leaves no trace in its time."""
        self.storage.delete_tag(repository, tag)
        self.tagged[repository, tag] = self.now()
        for entry in self.entries(repository):
            if digest_of(entry) == digest:
                entry["tags"] = [*tags_of(entry), tag]

    def entries(self, repository: str) -> Sequence[Entry]:
        """What is there."""
        return self.storage.manifests(repository) or ()

    def tags(self, repository: str) -> list[tuple[str, str]]:
        """Every tag that names a version, and what it points to."""
        pairs = ((str(tag), digest_of(entry)) for entry in self.entries(repository) for tag in tags_of(entry))
        return [(tag, digest) for tag, digest in pairs if not tag.startswith("sha256-")]

    def carrier(self, repository: str, tag: str) -> str | None:
        """What a tag points to."""
        return dict(self.tags(repository)).get(tag)

    def config_of(self, digest: str) -> str | None:
        """The digest of an image's configuration, None for an index."""
        return next(iter(self.blobs_of(digest)), None)

    def blobs_of(self, digest: str) -> list[str]:
        """An image's configuration and layers, none for an index."""
        body = json.loads(self.bodies[digest])
        return [body["config"]["digest"], *(layer["digest"] for layer in body["layers"])] if "config" in body else []

    def _tags(self, age: timedelta) -> tuple[str, ...]:
        number, day = self._count, (self.now() - age).strftime("%Y%m%d")
        version = f"v1.{self.rng.randint(0, 4)}.{number}"
        kinds = ((f"sha-{number:07x}",), (version,), (version, "main"), (f"sha-{number:07x}", "main"))
        others = (
            (f"nightly-{day}",),
            (f"pr-{self.rng.randint(1, 4)}-{number}",),
            (f"odd-{number}",),
            ("latest", version),
        )
        return self.rng.choice((*kinds, *kinds, *others))

    def _put(
        self, repository: str, body: Body, blobs: Sequence[Mapping[str, object]], tags: Sequence[str], at: datetime
    ) -> str:
        content = json.dumps({"schemaVersion": 2, **body}).encode()
        digest = _digest(content)
        listed = [{"digest": blob["digest"], "compressed_size_bytes": blob["size"]} for blob in blobs]
        entry: Entry = {"digest": digest, "updated_at": at.isoformat().replace("+00:00", "Z"), "blobs": listed}
        self.bodies[digest] = content
        for tag in tags or (None,):
            self.storage.put_manifest(repository, Push(digest, entry, content, tag))
            if tag is not None:
                self.tagged[repository, tag] = self.now()
        return digest


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
