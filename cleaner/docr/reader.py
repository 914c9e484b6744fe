"""The client that can only look: one registry, one run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from cleaner.config.settings import Family
from cleaner.docr import values, wire
from cleaner.docr.call import Call
from cleaner.docr.data_plane import DataPlane
from cleaner.docr.pages import Page, flaw, go_on, listing, page, whole
from cleaner.docr.paths import READ_SCOPE, Paths, segment
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
from cleaner.model.collection import Collection
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.model.registry import RegistryInfo, Storage, Subscription

T = TypeVar("T")
W = TypeVar("W")

PER_PAGE = 200
"""The most entries that the API puts on a page."""

MOST_PAGES = 2_500
"""No list is read beyond so many pages, half a million entries; it counts as incomplete then."""

_FINAL = (Unauthorized, Forbidden, NotFound, RateLimited)
"""Refusals that no second reading of a list would change."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Reader:
    """Reads a registry, both planes of it. Every call may raise a `RemoteError` that retries did not cure."""

    def __init__(self, paths: Paths, channel: Channel, data_plane: DataPlane) -> None:
        self._paths = paths
        self._channel = channel
        self._data_plane = data_plane

    async def repositories(self) -> tuple[str, ...]:
        """The names of all repositories, sorted.

        Raises:
            UnknownRegistry: there is no such registry.
            MalformedAnswer: the list is incomplete, also when read a second time.
        """
        await self._paths.family()

        async def read() -> tuple[str, ...]:
            pages = await self._pages("repositoriesV2", "the repositories", wire.RepositoriesPage, _repositories)
            return _complete("the repositories", pages, str)

        try:
            return await _twice(read)
        except NotFound:
            raise self._paths.unknown() from None

    async def last_push(self) -> datetime | None:
        """When the newest manifest of all repositories was pushed; None where none says so.

        Raises:
            MalformedAnswer: the list of repositories is incomplete, also when read a second time.
        """
        what = "the last pushes"

        async def read() -> tuple[tuple[str, datetime | None], ...]:
            pages = await self._pages("repositoriesV2", what, wire.RepositoriesPage, _last_pushes)
            return _complete(what, pages, lambda entry: entry[0])

        return max((pushed for _, pushed in await _twice(read) if pushed is not None), default=None)

    async def listing(self, repository: str) -> Listing:
        """All manifests of a repository (law 3).

        Raises:
            ListingIncomplete: they could not be read as one consistent whole, also the second time.
            Unauthorized: the token is wrong, for this repository and any other.
        """
        await self._paths.family()
        what = f"the manifests of {repository}"

        async def read() -> Listing:
            tail = f"repositories/{segment(repository)}/digests"
            return listing(repository, await self._pages(tail, what, wire.ManifestsPage, _manifests(repository)))

        try:
            return await _twice(read)
        except Unauthorized:
            raise
        except RemoteError as error:
            raise ListingIncomplete(f"{what} cannot be listed: {error.message}", error.next_step) from error

    async def content(self, repository: str, digest: Digest) -> Content:
        """What a manifest is, from the data plane.

        Raises:
            ManifestUnreadable: it could not be read, or is not what its digest names (law 2).
        """
        return await self._data_plane.content(repository, digest)

    async def active_collection(self) -> Collection | None:
        """The active garbage collection; None where there is none."""
        url = await self._paths.below("garbage-collection")
        try:
            return await self._get(url, "the active garbage collection", wire.CollectionAnswer, values.only_collection)
        except NotFound:
            return None

    async def past_collections(self) -> tuple[Collection, ...]:
        """The past garbage collections, newest first; an active one may be among them.

        Raises:
            MalformedAnswer: the list is incomplete, also when read a second time.
        """
        what = "the past garbage collections"

        async def read() -> tuple[Collection, ...]:
            pages = await self._pages("garbage-collections", what, wire.CollectionsPage, _collections)
            return _complete(what, pages, lambda collection: collection.uuid)

        return tuple(sorted(await _twice(read), key=lambda past: past.created_at or _EVER, reverse=True))

    async def registry(self) -> RegistryInfo:
        """The registry as the account sees it.

        Raises:
            UnknownRegistry: there is none of this name; the older family knows only the account's first.
            PreconditionFailed: in the older family, where the account has several.
        """
        older = await self._paths.family() is Family.REGISTRY
        url = await self._paths.account("" if older else f"/{segment(self._paths.registry)}")
        try:
            info = await self._get(url, "the registry", wire.RegistryAnswer, values.registry)
        except NotFound:
            raise self._paths.unknown() from None
        if info.name != self._paths.registry:
            raise self._paths.unknown()
        return info

    async def storage(self) -> Storage:
        """The registry's storage, against what the account's subscription includes.

        Raises:
            UnknownRegistry: in the older family, as `registry`.
            PreconditionFailed: in the older family, where the account has several registries.
        """
        used, by_account = await self._usage()
        subscription = await self.subscription()
        return Storage(used, by_account, subscription.included_storage_bytes, subscription.overage_price_cents)

    async def _usage(self) -> tuple[int | None, int | None]:
        if await self._paths.family() is Family.REGISTRY:
            used = (await self.registry()).storage_bytes
            return used, used  # the older family answers only where the account has no other registry
        url, name = await self._paths.account(""), self._paths.registry
        return await self._get(url, "the registries", wire.RegistriesAnswer, lambda answer: values.usage(answer, name))

    async def subscription(self) -> Subscription:
        """The account's subscription."""
        url = await self._paths.account("/subscription")
        return await self._get(url, "the subscription", wire.SubscriptionAnswer, values.subscription)

    async def _get(self, url: str, what: str, shape: type[W], value: Callable[[W], T]) -> T:
        return await self._channel.ask(Call("GET", url, f"reading {what}", READ_SCOPE), shape, value)

    async def _pages(self, tail: str, what: str, shape: type[W], value: Callable[[W], Page[T]]) -> list[Page[T]]:
        """Page after page by its number: a link is never followed (law 11)."""
        address = await self._paths.below(tail)
        pages: list[Page[T]] = []
        for number in range(1, MOST_PAGES + 1):
            url = f"{address}?page={number}&per_page={PER_PAGE}"
            pages.append(await self._get(url, what, shape, value))
            if not go_on(pages):
                break
        return pages


