"""The parts of a plan as JSON, the same in `cleaner plan` and at the daemon's API (contracts, "JSON")."""

from __future__ import annotations

from cleaner.figures import rfc3339_or_none
from cleaner.model.plan import Deletion, HeldBack, Unmanaged, Waiting
from cleaner.retention.words import say

Document = dict[str, object]


def deletion_document(deletion: Deletion) -> Document:
    """A manifest that goes, and why."""
    return {
        "repository": deletion.manifest.repository,
        "digest": deletion.manifest.digest,
        "tags": list(deletion.manifest.tags),
        "mode": deletion.mode.value,
        "reasons": [say(reason) for reason in deletion.reasons],
    }


def announced_document(announced: Waiting) -> Document:
    """A manifest that goes once its notice has run out, and when that is."""
    return {**deletion_document(announced.deletion), "goes_at": rfc3339_or_none(announced.goes_at)}


def held_back_document(held_back: HeldBack) -> Document:
    """What stays for now, and why."""
    return {
        "repository": held_back.repository,
        "reason": held_back.reason.value,
        "detail": held_back.detail,
        "manifests": held_back.manifests,
    }


def unmanaged_document(unmanaged: Unmanaged) -> Document:
    """A repository under no policy."""
    return {"repository": unmanaged.repository, "manifests": unmanaged.manifests, "bytes": unmanaged.bytes}
