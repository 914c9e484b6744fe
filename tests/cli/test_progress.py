"""Progress is heard in any order and never raises: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import random

import pytest
from rich.console import Console

from cleaner.cli.progress import progress
from cleaner.model.collection import Collection
from cleaner.model.deletion import Restorable
from cleaner.model.event import (
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    DeletionFailed,
    DeletionSkipped,
    Event,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RepositoriesListed,
    RepositoryListed,
    Warned,
)
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Deletion, Freed, Mode, Plan
from cleaner.model.safeguard import ManifestRestored, RestoreFailed
from tests.house import START

DIGEST = Digest("sha256:" + "a" * 64)
DELETION = Deletion(Manifest("shop", DIGEST, None), Mode.ENFORCE, ())
LOST = Restorable(1, "run", "shop", DIGEST, (), (), START, None)
ACTIVE, ENDED = Collection("u-1", "scanning manifests"), Collection("u-1", "succeeded", freed_bytes=2**20)

A_RUN: list[Event] = [
    RepositoriesListed("acme", 2),
    RepositoryListed("acme", "shop", 3),
    RepositoryListed("acme", "broken", None),
    ManifestsWanted("acme", 3),
    ManifestRead("acme", "shop", DIGEST, readable=True),
    Planned(Plan("acme", 3, 0, (DELETION,) * 3, (), Freed(1, 1), (), ()), START),
    ManifestDeleted("acme", DELETION),
    DeletionFailed("acme", DELETION, "500\x1b[2J"),
    DeletionSkipped("acme", DELETION, "gone already"),
    ManifestRestored("acme", LOST, "the index sha256:bbbbbbbbbbbb lists it"),
    RestoreFailed("acme", LOST, "403\x1b[2J"),
    CollectionStarted("acme", ACTIVE, adopted=False),
    CollectionPolled("acme", ACTIVE),
    CollectionPolled("acme", ACTIVE),
    CollectionEnded("acme", ENDED, adopted=False, predicted=None),
    Warned("acme", "mind the gap"),
]


def shown(events: list[Event], *, terminal: bool) -> str:
    """What a console of that kind shows of these events."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, highlight=False, markup=False)
    with progress(console) as tell:
        for event in events:
            tell(event)
    return screen.getvalue()


def test_a_log_reads_in_plain_lines() -> None:
    """One line for what is worth one; a status is told when it changes, and nothing is obeyed."""
    assert shown(A_RUN, terminal=False).splitlines() == [
        "acme: 2 repositories",
        "acme: broken could not be listed whole",
        "acme: reading 3 manifests not known yet",
        "acme: 3 manifests of 3 to go",
        "acme: shop sha256:aaaaaaaaaaaa deleted",
        "acme: shop sha256:aaaaaaaaaaaa failed (500\\x1b[2J)",
        "acme: shop sha256:aaaaaaaaaaaa skipped (gone already)",
        "acme: shop sha256:aaaaaaaaaaaa put back: the index sha256:bbbbbbbbbbbb lists it",
        "acme: shop sha256:aaaaaaaaaaaa not put back: 403\\x1b[2J",
        "acme: garbage collection u-1: scanning manifests",
        "acme: garbage collection ended: succeeded, 1 MiB freed",
    ]


def test_a_terminal_has_a_bar_for_each_stage() -> None:
    """Listing, reading, deleting, collecting."""
    screen = shown(A_RUN[:-2], terminal=True)
    for stage in ("listing repositories", "reading manifests", "deleting", "garbage collection (scanning manifests)"):
        assert f"acme: {stage}" in screen
    assert "3/3" in screen
    assert "acme: shop sha256:aaaaaaaaaaaa put back: the index" in screen


@pytest.mark.parametrize("terminal", [True, False])
def test_no_order_of_events_raises(terminal: bool) -> None:
    """A listener decides nothing and must not stop a run."""
    for seed in range(20):
        events = random.Random(seed).sample(A_RUN * 2, len(A_RUN))
        assert shown(events, terminal=terminal)
