"""What is known of a registry when its plan is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.plan import HoldReason
from cleaner.model.verdict import Judgement
from cleaner.retention.policy import Policy


@dataclass(frozen=True, slots=True)
class Judged:
    """A repository that was read whole and judged."""

    listing: Listing
    policy: Policy
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A repository that could not be listed (`listing` None, law 3), or one of whose manifests not read (law 2)."""

    repository: str
    policy: Policy | None
    reason: HoldReason
    detail: str
    listing: Listing | None = None


Place: TypeAlias = Judged | LeftAlone | Listing
"""What became of a repository: judged, left alone, or a bare listing where no policy speaks of it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Every repository of a registry, each in one of three places, and what its manifests are."""

    registry: str
    judged: tuple[Judged, ...]
    left_alone: tuple[LeftAlone, ...]
    unmanaged: tuple[Listing, ...]
    contents: Mapping[Digest, Content]

    def listed(self) -> tuple[Listing, ...]:
        """The listings of all repositories that could be listed."""
        held = (place.listing for place in self.left_alone if place.listing is not None)
        return (*(place.listing for place in self.judged), *held, *self.unmanaged)

    def read_whole(self) -> bool:
        """Whether every repository was listed, and every manifest of those under a policy read."""
        return not self.left_alone
