"""A registry's storage and the subscription it is paid by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RegistryInfo:
    """A registry as the account sees it; `storage_bytes` is worked out later than it changes."""

    name: str
    region: str
    storage_bytes: int | None
    storage_updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """The account's plan: storage in bytes, prices in US cents, overage per GiB; None where not stated."""

    tier: str
    included_storage_bytes: int | None
    included_repositories: int | None
    allow_overage: bool | None
    monthly_price_cents: int | None
    overage_price_cents: int | None


_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Storage:
    """A registry's storage against the subscription of its account; sizes in bytes, None where not stated.

    `used_by_account` is what all registries of the account use together: they share what is included.
    """

    used: int | None
    used_by_account: int | None
    included: int | None
    overage_price_cents: float | None

    @property
    def overage_cents(self) -> float | None:
        """What a month of the storage beyond the included costs, in US cents; None where it cannot be worked out."""
        if self.used_by_account is None or self.included is None:
            return None
        beyond = max(0, self.used_by_account - self.included)
        if beyond == 0:
            return 0.0
        return None if self.overage_price_cents is None else beyond / _GIB * self.overage_price_cents
