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
