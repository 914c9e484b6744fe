"""Every manifest of one repository, complete and consistent."""

from __future__ import annotations

from dataclasses import dataclass

from cleaner.model.manifest import Digest, Manifest


@dataclass(frozen=True, slots=True)
class Listing:
    """All manifests of one repository, sorted by digest. Only `docr/pages.py` builds one (law 3)."""

    repository: str
    manifests: tuple[Manifest, ...]

    def by_digest(self) -> dict[Digest, Manifest]:
        """The manifests under their digests."""
        return {manifest.digest: manifest for manifest in self.manifests}
