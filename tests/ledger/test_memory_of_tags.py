"""Where tags were seen, look by look: when they came, when the last one left, and what they pointed to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import ledger_on
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import Deleted
from cleaner.model.listing import Listing
from cleaner.model.manifest import Manifest
from cleaner.model.run import RunKind
from cleaner.model.use import NOTHING_SEEN, Pointed, TagMemory
from tests.ledger.samples import HOSTILE, START, deletion, digest, failing_at, numbered, opened, url_of

HOUR = timedelta(hours=1)
KEEP = timedelta(days=30)
BEFORE = START - HOUR
ONE, TWO, THREE = (digest(number) for number in (1, 2, 3))


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A ledger whose clock is well after all looks."""
    with closing(opened(path, lambda: START + timedelta(days=365))) as new:
        yield new


def image(number: int, *tags: str, updated_at: datetime | None = BEFORE) -> Manifest:
    """A manifest that was there before the first look, if not said otherwise."""
    return Manifest("shop", digest(number), updated_at, tags)


def look(ledger: Ledger, after: timedelta, *manifests: Manifest, keep: timedelta = KEEP) -> TagMemory:
    """A look at the repository, so long after the start."""
    return ledger.memory.observe("acme", Listing("shop", manifests), START + after, keep)


def test_the_first_look_remembers_nothing(ledger: Ledger) -> None:
    """On it, `updated_at` alone speaks; and a second one that sees the same sees no change."""
    assert look(ledger, 0 * HOUR, image(1, "v1"), image(2)) == NOTHING_SEEN
    assert look(ledger, 1 * HOUR, image(1, "v1"), image(2)) == NOTHING_SEEN


@pytest.mark.parametrize(
    ("updated_at", "came"),
    [(BEFORE, True), (START, True), (None, True), (START + timedelta(microseconds=1), False), (START + HOUR, False)],
)
def test_a_tag_came_where_the_manifest_was_there_before(
    ledger: Ledger, updated_at: datetime | None, *, came: bool
) -> None:
    """It counts from the look that saw it; one that was pushed since the look before counts from its `updated_at`."""
    look(ledger, 0 * HOUR)
    memory = look(ledger, 2 * HOUR, image(1, "v1", updated_at=updated_at))
    assert memory == TagMemory({"v1": START + 2 * HOUR} if came else {}, {}, {})
    assert look(ledger, 3 * HOUR, image(1, "v1", updated_at=updated_at)) == memory


def test_a_tag_that_moves_is_remembered_at_both_ends(ledger: Ledger) -> None:
    """Where it came, what it pointed to until then, and that this one lost its last tag."""
    look(ledger, 0 * HOUR, image(1, "main"), image(2))
    moved = START + HOUR
    expected = TagMemory({"main": moved}, {ONE: moved}, {"main": (Pointed(ONE, moved),)})
    assert look(ledger, HOUR, image(1), image(2, "main")) == expected
    assert look(ledger, 2 * HOUR, image(1), image(2, "main")) == expected


def test_what_we_put_back_is_told_with_its_moment(path: Path) -> None:
    """The last one, of what is listed; not what was deleted or put back elsewhere, nor what only went."""
    moments = iter(START + n * HOUR for n in range(99))
    with closing(opened(path, lambda: next(moments))) as ledger:
        back = [go_and_come(ledger, number, *where) for number, *where in ((1,), (1,), (2,), (3, "shop", "beta"))]
        go_and_come(ledger, 3, "other")
        settled(ledger, 4)
        memory = look(ledger, 50 * HOUR, *(image(number, f"v{number}") for number in (1, 3, 4)))
        assert memory == TagMemory({}, {}, {}, {ONE: back[1]})


def settled(ledger: Ledger, number: int, repository: str = "shop", registry: str = "acme") -> None:
    """We delete a manifest."""
    run = ledger.begin_run(registry, RunKind.CLEAN)
    ledger.settle(ledger.intend(run, registry, deletion(number, repository), ()), Deleted())


def go_and_come(ledger: Ledger, number: int, repository: str = "shop", registry: str = "acme") -> datetime:
    """We delete a manifest and put it back; gives when that was."""
    settled(ledger, number, repository, registry)
    [lost] = [lost for lost in ledger.restorable(registry, Which()) if lost.digest == digest(number)]
    ledger.restored(registry, lost)
    history = ledger.history.deletions(1)
    restored_at = history[0].restored_at
    assert restored_at is not None
    return restored_at


