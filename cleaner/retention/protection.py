"""What keeps a manifest besides the rules (policy page, "What keeps besides the rules" and "Age and order")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cleaner.model.manifest import Manifest
from cleaner.model.reason import NoTime, ProtectedDigest, ProtectedTag, Young
from cleaner.retention.policy import Protections


def protected(
    manifest: Manifest, age: timedelta | None, protections: Protections
) -> Iterator[NoTime | Young | ProtectedTag | ProtectedDigest]:
    """Every protection that keeps the manifest, version or not; `age` is None where it has no time."""
    if age is None:
        yield NoTime(future=manifest.updated_at is not None)
    elif age < protections.grace:
        yield Young(age, protections.grace)
    for tag in manifest.tags:
        for pattern in protections.tags:
            if pattern.matches(tag):
                yield ProtectedTag(tag, pattern.text)
    if manifest.digest in protections.digests:
        yield ProtectedDigest()
