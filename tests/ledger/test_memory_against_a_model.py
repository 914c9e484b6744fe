"""Whatever tags do between looks, the memory tells what the whole list of looks tells whoever goes through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.use import Pointed, TagMemory
from tests.ledger.samples import START, digest, numbered

HOUR = timedelta(hours=1)
KEEP = 5 * HOUR
DIGESTS = [digest(number) for number in range(4)]
TAGS = ["latest", "main", "v1"]
NEVER_STATED = DIGESTS[-1]

Steps = list[tuple[int, dict[str, Digest], set[Digest]]]
STEPS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.dictionaries(st.sampled_from(TAGS), st.sampled_from(DIGESTS)),
        st.sets(st.sampled_from(DIGESTS)),
    ),
    max_size=9,
)


@dataclass(frozen=True)
class Look:
    """What a look saw: which tag is where, and when each listed manifest was pushed."""

    at: datetime
    tags: dict[str, Digest]
    pushed: dict[Digest, datetime | None]

    def listing(self) -> Listing:
        """As the registry lists it."""
        return Listing("shop", tuple(self.manifest(name) for name in sorted(self.pushed)))

    def manifest(self, name: Digest) -> Manifest:
        carried = tuple(tag for tag, digest in sorted(self.tags.items()) if digest == name)
        return Manifest("shop", name, self.pushed[name], carried)

    def has_untagged(self, name: Digest) -> bool:
        return name in self.pushed and name not in self.tags.values()


def looks_of(steps: Steps) -> list[Look]:
    """One look after the other; each manifest was pushed half an hour before the first look that saw it."""
    looks: list[Look] = []
    pushed: dict[Digest, datetime | None] = {NEVER_STATED: None}
    at = START
    for hours, tags, untagged in steps:
        at += hours * HOUR
        listed = sorted(untagged.union(tags.values()))
        looks.append(Look(at, tags, {name: pushed.setdefault(name, at - HOUR / 2) for name in listed}))
    return looks


def came(looks: list[Look], tag: str) -> datetime | None:
    """The first of the latest looks in a row that saw the tag where it is, if the one before saw its manifest."""
    name, first = looks[-1].tags[tag], len(looks) - 1
    while first > 0 and looks[first - 1].tags.get(tag) == name:
        first -= 1
    if first == 0:
        return None
    pushed = looks[first].pushed[name]
    return looks[first].at if pushed is None or pushed <= looks[first - 1].at else None


def moves(looks: list[Look]) -> list[tuple[int, str, Digest]]:
    """Which look saw which tag gone from which manifest, the latest first."""
    pairs = list(enumerate(pairwise(looks), start=1))
    return [
        (place, tag, name)
        for place, (before, after) in reversed(pairs)
        for tag, name in sorted(before.tags.items(), key=lambda pair: pair[1], reverse=True)
        if after.tags.get(tag) != name
    ]


def left(looks: list[Look], name: Digest) -> datetime | None:
    """When the last tag left; forgotten where that grew older than `keep` while it was not listed untagged."""
    place = next((place for place, _, moved in moves(looks) if moved == name), None)
    if place is None:
        return None
    at = looks[place].at
    kept = all(look.has_untagged(name) or at >= look.at - KEEP for look in looks[place:])
    return at if kept else None


def pointed(looks: list[Look], tag: str) -> tuple[Pointed, ...]:
    """Where it was and is not now, each place once, as long ago as `keep`."""
    past: dict[Digest, datetime] = {}
    for place, moved, name in moves(looks):
        if moved == tag and name != looks[-1].tags.get(tag) and looks[place].at >= looks[-1].at - KEEP:
            past.setdefault(name, looks[place].at)
    return tuple(Pointed(name, until) for name, until in past.items())


def expected(looks: list[Look]) -> TagMemory:
    """What all these looks together tell."""
    now = looks[-1]
    arrivals = {tag: came(looks, tag) for tag in now.tags}
    departures = {name: left(looks, name) for name in now.pushed if now.has_untagged(name)}
    places = {tag: pointed(looks, tag) for tag in TAGS}
    return TagMemory(
        {tag: at for tag, at in arrivals.items() if at is not None},
        {name: at for name, at in departures.items() if at is not None},
        {tag: earlier for tag, earlier in places.items() if earlier},
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Ledger, Iterator[int]]]:
    """A ledger for all examples, and a number for each: of that many registries, none knows of another."""
    with closing(open_ledger("sqlite://", now=lambda: START + 100 * HOUR, new_id=numbered())) as ledger:
        yield ledger, count()


@given(steps=STEPS, late=STEPS)
@settings(max_examples=200, deadline=None)
def test_the_memory_tells_what_the_looks_tell(shared: tuple[Ledger, Iterator[int]], steps: Steps, late: Steps) -> None:
    """Look by look, with looks in between that come too late to say anything."""
    ledger, numbers = shared
    registry, looks = f"acme-{next(numbers)}", looks_of(steps)
    for number, look in enumerate(looks, start=1):
        memory = ledger.memory.observe(registry, look.listing(), look.at, KEEP)
        assert memory == expected(looks[:number])
        for stale in looks_of(late):
            if stale.at <= look.at:
                ledger.memory.observe(registry, stale.listing(), stale.at, KEEP)
