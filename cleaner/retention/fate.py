"""Who stays with whom: what stays keeps what is below it, and the rest goes only once it is decided (law 2).

Below an index are its children, below a subject its attachments; so is above, the other way. A dependent is a
manifest without a fate of its own: no version, and something above it.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass

from cleaner.model.family import Families
from cleaner.model.manifest import Digest


@dataclass(frozen=True, slots=True)
class Fates:
    """Which manifests stay, and which of them only because their fate hangs on a ring that nothing decides."""

    stay: frozenset[Digest]
    undecided: frozenset[Digest]


def decide(families: Families, independent: Collection[Digest], seeds: Set[Digest]) -> Fates:
    """The fates of a repository's manifests, where the `seeds` stay by themselves.

    `independent` are the versions and the orphans: they go unless they are kept. A dependent goes if all that is
    above it goes; what that leaves open stays, and keeps what is below it in turn.
    """
    kept = _closure(families, seeds)
    condemned = frozenset(independent) - kept
    dependents = (families.indexes.keys() | families.subjects.keys()) - frozenset(independent) - kept
    undecided = dependents - _going_with(families, condemned, dependents)
    return Fates(_closure(families, kept | undecided), frozenset(undecided))


def _closure(families: Families, seeds: Set[Digest]) -> frozenset[Digest]:
    """The seeds and all that is below them, at any depth."""
    reached = set(seeds)
    waiting = list(seeds)
    while waiting:
        below = [digest for digest in families.below(waiting.pop()) if digest not in reached]
        reached.update(below)
        waiting.extend(below)
    return frozenset(reached)


def _going_with(families: Families, condemned: Set[Digest], dependents: Set[Digest]) -> frozenset[Digest]:
    """Those of the dependents that have only going ones above them: the least set of that kind."""
    staying_above = {digest: len(families.above(digest)) for digest in dependents}
    going: set[Digest] = set()
    waiting = list(condemned)
    while waiting:
        for digest in families.below(waiting.pop()):
            if digest in staying_above:
                staying_above[digest] -= 1
                if staying_above[digest] == 0:
                    going.add(digest)
                    waiting.append(digest)
    return frozenset(going)
