"""What is in use in a registry, and which manifests of a listing that keeps (policy page, "What keeps besides")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest
from cleaner.model.reason import InUse, TagMovedOn, WasInUse
from cleaner.model.use import SeenUse, TagMemory, Use
from cleaner.retention.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Veto:
    """An in-use source that could not be read: nothing is deleted that it could have vetoed (law 6).

    `detail` names it and says why. `repositories` are those that it speaks for, none for all of the registry.
    """

    source: str
    detail: str
    repositories: tuple[Pattern, ...] = ()

    def covers(self, repository: str) -> bool:
        """Whether it could have vetoed a deletion in this repository."""
        return not self.repositories or any(pattern.matches(repository) for pattern in self.repositories)


@dataclass(frozen=True, slots=True)
class Usage:
    """What is in use in a registry, now or remembered: by repository, and `anywhere` what names none.

    `vetoes` are the sources that could not be read.
    """

    by_repository: Mapping[str, tuple[SeenUse, ...]]
    anywhere: tuple[SeenUse, ...] = ()
    vetoes: tuple[Veto, ...] = ()

    def of(self, repository: str) -> tuple[SeenUse, ...]:
        """What may keep something in this repository."""
        return (*self.by_repository.get(repository, ()), *self.anywhere)

    def veto(self, repository: str) -> Veto | None:
        """The first source that could not be read and speaks for this repository."""
        return next((veto for veto in self.vetoes if veto.covers(repository)), None)


NOTHING_IN_USE = Usage({})

UseReason: TypeAlias = InUse | WasInUse | TagMovedOn
"""Why a manifest is kept for what uses it."""


def in_use(
    listing: Listing, contents: Mapping[Digest, Content], uses: Sequence[SeenUse], memory: TagMemory
) -> dict[Digest, tuple[UseReason, ...]]:
    """What of a repository is in use, with every reason once, in an order that is the same whatever that of the uses.

    `uses` are those that may keep something here (`Usage.of`).

    Raises:
        KeyError: a manifest of the listing has no entry in `contents`; what it is must never be guessed (law 2).
    """
    shelf = _shelve(listing, contents)
    reasons: dict[Digest, list[UseReason]] = defaultdict(list)
    for seen in sorted(uses, key=_order):
        for digest, reason in _kept_by(seen, shelf, memory):
            reasons[digest].append(reason)
    return {digest: tuple(dict.fromkeys(reasons[digest])) for digest in sorted(reasons)}


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where to find the manifests of a listing: by a tag that one carries, and by a digest, its own or a blob's."""

    tagged: Mapping[str, Digest]
    having: Mapping[Digest, Sequence[Digest]]
    present: Set[Digest]

    def find(self, use: Use) -> Iterator[Digest]:
        """What the use names as things stand.

        A digest can be that of a configuration, for some container runtimes know an image by that alone.
        """
        yield from (self.tagged[tag] for tag in _tags(use) if tag in self.tagged)
        if use.digest is not None:
            yield from self.having.get(use.digest, ())


def _shelve(listing: Listing, contents: Mapping[Digest, Content]) -> _Shelf:
    having: dict[Digest, list[Digest]] = defaultdict(list)
    for manifest in listing.manifests:
        for digest in (manifest.digest, *(blob.digest for blob in contents[manifest.digest].blobs)):
            having[digest].append(manifest.digest)
    tagged = {tag: manifest.digest for manifest in listing.manifests for tag in manifest.tags}
    return _Shelf(tagged, having, frozenset(manifest.digest for manifest in listing.manifests))


def _kept_by(seen: SeenUse, shelf: _Shelf, memory: TagMemory) -> Iterator[tuple[Digest, UseReason]]:
    use, last_seen = seen.use, seen.last_seen
    told = InUse(use.source, use.where) if last_seen is None else WasInUse(use.source, use.where, last_seen)
    for digest in shelf.find(use):
        yield digest, told
    for tag in _tags(use):
        for earlier in memory.pointed.get(tag, ()):
            if earlier.digest in shelf.present:
                yield earlier.digest, TagMovedOn(tag, use.source, use.where, earlier.until)


def _tags(use: Use) -> tuple[str, ...]:
    """The tag by which it is used, if any: without tag and digest it is `latest`."""
    if use.tag is not None:
        return (use.tag,)
    return ("latest",) if use.digest is None else ()


def _order(seen: SeenUse) -> tuple[str, str, str, tuple[str, ...]]:
    """What is in use now, then what was, the longest ago first; each by source, place and tag: all that is told."""
    return str(seen.last_seen or ""), seen.use.source, seen.use.where, _tags(seen.use)
