"""Who lists whom, and who is attached to whom, within one repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleaner.model.manifest import Digest


@dataclass(frozen=True, slots=True)
class Families:
    """The edges between the manifests of one listing; both ends of each edge are present in it.

    `indexes` gives for a child the indexes that list it; `subjects` for an attachment what it is attached to;
    `children` and `attachments` are their inverses. Every tuple is sorted. `absent` holds, for a manifest, the
    children and subjects that it names and that the repository does not have: reported, they play no part.
    """

    indexes: Mapping[Digest, tuple[Digest, ...]]
    subjects: Mapping[Digest, tuple[Digest, ...]]
    children: Mapping[Digest, tuple[Digest, ...]]
    attachments: Mapping[Digest, tuple[Digest, ...]]
    absent: Mapping[Digest, tuple[Digest, ...]]

    def above(self, digest: Digest) -> tuple[Digest, ...]:
        """The indexes that list `digest`, then the subjects that it is attached to."""
        return self.indexes.get(digest, ()) + self.subjects.get(digest, ())

    def below(self, digest: Digest) -> tuple[Digest, ...]:
        """The children that `digest` lists, then what is attached to it."""
        return self.children.get(digest, ()) + self.attachments.get(digest, ())
