"""What a plan obeys beside the policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.model.deletion import Gone
from cleaner.model.manifest import Digest
from cleaner.model.plan import Mode
from cleaner.planning.freed import Reference
from cleaner.retention.uses import Veto


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan obeys beside the policies.

    `deletions` is the registry's cap, `now` the start of the run, `modes` the modes whose policies the plan works on,
    `allowed` the repositories that a person lets through share and cap. `vetoes` are the in-use sources that could not
    be read (law 6), `uncollected` is what was deleted before and not collected yet. `deleted` counts, by repository,
    what earlier tries of the same run deleted, what a person let through included: the caps are for all tries together.

    By repository, `since` says since when every look condemned a manifest (one that it does not name: since now), and
    `approved` which ones a person let through share and cap. `only` is what a person has reviewed: nothing else goes,
    None for no restriction.
    """

    deletions: int
    now: datetime
    modes: tuple[Mode, ...] = (Mode.ENFORCE, Mode.PLAN)
    allowed: frozenset[str] = frozenset()
    vetoes: tuple[Veto, ...] = ()
    uncollected: tuple[Gone, ...] = ()
    deleted: Mapping[str, int] = field(default_factory=dict)
    since: Mapping[str, Mapping[Digest, datetime]] = field(default_factory=dict)
    approved: Mapping[str, frozenset[Digest]] = field(default_factory=dict)
    only: frozenset[Reference] | None = None
