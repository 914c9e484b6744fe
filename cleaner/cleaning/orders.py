"""What a run is allowed, and what it has come to so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.cleaning.inventory import Inventory
from cleaner.cleaning.work import Work
from cleaner.docr.restorer import Restorer
from cleaner.docr.writer import Writer
from cleaner.model.listing import Listing
from cleaner.model.plan import Freed
from cleaner.planning.freed import Reference, references
from cleaner.retention.uses import Usage

_FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Hands:
    """The clients that can change something: one deletes and collects, the other puts manifests back."""

    writer: Writer
    restorer: Restorer


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a person says to a run: which repositories it lets through the limits, and what it has reviewed.

    Nothing but `only` goes then; None for no restriction.
    """

    allowed: frozenset[str] = frozenset()
    only: frozenset[Reference] | None = None


NO_MANDATE = Mandate()
"""What a timetable says to a run: nothing."""


@dataclass(frozen=True, slots=True)
class Orders:
    """A run's id and start, the clients that can change something, and what a person says to it.

    `deleted` counts, by repository, what earlier tries of the same run deleted.
    """

    run: str
    now: datetime
    hands: Hands
    mandate: Mandate = NO_MANDATE
    deleted: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Aftermath:
    """What a run has come to so far.

    `relisted` holds the freshest listing of each repository that was looked at again, `usage` what was in use when that
    was last asked, at the event loop's time `asked`. `gone` is what was deleted, or found gone, `failures` the
    deletions that failed in a row, `stopped` whether for them it asks no further.
    `uncollected` manifests are gone and not collected yet; `freed` is what a collection would free now, None where that
    is not known.
    """

    relisted: dict[str, Listing] = field(default_factory=dict)
    usage: Usage | None = None
    asked: float = 0.0
    gone: set[Reference] = field(default_factory=set)
    failures: int = 0
    stopped: bool = False
    uncollected: int = 0
    freed: Freed | None = None

    @property
    def hopeless(self) -> bool:
        """Whether so many deletions failed in a row that it is no use to ask on (law 12)."""
        return self.failures >= _FAILURES_IN_A_ROW


async def measure(work: Work, inventory: Inventory, aftermath: Aftermath) -> None:
    """Work out what is uncollected by now, from this run and earlier ones, and what a collection would free."""
    uncollected = await asyncio.to_thread(work.ledger.uncollected, work.registry)
    listings = inventory.complete()
    known = None if listings is None else references((listings | aftermath.relisted).values(), inventory.contents)
    aftermath.uncollected = len(uncollected)
    blobs = (blob for gone in uncollected for blob in gone.blobs)
    aftermath.freed = None if known is None else known.freed(aftermath.gone, blobs)
