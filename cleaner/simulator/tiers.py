"""The plans an account can have (API page, "Objects"), and what stands against each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

REGIONS = ("nyc3", "sfo3", "sfo2", "ams3", "sgp1", "fra1", "blr1", "syd1")


@dataclass(frozen=True, slots=True)
class Tier:
    """A plan; 0 included repositories are unlimited ones, sizes in bytes, prices in US cents, overage per GiB."""

    name: str
    slug: str
    included_repositories: int
    included_storage_bytes: int
    allow_storage_overage: bool
    included_bandwidth_bytes: int
    monthly_price_in_cents: int
    storage_overage_price_in_cents: int | None

    def as_json(self) -> dict[str, object]:
        """The tier as answers show it; the overage's price is missing where there is no overage."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def objections(self, repositories: int, stored_bytes: int) -> Sequence[str]:
        """Why an account of that size cannot have it; empty where it can."""
        too_many = self.included_repositories and repositories > self.included_repositories
        too_large = not self.allow_storage_overage and stored_bytes > self.included_storage_bytes
        reasons = {"OverRepositoryLimit": too_many, "OverStorageLimit": too_large}
        return [reason for reason, holds in reasons.items() if holds]


_MIB, _GIB = 2**20, 2**30

TIERS = {
    tier.slug: tier
    for tier in (
        Tier("Starter", "starter", 1, 500 * _MIB, False, 500 * _MIB, 0, None),
        Tier("Basic", "basic", 5, 5 * _GIB, True, 5 * _GIB, 500, 2),
        Tier("Professional", "professional", 0, 100 * _GIB, True, 100 * _GIB, 2000, 2),
    )
}
