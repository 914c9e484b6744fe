"""What stands between a slip in a policy and a loss: the share of a repository, and the cap on deletions."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Set
from dataclasses import dataclass

from cleaner.model.manifest import Digest
from cleaner.model.verdict import Judgement
from cleaner.planning.order import Unit, unhindered
from cleaner.retention.policy import Limits


def cleared(judgement: Judgement, approved: Set[Digest]) -> frozenset[Digest]:
    """What a person let through share and cap: all that is condemned and approved, and waits for nothing else."""
    condemned = judgement.condemned()
    return unhindered(approved & condemned.keys(), condemned, judgement.families)


def over_share(judgement: Judgement, limits: Limits, approved: Set[Digest] = frozenset()) -> str | None:
    """In words, how the repository would lose more than `limits.share` of its versions or manifests; else None.

    Measured on what the policy condemns and nobody approved, before any notice or cap (policy page, "Limits"; law 5).
    """
    manifests = [verdict.manifest for verdict in judgement.verdicts.values()]
    through = cleared(judgement, approved)
    condemned = [verdict.manifest for digest, verdict in judgement.condemned().items() if digest not in through]
    for what, lost, total in (
        ("versions", sum(m.is_version for m in condemned), sum(m.is_version for m in manifests)),
        ("manifests", len(condemned), len(manifests)),
    ):
        if lost > limits.share * total:
            return f"would lose {lost} of its {total} {what}, more than limits.share {float(limits.share):.0%}"
    return None


@dataclass(frozen=True, slots=True)
class Queue:
    """The units of one repository, in order, and the caps they count in, by name (its policy's, its registry's)."""

    units: tuple[Unit, ...]
    caps: tuple[str, ...]


@dataclass(slots=True)
class _Cap:
    limit: int
    used: int = 0
    closed: bool = False

    def admits(self, manifests: int) -> bool:
        """Whether so many more fit; the first may exceed the cap alone, and what does not fit closes it."""
        self.closed = self.closed or (self.used > 0 and self.used + manifests > self.limit)
        return not self.closed


def within_caps(
    queues: Mapping[str, Queue], caps: Mapping[str, int], used: Mapping[str, int]
) -> dict[str, tuple[Unit, ...]]:
    """The units of each repository that may go in this run; `used` of each cap is used up already.

    Over all repositories the oldest versions go first, then the oldest orphans. What does not fit closes the cap
    that it does not fit in: nothing younger slips past it. So of each repository a first part of its units goes,
    and nothing goes before what it waits for.
    """
    counters = {name: _Cap(limit, used.get(name, 0)) for name, limit in caps.items()}
    granted: dict[str, list[Unit]] = {repository: [] for repository in queues}
    heads = [(queue.units[0].rank, repository, 0) for repository, queue in queues.items() if queue.units]
    heapq.heapify(heads)
    while heads:
        _, repository, place = heapq.heappop(heads)
        queue = queues[repository]
        unit = queue.units[place]
        if not _granted([counters[name] for name in queue.caps], len(unit.manifests)):
            continue
        granted[repository].append(unit)
        if place + 1 < len(queue.units):
            heapq.heappush(heads, (queue.units[place + 1].rank, repository, place + 1))
    return {repository: tuple(units) for repository, units in granted.items()}


def _granted(caps: list[_Cap], manifests: int) -> bool:
    """Count so many manifests in every cap, if each of them admits so many; each that does not is closed."""
    if any(cap.closed for cap in caps):
        return False
    admitted = [cap.admits(manifests) for cap in caps]
    if not all(admitted):
        return False
    for cap in caps:
        cap.used += manifests
    return True
