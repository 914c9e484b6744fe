"""A registry's storage against what its account's subscription includes, for the status page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from cleaner.daemon.board import Known
from cleaner.daemon.figures import Moment, dollars, moment
from cleaner.figures import size
from cleaner.model.registry import Storage

NEAR = 0.9
"""From this share of the included storage on, it is nearly used."""

_SMALL = 0.1  # a share below it has a digit more


class Level(StrEnum):
    """How much of the included storage is used."""

    UNKNOWN = "unknown"
    WITHIN = "within"
    NEAR = "near"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class BarView:
    """A bar of the included storage, or of what is used where that is more.

    `own`, `others` and `limit` (where the included ends) are in percent of it; `legend` gives each part a name and
    its size, `says` tells it in words.
    """

    own: float
    others: float
    limit: float
    legend: tuple[tuple[str, str, str], ...]
    says: str


@dataclass(frozen=True, slots=True)
class StorageView:
    """Storage against what is included: a headline, the account's use in words, and a bar where that is known."""

    level: Level
    headline: str
    account: str
    overage: str
    bar: BarView | None
    seen: Moment


def storage_view(known: Known[Storage], now: datetime, zone: tzinfo) -> StorageView:
    """What the page says of it at `now`."""
    storage = known.value
    account, included = storage.used_by_account, storage.included
    share = account / included if account is not None and included else None
    return StorageView(
        level=_level(share),
        headline=_headline(storage, share),
        account=_account(account, included),
        overage=_overage(storage.overage_cents),
        bar=_bar(storage.used or 0, account, included) if account is not None and included else None,
        seen=moment(known.at, now, zone),
    )


def _level(share: float | None) -> Level:
    if share is None:
        return Level.UNKNOWN
    return Level.OVER if share > 1 else Level.NEAR if share >= NEAR else Level.WITHIN


def _headline(storage: Storage, share: float | None) -> str:
    if share is not None:
        return f"{share:.0%} of the plan" if share >= _SMALL else f"{share:.1%} of the plan"
    return "not stated" if storage.used is None else f"{size(storage.used)} used"


def _account(account: int | None, included: int | None) -> str:
    used = [] if account is None else [f"{size(account)} used by the account"]
    return ", ".join([*used, "what is included is not stated" if included is None else f"{size(included)} included"])


def _bar(own: int, account: int, included: int) -> BarView:
    used = max(own, account)
    whole, others = max(used, included), used - own
    rest = ("beyond", "beyond the plan", used - included) if used > included else ("free", "free", included - used)
    parts = (("own", "this registry", own), ("others", "other registries", others), rest)
    return BarView(
        own=round(100 * own / whole, 2),
        others=round(100 * others / whole, 2),
        limit=round(100 * included / whole, 2),
        legend=tuple((key, name, size(part)) for key, name, part in parts if part),
        says=", ".join(f"{name} {size(part)}" for _, name, part in parts if part),
    )


def _overage(cents: float | None) -> str:
    if cents is None:
        return "overage cost unknown"
    return f"{dollars(cents)} a month of overage" if cents else "no overage"
