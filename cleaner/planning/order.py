"""The order of deletion: an index before what it lists, a subject before what is attached to it (law 10).

What is condemned in a repository is cut into units: a condemned version with all that goes with it, or an orphan
with all that goes with it. The oldest version goes first, orphans come last; but whatever its age, nothing comes
before a condemned index that lists it or a condemned subject that it is attached to (policy page, "Limits").
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from cleaner.model.family import Families
from cleaner.model.manifest import Digest, Manifest

Rank: TypeAlias = tuple[bool, datetime, str]
"""Sorts units: versions before orphans, older before newer, then by digest."""

_Waiting: TypeAlias = dict[Digest, set[Digest]]
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Unit:
    """What goes together: `manifests` in their order of deletion, ranked by the first of them."""

    rank: Rank
    manifests: tuple[Digest, ...]


def units(condemned: Mapping[Digest, Manifest], families: Families) -> tuple[Unit, ...]:
    """Everything condemned in one repository, as units in their order of deletion."""
    waiting: _Waiting = {digest: set(parents(digest, condemned, families)) for digest in condemned}
    ready = [_rank(condemned[digest]) for digest, above in waiting.items() if not above]
    heapq.heapify(ready)
    result = []
    while waiting:
        rank = heapq.heappop(ready) if ready else _rank(condemned[_first_of_a_ring(waiting, families)])
        members, released = _unit_of(Digest(rank[2]), waiting, condemned, families)
        for digest in released:
            heapq.heappush(ready, _rank(condemned[digest]))
        result.append(Unit(rank, members))
    return tuple(result)


def parents(digest: Digest, condemned: Collection[Digest], families: Families) -> tuple[Digest, ...]:
    """The condemned indexes that list `digest` and the condemned subjects that it is attached to."""
    return tuple(above for above in families.above(digest) if above in condemned)


def unhindered(chosen: Set[Digest], condemned: Collection[Digest], families: Families) -> frozenset[Digest]:
    """Those of the chosen that no condemned manifest outside `chosen` must precede, at any remove."""
    outside = [digest for digest in condemned if digest not in chosen]
    return frozenset(chosen) - _reach(outside, lambda digest: [d for d in families.below(digest) if d in condemned])


def latest_above(moments: Mapping[Digest, datetime], families: Families) -> dict[Digest, datetime]:
    """For each of the digests the latest of its own moment and of those of all that must precede it."""
    latest: dict[Digest, datetime] = {}

    def below(digest: Digest) -> list[Digest]:
        return [d for d in families.below(digest) if d in moments and d not in latest]

    for digest in sorted(moments, key=lambda d: moments[d], reverse=True):
        if digest not in latest:
            latest |= dict.fromkeys({digest} | _reach([digest], below), moments[digest])
    return latest


def _rank(manifest: Manifest) -> Rank:
    return (not manifest.is_version, manifest.updated_at or _NEVER, manifest.digest)


def _unit_of(
    first: Digest, waiting: _Waiting, condemned: Mapping[Digest, Manifest], families: Families
) -> tuple[tuple[Digest, ...], list[Digest]]:
    """Take `first` and all that goes with it out of `waiting`; also the versions that may go from now on."""
    members: list[Digest] = []
    released: list[Digest] = []
    ready = [first]
    del waiting[first]
    while ready:
        digest = heapq.heappop(ready)
        members.append(digest)
        for below in families.below(digest):
            if below in waiting and digest in waiting[below]:
                waiting[below].discard(digest)
                if not waiting[below]:
                    if condemned[below].is_version:
                        released.append(below)
                    else:
                        del waiting[below]
                        heapq.heappush(ready, below)
    return tuple(members), released


def _first_of_a_ring(waiting: _Waiting, families: Families) -> Digest:
    """Where all that is left waits for something: the first of a ring that waits for nothing but itself.

    Attachment tags can close a ring; indexes cannot, for a digest cannot contain itself. So in a ring an index still
    goes before what it lists, and then the digests decide.
    """
    start = min(waiting)
    while True:
        above = _reach([start], lambda digest: waiting[digest])
        below = _reach([start], lambda digest: [d for d in families.below(digest) if digest in waiting.get(d, ())])
        upstream = above - below
        if not upstream:
            ring = above & below
            return min(digest for digest in ring if ring.isdisjoint(families.indexes.get(digest, ())))
        start = min(upstream)


def _reach(starts: Iterable[Digest], step: Callable[[Digest], Collection[Digest]]) -> set[Digest]:
    """Everything that can be reached from any of `starts` in one step or more."""
    reached: set[Digest] = set()
    frontier = list(starts)
    while frontier:
        for digest in step(frontier.pop()):
            if digest not in reached:
                reached.add(digest)
                frontier.append(digest)
    return reached
