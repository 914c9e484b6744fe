"""Pages into whole lists: the only maker of a `Listing`, which is complete and consistent by construction (law 3).

Pages are numbered, so that a push or a delete between two requests shifts what the later ones hold: an entry is
skipped, or seen twice. `meta.total` is the only witness, and it must agree on every page (API page, "Pages").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cleaner.docr import values, wire
from cleaner.errors import ListingIncomplete
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page: its entries, `meta.total` (None where it names none), and whether it points to a next page."""

    items: tuple[T, ...]
    total: int | None
    has_next: bool = False


def page(items: Sequence[T], meta: wire.Meta | None, links: wire.Links | None) -> Page[T]:
    """A page from the parts of its JSON; the address of a next page is looked at only for being there."""
    has_next = links is not None and links.pages is not None and links.pages.next is not None
    return Page(tuple(items), values.size(meta.total) if meta else None, has_next)


def go_on(pages: Sequence[Page[T]]) -> bool:
    """Whether another page is worth asking for: false as soon as the list is whole, or cannot become so any more."""
    last = pages[-1]
    if not last.items or last.total is None or last.total != pages[0].total:
        return False
    if len(pages) > 1 and last.items == pages[-2].items:
        return False
    seen = sum(len(page.items) for page in pages)
    return seen < last.total or (seen == last.total and last.has_next)


def flaw(pages: Sequence[Page[T]], name: Callable[[T], str]) -> str | None:
    """What keeps these pages from being one whole list of distinct names, in words; None for a whole list."""
    totals = {-1 if page.total is None else page.total for page in pages}
    if -1 in totals:
        return "expected `meta.total` on every page, and it is missing"
    if len(totals) != 1:
        return f"expected the same `meta.total` on every page, got {min(totals)} to {max(totals)}"
    entries: dict[str, T] = {}
    for item in (item for page in pages for item in page.items):
        if entries.setdefault(name(item), item) != item:
            return f"expected each entry once, got {name(item)[:100]} twice with different content"
    (total,) = totals
    return (
        None if len(entries) == total else f"expected {total} distinct entries as `meta.total` says, got {len(entries)}"
    )


def whole(pages: Sequence[Page[T]], name: Callable[[T], str]) -> tuple[T, ...]:
    """The entries of pages without a flaw, each once, sorted by name."""
    entries = {name(item): item for page in pages for item in page.items}
    return tuple(entries[key] for key in sorted(entries))


def listing(repository: str, pages: Sequence[Page[Manifest]]) -> Listing:
    """The listing of a repository, sorted by digest.

    Raises:
        ListingIncomplete: law 3 does not hold for these pages, or one tag stands on two digests.
    """
    wrong = flaw(pages, _digest) or _tag_on_two_digests(pages)
    if wrong is not None:
        raise ListingIncomplete(
            f"the listing of {repository} is incomplete: {wrong}",
            "Nothing of it is deleted in this run; the next one lists it anew",
        )
    return Listing(repository, whole(pages, _digest))


def nothing_listed(repository: str) -> Listing:
    """The listing of a repository that the registry does not have any more, as its whole list of them says."""
    return Listing(repository, ())


def _digest(manifest: Manifest) -> str:
    return manifest.digest


def _tag_on_two_digests(pages: Sequence[Page[Manifest]]) -> str | None:
    holders: dict[str, Digest] = {}
    for manifest in (manifest for page in pages for manifest in page.items):
        for tag in manifest.tags:
            if holders.setdefault(tag, manifest.digest) != manifest.digest:
                return f"expected each tag on one digest, got {tag[:128]} on {holders[tag]} and {manifest.digest}"
    return None
