"""What the judge says of each manifest of one repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.family import Families
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.reason import GoReason, KeepReason


@dataclass(frozen=True, slots=True)
class Kept:
    """The manifest stays, for every one of these reasons."""

    manifest: Manifest
    reasons: tuple[KeepReason, ...]


@dataclass(frozen=True, slots=True)
class Condemned:
    """The manifest falls outside the policy, for these reasons; limits may still hold it back."""

    manifest: Manifest
    reasons: tuple[GoReason, ...]


Verdict: TypeAlias = Kept | Condemned


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a judge noticed beside the verdicts; from these the plan makes its warnings.

    `selecting` are the numbers of the policy's rules that select anything here, `no_versions` the tags that a
    `semver` rule selects and that are no version, `unmatched` the version tags that no rule selects.
    """

    selecting: frozenset[int]
    no_versions: tuple[str, ...]
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict for each manifest of a repository, and the families they were judged in."""

    repository: str
    verdicts: Mapping[Digest, Verdict]
    families: Families
    remarks: Remarks

    def condemned(self) -> dict[Digest, Condemned]:
        """The verdicts that condemn, by digest."""
        return {d: v for d, v in self.verdicts.items() if isinstance(v, Condemned)}
