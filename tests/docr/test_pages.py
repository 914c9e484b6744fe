"""A listing is whole, or there is none (law 3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.docr.pages import Page, flaw, go_on, listing, whole
from cleaner.errors import ListingIncomplete
from cleaner.model.manifest import Manifest
from tests.docr.asking import digest


def manifest(number: int, *tags: str) -> Manifest:
    return Manifest("api", digest(number), None, tags)


def page(total: int | None, *manifests: Manifest, has_next: bool = False) -> Page[Manifest]:
    return Page(manifests, total, has_next)


ONE, TWO, THREE = manifest(1, "a"), manifest(2, "b"), manifest(3)

INCOMPLETE = {
    "a total that is missing": ([page(None, ONE)], "meta.total"),
    "a total that is missing on one page": ([page(2, ONE), page(None, TWO)], "meta.total"),
    "a total that changes": ([page(2, ONE), page(3, TWO)], "2 to 3"),
    "fewer entries than the total": ([page(3, ONE, TWO)], "expected 3 distinct entries"),
    "more entries than the total": ([page(1, ONE, TWO)], "expected 1 distinct entries"),
    "a shift: one seen twice, another skipped": ([page(3, ONE, TWO), page(3, TWO)], "got 2"),
    "one digest with two contents": ([page(2, ONE, TWO), page(2, manifest(1, "c"))], "twice with different content"),
    "one tag on two digests": ([page(2, ONE, manifest(2, "a"))], "each tag on one digest, got a on"),
    "nothing, where there should be something": ([page(1)], "expected 1"),
}


@pytest.mark.parametrize(("pages", "why"), INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_pages_that_do_not_agree_are_no_listing(pages: list[Page[Manifest]], why: str) -> None:
    """Distinct digests are `meta.total` on every page, and a tag stands on one of them; else nothing is judged."""
    with pytest.raises(ListingIncomplete, match="the listing of api is incomplete") as caught:
        listing("api", pages)
    assert why in caught.value.message
    assert caught.value.next_step


def test_pages_that_agree_are_a_listing_sorted_by_digest() -> None:
    """The order of a listing is stated nowhere, so it is ours."""
    assert listing("api", [page(3, THREE, ONE), page(3, TWO)]).manifests == (ONE, TWO, THREE)


def test_an_entry_that_is_seen_twice_unchanged_does_no_harm_where_none_is_missing() -> None:
    """The distinct digests are what counts."""
    assert listing("api", [page(2, ONE, TWO), page(2, TWO)]).manifests == (ONE, TWO)


def test_an_empty_repository_has_a_whole_listing() -> None:
    """A total of nothing, and nothing listed."""
    assert listing("api", [page(0)]).manifests == ()


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([page(3, ONE)], True),
        ([page(1, ONE)], False),
        ([page(1, ONE, has_next=True)], True),
        ([page(3)], False),
        ([page(None, ONE, has_next=True)], False),
        ([page(3, ONE), page(4, TWO)], False),
        ([page(9, ONE), page(9, ONE)], False),
        ([page(3, ONE), page(3, TWO)], True),
    ],
)
def test_another_page_is_asked_for_while_it_can_help(pages: list[Page[Manifest]], *, expected: bool) -> None:
    """Not once the list is whole, nor once it cannot be: a page is empty, repeated, or has another total."""
    assert go_on(pages) is expected


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(0, 30), st.integers(1, 7))
def test_only_the_whole_list_is_without_a_flaw(numbers: list[int], total: int, per_page: int) -> None:
    """However the entries are spread over pages, repeated or lost: the distinct ones must be the total."""
    pages = [Page(tuple(numbers[i : i + per_page]), total) for i in range(0, len(numbers), per_page)]
    assert (flaw(pages, str) is None) == (len(set(numbers)) == total)
    assert set(whole(pages, str)) == set(numbers)
