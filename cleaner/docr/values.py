"""What comes over the wire, as the values of the model.

What only informs (sizes, times) becomes None where it is garbled; what decides (a digest, the tags, a uuid) is an
error.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cleaner.docr import wire
from cleaner.errors import ListingIncomplete, MalformedAnswer
from cleaner.model.collection import Collection
from cleaner.model.manifest import Blob, Manifest, parse_digest
from cleaner.model.registry import RegistryInfo, Subscription

_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_REPOSITORY_LENGTH = 255


def time(value: object) -> datetime | None:
    """The moment that RFC 3339 text spells, in UTC; None for anything else, and before 1970 (policy page, "Age").

    Fractions of a second may have any number of digits; those beyond microseconds are dropped.
    """
    match = _RFC_3339.fullmatch(value.upper()) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or "")[:7] + match[3]).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= _EPOCH else None


def size(value: object) -> int | None:
    """A number of bytes, or of anything that is counted, below 2**63; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def text(value: object) -> str:
    """The text itself, empty for anything else."""
    return value if isinstance(value, str) else ""


def manifest(repository: str, entry: wire.ManifestEntry) -> Manifest:
    """An entry of a listing as a value.

    Raises:
        ListingIncomplete: it has no readable digest, or its tags are no list of names.
    """
    digest = parse_digest(entry.digest)
    if digest is None:
        raise _unreadable(repository, "a manifest without a readable digest", "sha256: or sha512: and lower-case hex")
    tags = _tags(entry.tags)
    if tags is None:
        raise _unreadable(repository, f"unreadable tags of {digest}", "a list of names, or nothing")
    return Manifest(repository, digest, time(entry.updated_at), tags, _blobs(entry.blobs))


def repository_name(entry: wire.RepositoryEntry) -> str:
    """A repository's name, fit to stand in a path.

    Raises:
        MalformedAnswer: it is missing, longer than 255 characters, unprintable, or means another place in a path.
    """
    name = entry.name
    if isinstance(name, str) and 0 < len(name) <= _REPOSITORY_LENGTH and name.isprintable() and name not in (".", ".."):
        return name
    raise MalformedAnswer(
        f"the list of repositories holds {ascii(name)[:80]}, which is no name of a repository",
        "Look at the registry in the provider's panel, and report it there",
    )


def last_push(entry: wire.RepositoryEntry) -> datetime | None:
    """When a repository's newest manifest was pushed, as far as that can be read."""
    newest = entry.latest_manifest
    return time(newest.get("updated_at")) if isinstance(newest, dict) else None


def collection(entry: wire.CollectionEntry) -> Collection:
    """A garbage collection as a value.

    Raises:
        MalformedAnswer: it has no readable uuid or status, so that it could not be followed.
    """
    uuid, status = text(entry.uuid), text(entry.status)
    if not _UUID.fullmatch(uuid) or not status:
        raise MalformedAnswer(
            "expected a garbage collection with a uuid and a status, got one without",
            "Run again: it is looked for anew",
        )
    created, updated = time(entry.created_at), time(entry.updated_at)
    freed, blobs = size(entry.freed_bytes), size(entry.blobs_deleted)
    return Collection(uuid, status, created, updated, freed, blobs, text(entry.type))


def only_collection(answer: wire.CollectionAnswer) -> Collection:
    """The garbage collection that an answer holds.

    Raises:
        MalformedAnswer: as `collection`.
    """
    return collection(answer.garbage_collection or wire.CollectionEntry())


def registry(answer: wire.RegistryAnswer) -> RegistryInfo:
    """The registry that an answer holds; nameless where it holds none."""
    found = answer.registry or wire.RegistryEntry()
    updated = time(found.storage_usage_bytes_updated_at)
    return RegistryInfo(text(found.name), text(found.region), size(found.storage_usage_bytes), updated)


def usage(answer: wire.RegistriesAnswer, name: str) -> tuple[int | None, int | None]:
    """The bytes that the registry `name` uses, and those that the account's registries use together."""
    ours = next((entry for entry in answer.registries or () if entry.name == name), wire.RegistryEntry())
    return size(ours.storage_usage_bytes), size(answer.total_storage_usage_bytes)


def subscription(answer: wire.SubscriptionAnswer) -> Subscription:
    """The subscription that an answer holds; what it does not say is None."""
    tier = (answer.subscription or wire.SubscriptionEntry()).tier or wire.TierEntry()
    overage = tier.allow_storage_overage
    return Subscription(
        tier=text(tier.name),
        included_storage_bytes=size(tier.included_storage_bytes),
        included_repositories=size(tier.included_repositories),
        allow_overage=overage if isinstance(overage, bool) else None,
        monthly_price_cents=size(tier.monthly_price_in_cents),
        overage_price_cents=size(tier.storage_overage_price_in_cents),
    )


def _tags(value: object) -> tuple[str, ...] | None:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tag, str) and tag for tag in value):
        return None
    return tuple(dict.fromkeys(value))


def _blobs(value: object) -> tuple[Blob, ...] | None:
    if not isinstance(value, list):
        return None
    blobs = [_blob(entry) for entry in value]
    return tuple(blob for blob in blobs if blob is not None) if None not in blobs else None


def _blob(entry: object) -> Blob | None:
    if not isinstance(entry, dict):
        return None
    digest = parse_digest(entry.get("digest"))
    return Blob(digest, size(entry.get("compressed_size_bytes"))) if digest else None


def _unreadable(repository: str, found: str, expected: str) -> ListingIncomplete:
    return ListingIncomplete(
        f"the listing of {repository} holds {found}: expected {expected}",
        "Nothing of it is deleted; look at the repository in the provider's panel",
    )
