"""What an audit finds: what cannot be pulled, what is attached to nothing, and what runs and is not there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What is wrong."""

    BROKEN_TAG = "broken_tag"
    """A tag that cannot be pulled completely: a child or a blob is missing."""
    DANGLING_ATTACHMENT = "dangling_attachment"
    """A signature, attestation or referrer whose subject is gone."""
    MISSING_IMAGE = "missing_image"
    """Something uses an image that the registry does not have."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `name` is the image (repository:tag or repository@digest), `detail` says what it lacks.

    `where` says who uses it, empty where nobody is known to.
    """

    kind: FindingKind
    repository: str
    name: str
    detail: str
    where: str = ""
