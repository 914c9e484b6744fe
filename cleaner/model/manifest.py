"""A manifest as the control plane lists it, and the digest that names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

Digest = NewType("Digest", str)
"""A content address, `sha256:<64 hex>` or `sha512:<128 hex>`, lower case."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ATTACHMENT_TAG = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?")


def parse_digest(text: object) -> Digest | None:
    """The digest that `text` spells, or None where it spells none."""
    if isinstance(text, str) and _DIGEST.fullmatch(text):
        return Digest(text)
    return None


def attachment_subject(tag: str) -> Digest | None:
    """The digest that an attachment tag names (policy page, "Versions, attachments, families"), else None."""
    match = _ATTACHMENT_TAG.fullmatch(tag)
    return Digest(f"sha256:{match[1]}") if match else None


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer or configuration that manifests refer to; `size` in bytes (compressed), None where not stated."""

    digest: Digest
    size: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One entry of a repository's listing.

    `updated_at` is None where the listing gave no readable time from 1970 on. `blobs` is None where the
    listing did not say. `tags` are distinct, in the listing's order.
    """

    repository: str
    digest: Digest
    updated_at: datetime | None
    tags: tuple[str, ...] = ()
    blobs: tuple[Blob, ...] | None = None

    @property
    def version_tags(self) -> tuple[str, ...]:
        """Its tags that are no attachment tags; a manifest that has one is a version."""
        return tuple(tag for tag in self.tags if attachment_subject(tag) is None)

    @property
    def named_subjects(self) -> tuple[Digest, ...]:
        """The digests that its attachment tags name, never its own."""
        named = (attachment_subject(tag) for tag in self.tags)
        return tuple(digest for digest in named if digest is not None and digest != self.digest)

    @property
    def is_version(self) -> bool:
        """Whether it carries a tag that is no attachment tag."""
        return bool(self.version_tags)


@dataclass(frozen=True, slots=True)
class Content:
    """What a manifest is, read once from the data plane and true for ever: its digest names these bytes.

    `children` are the digests that an index lists, `subject` what it is attached to (OCI 1.1), `blobs` its
    configuration and layers.
    """

    digest: Digest
    media_type: str
    children: tuple[Digest, ...] = ()
    subject: Digest | None = None
    blobs: tuple[Blob, ...] = ()