def test_what_a_tag_pointed_to_is_told_newest_first(ledger: Ledger) -> None:
    """Also where the manifests, or the tag itself, are gone; not what it points to now."""
    look(ledger, 0 * HOUR, image(1, "main"))
    look(ledger, 1 * HOUR, image(2, "main"))
    look(ledger, 2 * HOUR, image(3, "main"))
    look(ledger, 3 * HOUR, image(1, "main"))
    later, earlier = Pointed(THREE, START + 3 * HOUR), Pointed(TWO, START + 2 * HOUR)
    assert look(ledger, 4 * HOUR, image(1, "main")).pointed == {"main": (later, earlier)}
    last = Pointed(ONE, START + 5 * HOUR)
    assert look(ledger, 5 * HOUR).pointed == {"main": (last, later, earlier)}


def test_a_tag_that_comes_back_came_again(ledger: Ledger) -> None:
    """It counts from the look that saw it back, also where its manifest was pushed anew meanwhile."""
    look(ledger, 0 * HOUR, image(1, "v1"))
    look(ledger, 1 * HOUR, image(1))
    pushed = START + timedelta(minutes=90)
    assert look(ledger, 2 * HOUR, image(1, "v1", updated_at=pushed)) == TagMemory({"v1": START + 2 * HOUR}, {}, {})


def test_only_the_last_tag_that_leaves_leaves_a_manifest_untagged(ledger: Ledger) -> None:
    """Of several that left, the last counts; one that comes back ends it, and it is told only of what is listed."""
    look(ledger, 0 * HOUR, image(1, "a", "b", "c"))
    assert look(ledger, 1 * HOUR, image(1, "b", "c")).left == {}
    assert look(ledger, 2 * HOUR, image(1)).left == {ONE: START + 2 * HOUR}
    assert look(ledger, 3 * HOUR, image(1, "a")).left == {}
    assert look(ledger, 4 * HOUR, image(1)).left == {ONE: START + 4 * HOUR}
    assert look(ledger, 5 * HOUR).left == {}


@pytest.mark.parametrize(("days", "told"), [(30, True), (31, False)])
def test_what_a_tag_pointed_to_is_remembered_for_a_time(ledger: Ledger, days: int, *, told: bool) -> None:
    """As long as `keep` says, to the day; when the last tag left a listed manifest, for ever."""
    look(ledger, 0 * HOUR, image(1, "main"))
    look(ledger, timedelta(days=1), image(1))
    memory = look(ledger, timedelta(days=1 + days), image(1))
    left = START + timedelta(days=1)
    assert memory == TagMemory({}, {ONE: left}, {"main": (Pointed(ONE, left),)} if told else {})
    assert look(ledger, timedelta(days=300), image(1)).left == {ONE: left}


def test_to_remember_for_no_time_keeps_the_clock_alone(ledger: Ledger) -> None:
    """Nothing that a tag pointed to is told, not even on the look that sees it move; when it came and left is."""
    look(ledger, 0 * HOUR, image(1, "main"), image(2), keep=timedelta(0))
    for hours in (1, 2):
        memory = look(ledger, hours * HOUR, image(1), image(2, "main"), keep=timedelta(0))
        assert memory == TagMemory({"main": START + HOUR}, {ONE: START + HOUR}, {})


def rows(ledger: Ledger) -> int:
    """How many tags on manifests the ledger remembers."""
    with ledger._database.reading() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM tags").scalar_one()
        return count


def test_memory_does_not_grow_without_end(ledger: Ledger) -> None:
    """A tag that moves each day leaves behind what it pointed to within `keep`, and what is listed untagged."""
    for day in range(200):
        listed = [image(number) for number in range(min(day, 5))]
        look(ledger, timedelta(days=day), *listed, image(day, "main", updated_at=START + timedelta(days=day)))
    assert rows(ledger) == 1 + 31 + 5


