"""What was seen in use is remembered: once for each image of each source, from its last look on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.ledger.ledger import Ledger
from cleaner.model.listing import Listing
from cleaner.model.manifest import Manifest
from cleaner.model.use import SeenUse, Use
from tests.ledger.samples import HOSTILE, START, digest, opened

HOUR = timedelta(hours=1)
BY_TAG = Use("shop/api", "v1", None, "app_platform", "shop/web/d-1")
ALIKE = [
    BY_TAG,
    replace(BY_TAG, tag=None, digest=digest(1)),
    replace(BY_TAG, digest=digest(1)),
    replace(BY_TAG, repository=None, tag=None, digest=digest(1)),
    replace(BY_TAG, tag="v2"),
    replace(BY_TAG, repository="shop/web"),
    replace(BY_TAG, source="kubernetes prod"),
]


def test_a_use_outlives_the_process(path: Path) -> None:
    """It is told as it was seen, with the moment, to the microsecond."""
    with closing(opened(path)) as ledger:
        ledger.memory.saw("acme", [BY_TAG], START)
    with closing(opened(path)) as ledger:
        assert ledger.memory.uses("acme", START) == (SeenUse(BY_TAG, START),)


def test_uses_are_told_apart_by_source_and_image(ledger: Ledger) -> None:
    """By tag, by digest, by both, by a digest anywhere: each is a use of its own, with nothing made up."""
    ledger.memory.saw("acme", ALIKE, START)
    told = ledger.memory.uses("acme", START)
    assert {seen.use for seen in told} == set(ALIKE)
    assert len(told) == len(ALIKE)


@pytest.mark.parametrize("together", [True, False])
def test_who_used_it_last_is_told(ledger: Ledger, *, together: bool) -> None:
    """However many use one image by one source, it is one memory, and names the last."""
    elsewhere = replace(BY_TAG, where="shop/web/d-2")
    for seen in [[BY_TAG, elsewhere]] if together else [[BY_TAG], [elsewhere]]:
        ledger.memory.saw("acme", seen, START)
    assert ledger.memory.uses("acme", START) == (SeenUse(elsewhere, START),)


def test_an_older_look_takes_nothing_back(ledger: Ledger) -> None:
    """Of two looks at once the later one stands, whichever is written down first."""
    ledger.memory.saw("acme", [BY_TAG], START + HOUR)
    ledger.memory.saw("acme", [replace(BY_TAG, where="before")], START)
    assert ledger.memory.uses("acme", START) == (SeenUse(BY_TAG, START + HOUR),)


@pytest.mark.parametrize(("since", "told"), [(-HOUR, 1), (timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_only_what_was_seen_since_is_told(ledger: Ledger, since: timedelta, told: int) -> None:
    """Up to the very moment; to ask forgets nothing."""
    ledger.memory.saw("acme", [BY_TAG], START)
    assert len(ledger.memory.uses("acme", START + since)) == told
    assert len(ledger.memory.uses("acme", START)) == 1


def test_a_registry_does_not_remember_for_another(ledger: Ledger) -> None:
    """Nor does a look that saw nothing leave anything behind."""
    ledger.memory.saw("acme", [BY_TAG], START)
    ledger.memory.saw("other", [], START)
    assert ledger.memory.uses("other", START) == ()


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text])
def test_hostile_names_are_only_names(ledger: Ledger, text: str) -> None:
    """Whatever a source puts into a name comes back as it was, and does nothing."""
    use = Use(text, text, None, text, text)
    ledger.memory.saw("acme", [use], START)
    assert ledger.memory.uses("acme", START) == (SeenUse(use, START),)


def test_what_was_in_use_long_ago_is_forgotten(ledger: Ledger) -> None:
    """What was last seen before the moment, and only that: what is seen again is remembered from then."""
    for number in range(4):
        ledger.memory.saw("acme", [replace(BY_TAG, tag=f"v{number}")], START + number * HOUR)
    ledger.memory.saw("acme", [replace(BY_TAG, tag="v0")], START + 9 * HOUR)
    ledger.memory.forget("acme", [], START + 2 * HOUR)
    assert [seen.use.tag for seen in ledger.memory.uses("acme", START)] == ["v0", "v2", "v3"]


@pytest.mark.parametrize(("listed", "before", "remains"), [((), 1, 0), ((), 0, 1), (("shop",), 1, 1)])
def test_what_was_seen_of_a_repository_that_is_gone_is_forgotten(
    ledger: Ledger, listed: tuple[str, ...], before: int, remains: int
) -> None:
    """Its notices and approvals as well; not of one that is there, nor before its time is over."""
    ledger.notices.condemned("acme", "shop", "text", [digest(1)], START)
    ledger.approvals.approve("acme", "shop", [digest(1)], START)
    ledger.memory.observe("acme", Listing("shop", (Manifest("shop", digest(1), START, ()),)), START, HOUR)
    for registry in ("acme", "other"):
        ledger.memory.forget(registry, listed, START + before * HOUR)
    assert len(ledger.notices.since("acme", "shop", "text")) == remains
    assert len(ledger.approvals.approved("acme")) == remains
