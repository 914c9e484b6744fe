"""A repository in the making: images and indexes with real bodies under their true digests, tags, times."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cleaner.model.manifest import Blob, Content, Digest
from tests.registries import Entry, Moment, Repository

OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

AGES = tuple(timedelta(hours=h) for h in (0, 1, 12, 24, 48, 72, 168, 336, 720, 8760))
"""Ages that random manifests have exactly, or miss by a little; random policies draw their limits from these too."""

NAMED_TAGS = ("latest", "main", "hold-me", "release-1", "release-2", "nightly-1", "nightly-2", "22-slim", "22-alpine")
ODD_TAGS = (
    "1.10", "01.2.3", "1.2.03", "v1.2.3-rc1", "V1.2.3", "vv1.2.3", "1.2.3.4", "1.2", "1.2.3\n", "१.२.३", "1.2.\uff13",
    "ünï-code", "🐋", 'quo"te\\back', "a/b%2F..", "tab\tline\nend", "x" * 128, "*", "[v]?", "re:.*", "sha-0a1b2c3",
    "sha256-" + "A" * 64, "sha256-" + "a" * 64 + ".sig\n", "sha256-" + "a" * 63, "sha256-" + "b" * 64 + ".SIG",
)  # fmt: skip
UNREADABLE_TIMES = (None, "", "yesterday", "2026-13-45T99:00:00Z", "1969-12-31T23:59:59Z", "0000-00-00T00:00:00Z")


def digest_of(body: str) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(body.encode()).hexdigest()}")


class Stock:
    """A repository in the making. Bodies come first, since digests name them; tags are put on at any time."""

    def __init__(self, rng: random.Random, now: datetime, layers: Sequence[Blob]) -> None:
        self.rng = rng
        self.entries: dict[Digest, Entry] = {}
        self.deleted: dict[Digest, tuple[Digest, ...]] = {}
        self._tags: dict[str, Digest] = {}
        self._now = now
        self._layers = layers
        self._usual = [random_moment(rng, now) for _ in range(4)]

    def image(self, subject: Digest | None = None, moment: Moment | None = None) -> Digest:
        """Add an image (or, with a subject, an artifact attached to it)."""
        config = Blob(digest_of(f"config {self.rng.random()}"), self.rng.randrange(100, 9999))
        layers = self.rng.sample(self._layers, self.rng.randint(0, 2))
        media_type = OCI_IMAGE if subject else self.rng.choice((OCI_IMAGE, DOCKER_IMAGE))
        body = {
            "config": _descriptor(CONFIG, config.digest, config.size),
            "layers": [_descriptor(LAYER, layer.digest, layer.size) for layer in layers],
        }
        blobs = (config, *layers)
        return self._add(body, Content(digest_of(""), media_type, (), subject, blobs), moment or self._moment())

    def index(self, children: Sequence[Digest], subject: Digest | None = None) -> Digest:
        """Add an index that lists `children`, whether they are here or not."""
        media_type = OCI_INDEX if subject else self.rng.choice((OCI_INDEX, DOCKER_INDEX))
        body = {
            "manifests": [_descriptor(OCI_IMAGE, child, len(child)) for child in children],
            "annotations": {"build": str(self.rng.random())},
        }
        return self._add(
            body, Content(digest_of(""), media_type, tuple(dict.fromkeys(children)), subject), self._moment()
        )

    def tag(self, digest: Digest, *tags: str) -> Digest:
        """Put those of `tags` that are free on a manifest: a tag is never on two."""
        for tag in tags:
            self._tags.setdefault(tag, digest)
        return digest

    def remove(self, digest: Digest) -> None:
        """Take a manifest away as one that we deleted."""
        self.deleted[digest] = self.entries.pop(digest).content.children

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Have the same manifests as another repository, without their tags."""
        self.entries |= {entry.digest: entry for entry in entries}

    def any(self) -> Digest:
        """Some manifest of this repository."""
        return self.rng.choice(list(self.entries)) if self.entries else self.image()

    def absent(self) -> Digest:
        """A digest that this repository does not have."""
        return digest_of(f"absent {self.rng.random()}")

    def repository(self, name: str) -> Repository:
        """The finished repository."""
        tags: dict[Digest, list[str]] = {}
        for tag, digest in self._tags.items():
            tags.setdefault(digest, []).append(tag)
        entries = [
            Entry(e.digest, e.moment, tuple(tags.get(e.digest, ())), e.blobs, e.body, e.content)
            for e in self.entries.values()
        ]
        return Repository(name, tuple(sorted(entries, key=lambda entry: entry.digest)), self.deleted)

    def _moment(self) -> Moment:
        return self.rng.choice(self._usual) if self.rng.random() < 0.8 else random_moment(self.rng, self._now)

    def _add(self, body: Mapping[str, object], content: Content, moment: Moment) -> Digest:
        subject = content.subject
        attached = {"subject": _descriptor(OCI_IMAGE, subject, len(subject))} if subject else {}
        text = json.dumps({"schemaVersion": 2, "mediaType": content.media_type, **body, **attached})
        digest = digest_of(text)
        content = Content(digest, content.media_type, content.children, subject, content.blobs)
        self.entries[digest] = Entry(digest, moment, (), _listed(self.rng, content.blobs), text, content)
        return digest


def _descriptor(media_type: str, digest: Digest, size: int | None) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _listed(rng: random.Random, blobs: tuple[Blob, ...]) -> tuple[Blob, ...] | None:
    """What the control plane says of the blobs: usually all, sometimes without sizes, sometimes nothing."""
    if rng.random() < 0.1:
        return None
    return tuple(Blob(blob.digest, None) if rng.random() < 0.1 else blob for blob in blobs)


def random_moment(rng: random.Random, now: datetime) -> Moment:
    """Mostly a time exactly at a boundary or a second beside it, at times none that is readable, or the future."""
    if rng.random() < 0.08:
        return Moment(rng.choice(UNREADABLE_TIMES), None)
    nudge = timedelta(seconds=rng.choice((0, 0, 1, -1, 1800)))
    age = rng.choice(AGES) if rng.random() < 0.6 else timedelta(hours=rng.randrange(24 * 40))
    if rng.random() < 0.05:
        age = -age
    return stated(rng, now - age + nudge)


def stated(rng: random.Random, time: datetime) -> Moment:
    """A time with or without a fraction, as the provider states them."""
    return Moment(time.strftime(rng.choice(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000Z"))), time)


def random_tag(rng: random.Random) -> str:
    """A version, a variant, a pull request, a dated tag, a name, or an odd one."""
    version = f"{rng.randrange(3)}.{rng.randrange(3)}.{rng.randrange(3)}"
    shapes = (
        version,
        f"v{version}",
        f"{version}-{rng.choice(('slim', 'alpine'))}",
        f"pr-{rng.randrange(3)}",
        f"pr-{rng.randrange(3)}-{rng.choice(('0a1b2c3', '4d5e6f7'))}",
        f"22-slim-2026{rng.randrange(1, 13):02}01",
        rng.choice(NAMED_TAGS),
        rng.choice(ODD_TAGS),
    )
    return rng.choice(shapes)