@pytest.mark.parametrize("after", [1 * HOUR, 2 * HOUR])
def test_a_look_that_is_no_later_changes_nothing(ledger: Ledger, after: timedelta) -> None:
    """Of two that look at once, the later one speaks: the other reads what is there, about what it listed itself."""
    look(ledger, 0 * HOUR, image(1, "main", "v1"), image(2))
    memory = look(ledger, 2 * HOUR, image(1, "v1"), image(2, "main"))
    stale = look(ledger, after, image(1, "v1", "main"), image(2, "v2"))
    assert stale == TagMemory({}, {}, memory.pointed)
    assert look(ledger, 3 * HOUR, image(1, "v1"), image(2, "main")) == memory


def test_a_look_that_comes_too_late_still_learns_when_its_tags_came(ledger: Ledger) -> None:
    """Also of a tag that a later look has seen leave: this one lists it, so it counts from when it came."""
    look(ledger, 0 * HOUR, image(1, "main"), image(2))
    look(ledger, 1 * HOUR, image(1), image(2, "main"))
    look(ledger, 3 * HOUR, image(1), image(2))
    assert look(ledger, 2 * HOUR, image(1), image(2, "main")).came == {"main": START + HOUR}


def test_a_clock_that_was_ahead_holds_nothing_up(path: Path) -> None:
    """Once it is right again, looks are compared again, and no moment remains that has not come yet."""
    moments = [START + timedelta(days=365)]
    with closing(opened(path, lambda: moments[-1])) as ledger:
        look(ledger, timedelta(days=364), image(1, "main"), image(2))
        look(ledger, timedelta(days=365), image(1), image(2, "main"))
        moments.append(START + HOUR)
        right = START + HOUR
        expected = TagMemory({"main": right}, {ONE: right}, {"main": (Pointed(ONE, right),)})
        assert look(ledger, 1 * HOUR, image(1), image(2, "main")) == expected
        moments.append(START + 2 * HOUR)
        assert look(ledger, 2 * HOUR, image(1), image(2)).left == {ONE: right, TWO: START + 2 * HOUR}


def test_repositories_and_registries_are_looked_at_by_themselves(ledger: Ledger) -> None:
    """A first look is one also where others were looked at, and a move in one is none in another."""
    look(ledger, 0 * HOUR, image(1, "main"), image(2))
    elsewhere = Listing("other", (image(1), image(2, "main")))
    assert ledger.memory.observe("acme", elsewhere, START + HOUR, KEEP) == NOTHING_SEEN
    moved = Listing("shop", elsewhere.manifests)
    assert ledger.memory.observe("beta", moved, START + HOUR, KEEP) == NOTHING_SEEN
    assert look(ledger, 2 * HOUR, *moved.manifests).came == {"main": START + 2 * HOUR}


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text])
def test_hostile_tags_are_only_tags(ledger: Ledger, text: str) -> None:
    """Whatever a registry puts into a tag comes back as it was, and does nothing."""
    look(ledger, 0 * HOUR, image(1))
    assert look(ledger, 1 * HOUR, image(1, text)).came == {text: START + HOUR}


def test_a_look_is_remembered_whole_or_not_at_all(path: Path) -> None:
    """Where the disk refuses a part of it, the next look compares with the one before."""
    engine = engine_at(url_of(path))
    with closing(ledger_on(engine, now=lambda: START + KEEP, new_id=numbered())) as ledger:
        look(ledger, 0 * HOUR, image(1, "main"), image(2))
        with failing_at(engine, "INSERT INTO looks"), pytest.raises(StateError):
            look(ledger, 1 * HOUR, image(1), image(2, "main"))
        assert look(ledger, 2 * HOUR, image(1), image(2, "main")).came == {"main": START + 2 * HOUR}


def test_a_look_that_sees_no_change_writes_its_moment_alone(path: Path) -> None:
    """However much is listed."""
    engine = engine_at(url_of(path))
    written: list[str] = []
    with closing(ledger_on(engine, now=lambda: START + KEEP, new_id=numbered())) as ledger:
        everything = [image(number, f"v{number}") for number in range(100)]
        look(ledger, 0 * HOUR, *everything)
        event.listen(engine, "before_cursor_execute", lambda *call: written.append(call[2].split(" (")[0]))
        look(ledger, 1 * HOUR, *everything)
    assert [statement for statement in written if not statement.startswith(("SELECT", "BEGIN"))] == [
        "INSERT INTO looks"
    ]
