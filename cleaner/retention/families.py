"""Who lists whom and who is attached to whom (policy page, "Versions, attachments, families")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from cleaner.model.family import Families
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest


def families_of(listing: Listing, contents: Mapping[Digest, Content]) -> Families:
    """The edges between the manifests of one listing, and what they name that it lacks.

    Raises:
        KeyError: a manifest of the listing has no entry in `contents`; what it is must never be guessed (law 2).
    """
    return families_among(listing.by_digest(), contents)


def families_among(present: Mapping[Digest, Manifest], contents: Mapping[Digest, Content]) -> Families:
    """The edges between these manifests of one repository, and what they name that is none of them.

    Raises:
        KeyError: one of them has no entry in `contents`.
    """
    children = {digest: _others(contents[digest].children, digest) for digest in present}
    subjects = {digest: subjects_of(manifest, contents[digest]) for digest, manifest in present.items()}
    absent = {digest: [d for d in children[digest] | subjects[digest] if d not in present] for digest in present}
    listed = {digest: [d for d in children[digest] if d in present] for digest in present}
    attached = {digest: [d for d in subjects[digest] if d in present] for digest in present}
    return Families(
        indexes=_sorted(_inverse(listed)),
        subjects=_sorted(attached),
        children=_sorted(listed),
        attachments=_sorted(_inverse(attached)),
        absent=_sorted(absent),
    )


def subjects_of(manifest: Manifest, content: Content) -> frozenset[Digest]:
    """What it is attached to, present or not: its `subject` and what its attachment tags name, never itself."""
    named = manifest.named_subjects
    return _others(named if content.subject is None else (content.subject, *named), manifest.digest)


def _others(digests: Iterable[Digest], own: Digest) -> frozenset[Digest]:
    return frozenset(digest for digest in digests if digest != own)


def _inverse(edges: Mapping[Digest, Iterable[Digest]]) -> dict[Digest, list[Digest]]:
    inverse: dict[Digest, list[Digest]] = defaultdict(list)
    for start, ends in edges.items():
        for end in ends:
            inverse[end].append(start)
    return inverse


def _sorted(edges: Mapping[Digest, Iterable[Digest]]) -> dict[Digest, tuple[Digest, ...]]:
    return {digest: tuple(sorted(ends)) for digest, ends in edges.items() if ends}
