"""Lists that come in pages, read to their end: whole, or an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from cleaner.docr.call import Call
from cleaner.docr.pages import Page, flaw, go_on, whole
from cleaner.docr.retries import Channel
from cleaner.errors import (
    Forbidden,
    ListingIncomplete,
    MalformedAnswer,
    NotFound,
    RateLimited,
    RemoteError,
    Unauthorized,
)

T = TypeVar("T")
W = TypeVar("W")

PER_PAGE = 200
"""The most entries that the API puts on a page."""

MOST_PAGES = 2_500
"""No list is read beyond so many pages, half a million entries; it counts as incomplete then."""

_FINAL = (Unauthorized, Forbidden, NotFound, RateLimited)
"""Refusals that no second reading of a list would change."""


async def whole_list(
    channel: Channel, asked: Call, shape: type[W], value: Callable[[W], Page[T]], name: Callable[[T], str]
) -> tuple[T, ...]:
    """All entries of the list at `asked.url`, each once, sorted by name.

    Raises:
        MalformedAnswer: it is incomplete or inconsistent, also when read a second time.
        RemoteError: it could not be read.
    """

    async def read() -> tuple[T, ...]:
        pages = await every_page(channel, asked, shape, value)
        wrong = flaw(pages, name)
        if wrong is not None:
            raise MalformedAnswer(f"{asked.what}: the list is incomplete: {wrong}", "Run again later")
        return whole(pages, name)

    return await twice(read)


async def every_page(channel: Channel, asked: Call, shape: type[W], value: Callable[[W], Page[T]]) -> list[Page[T]]:
    """Page after page by its number: a link is never followed (law 11)."""
    pages: list[Page[T]] = []
    for number in range(1, MOST_PAGES + 1):
        call = replace(asked, url=f"{asked.url}?page={number}&per_page={PER_PAGE}")
        pages.append(await channel.ask(call, shape, value))
        if not go_on(pages):
            break
    return pages


async def twice(read: Callable[[], Awaitable[T]]) -> T:
    """What `read` gives, asked a second time where the first failed: pages that shifted rarely shift again."""
    try:
        return await read()
    except _FINAL:
        raise
    except (RemoteError, ListingIncomplete):
        return await read()