async def _twice(read: Callable[[], Awaitable[T]]) -> T:
    """What `read` gives, asked a second time where the first failed: pages that shifted rarely shift again."""
    try:
        return await read()
    except _FINAL:
        raise
    except (RemoteError, ListingIncomplete):
        return await read()


def _complete(what: str, pages: list[Page[T]], name: Callable[[T], str]) -> tuple[T, ...]:
    wrong = flaw(pages, name)
    if wrong is not None:
        raise MalformedAnswer(f"the list of {what} is incomplete: {wrong}", "Run again; nothing was decided on a part")
    return whole(pages, name)


def _manifests(repository: str) -> Callable[[wire.ManifestsPage], Page[Manifest]]:
    def value(answer: wire.ManifestsPage) -> Page[Manifest]:
        manifests = [values.manifest(repository, entry) for entry in answer.manifests or ()]
        return page(manifests, answer.meta, answer.links)

    return value


def _repositories(answer: wire.RepositoriesPage) -> Page[str]:
    return page([values.repository_name(entry) for entry in answer.repositories or ()], answer.meta, answer.links)


def _last_pushes(answer: wire.RepositoriesPage) -> Page[tuple[str, datetime | None]]:
    entries = [(values.repository_name(entry), values.last_push(entry)) for entry in answer.repositories or ()]
    return page(entries, answer.meta, answer.links)


def _collections(answer: wire.CollectionsPage) -> Page[Collection]:
    return page([values.collection(entry) for entry in answer.garbage_collections or ()], answer.meta, answer.links)
