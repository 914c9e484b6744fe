"""Families as outlines: from what stands at the top down to what hangs below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cleaner.model.family import Families
from cleaner.model.manifest import Digest


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an outline: at `depth` 0 the top of a family, else a `relation` (child, attachment) of what is above.

    `again` marks a manifest that stands in the outline already: what hangs below it is not drawn twice.
    """

    depth: int
    relation: str
    digest: Digest
    again: bool


def family_of(digest: Digest, families: Families) -> tuple[Entry, ...]:
    """The outline that `digest` stands in, from every index and subject that nothing stands above."""
    return _outline(_tops(digest, families), families)


def all_families(digests: Iterable[Digest], families: Families) -> tuple[Entry, ...]:
    """An outline of all these, which are the whole repository, in their order; a ring begins at its first."""
    wanted = list(digests)
    drawn = _outline([d for d in wanted if not families.above(d)], families)
    seen = {entry.digest for entry in drawn}
    for digest in wanted:
        if digest not in seen:
            ring = _outline([digest], families)
            drawn += ring
            seen.update(entry.digest for entry in ring)
    return drawn


def _tops(digest: Digest, families: Families) -> list[Digest]:
    """What nothing stands above, among all that stands above `digest`; in a ring without such, `digest` itself."""
    seen, waiting = {digest}, [digest]
    while waiting:
        above = [d for d in families.above(waiting.pop()) if d not in seen]
        seen.update(above)
        waiting.extend(above)
    return sorted(d for d in seen if not families.above(d)) or [digest]


def _outline(tops: Iterable[Digest], families: Families) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    seen: set[Digest] = set()
    waiting = [(0, "", top) for top in tops][::-1]
    while waiting:
        depth, relation, digest = waiting.pop()
        entries.append(Entry(depth, relation, digest, again=digest in seen))
        if digest not in seen:
            seen.add(digest)
            below = [(depth + 1, "child", child) for child in families.children.get(digest, ())]
            below += [(depth + 1, "attachment", hanging) for hanging in families.attachments.get(digest, ())]
            waiting.extend(below[::-1])
    return tuple(entries)
