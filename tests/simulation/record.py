"""What the cleaner was shown, written down beside it: what was in use, what tags pointed to, what was announced.

Only what is certain counts. What changed while it was read may have been seen or not; what a process that died had not
written down yet may be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.simulation.fleets import Fleet, Name, Told
from tests.simulation.listed import Listed


@dataclass(slots=True)
class Sources:
    """What the in-use sources told, look by look.

    `current` is what each told when it was read last, None where it could not be; `seen` is when each name was last
    told for certain.
    """

    fleets: Mapping[str, Fleet]
    current: dict[str, frozenset[Name] | None] = field(default_factory=dict)
    seen: dict[Name, datetime] = field(default_factory=dict)
    _reading: dict[str, tuple[datetime, Told]] = field(default_factory=dict)
    _fresh: list[tuple[datetime, frozenset[Name]]] = field(default_factory=list)

    def asked(self, kind: str, at: datetime) -> None:
        """Somebody asks a source something."""
        self._reading.setdefault(kind, (at, self.fleets[kind].told()))

    def moved(self) -> None:
        """Something may have changed: what is not told any more is not certain to have been read."""
        for kind, (began, told) in self._reading.items():
            self._reading[kind] = began, told & self.fleets[kind].told()

    def read(self, kind: str, at: datetime) -> None:
        """A source was read to its end."""
        self.asked(kind, at)  # a file is read at one moment, and nobody sees it asked
        self.moved()
        began, told = self._reading.pop(kind)
        names = frozenset(name for _, name in told)
        self.current[kind] = names
        self._fresh.append((began, names))

    def failed(self, kind: str) -> None:
        """A source could not be read."""
        self._reading.pop(kind, None)
        self.current[kind] = None

    def written(self) -> None:
        """The look is over, and what it saw is remembered."""
        for began, names in self._fresh:
            self.seen |= dict.fromkeys(names, began)
        self._fresh.clear()

    def died(self) -> None:
        """The process ended."""
        self._reading.clear()
        self._fresh.clear()

    def names(self, since: datetime | None) -> Iterator[tuple[Name, str]]:
        """Each name that is in use, or was so since then (None: nothing is remembered), and who says so."""
        for kind, names in sorted(self.current.items()):
            yield from ((name, f"in use, says {kind}") for name in sorted(names or (), key=str))
        if since is not None:
            yield from ((name, f"in use until {at:%d %H:%M}") for name, at in self.seen.items() if at > since)


@dataclass(slots=True)
class Tags:
    """Which tag was seen on which manifest of a repository, and how long ago it was certainly not there."""

    seen: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    _absent: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    _looked: dict[str, datetime] = field(default_factory=dict)

    def observed(self, repository: str, listing: Listed, at: datetime) -> None:
        """A look, begun at `at` or later, has compared a listing with what it saw before."""
        pairs = listing.pairs
        for tag, digest in pairs:
            place = repository, tag, digest
            if place not in self.seen or self.seen[place] != self._looked.get(repository):
                self._absent[place] = self._looked.get(repository, datetime.min.replace(tzinfo=at.tzinfo))
            self.seen[place] = at
        self._looked[repository] = at

    def pointed(self, repository: str, tag: str, since: datetime) -> Iterator[str]:
        """What a tag was seen to point to since then."""
        for (where, what, digest), at in self.seen.items():
            if (where, what) == (repository, tag) and at > since:
                yield digest

    def came_after(self, repository: str, tags: Iterable[str], digest: str, moment: datetime) -> bool:
        """Whether one of a manifest's tags was certainly not on it at a look after that moment."""
        return any(
            place in self._absent and self._absent[place] > moment
            for place in ((repository, tag, digest) for tag in tags)
        )


@dataclass(slots=True)
class Announcements:
    """Since when every plan has condemned a manifest under the same rules, by repository and digest."""

    since: dict[str, dict[str, datetime]] = field(default_factory=dict)

    def condemned(self, repository: str, digests: Iterable[str], at: datetime) -> None:
        """A look, begun at `at`, condemned exactly these."""
        before = self.since.get(repository, {})
        self.since[repository] = {digest: before.get(digest, at) for digest in digests}

    def edited(self, repository: str) -> None:
        """The rules are others now."""
        self.since.pop(repository, None)
