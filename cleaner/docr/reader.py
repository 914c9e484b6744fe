"""The client that can only look: one registry, one run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from cleaner.config.settings import Family
from cleaner.docr import values, wire
from cleaner.docr.apps import Apps
from cleaner.docr.call import Call
from cleaner.docr.data_plane import DataPlane
from cleaner.docr.lists import every_page, twice, whole_list
from cleaner.docr.pages import Page, listing, page
from cleaner.docr.paths import READ_SCOPE, Paths, segment
from cleaner.docr.retries import Channel
from cleaner.errors import ListingIncomplete, NotFound, RemoteError, Unauthorized
from cleaner.model.collection import Collection
from cleaner.model.deletion import Body
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.model.registry import RegistryInfo, Storage, Subscription

T = TypeVar("T")
W = TypeVar("W")

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Reader:
    """Reads a registry, both planes of it, and the account's `apps`.

    Every call may raise a `RemoteError` that retries did not cure.
    """

    def __init__(self, paths: Paths, channel: Channel, data_plane: DataPlane, apps: Apps) -> None:
        self.apps = apps
        self._paths = paths
        self._channel = channel
        self._data_plane = data_plane

    async def repositories(self) -> tuple[str, ...]:
        """The names of all repositories, sorted.

        Raises:
            UnknownRegistry: there is no such registry.
            MalformedAnswer: the list is incomplete, also when read a second time.
        """
        call = await self._list("repositoriesV2", "the repositories")
        try:
            return await whole_list(self._channel, call, wire.RepositoriesPage, _repositories, str)
        except NotFound:
            raise self._paths.unknown() from None

    async def last_push(self) -> datetime | None:
        """When the newest manifest of all repositories was pushed; None where none says so.

        Raises:
            MalformedAnswer: the list of repositories is incomplete, also when read a second time.
        """
        call = await self._list("repositoriesV2", "the last pushes")
        pushes = await whole_list(self._channel, call, wire.RepositoriesPage, _last_pushes, lambda entry: entry[0])
        return max((pushed for _, pushed in pushes if pushed is not None), default=None)

    async def listing(self, repository: str) -> Listing:
        """All manifests of a repository (law 3).

        Raises:
            ListingIncomplete: they could not be read as one consistent whole, also the second time.
            Unauthorized: the token is wrong, for this repository and any other.
        """
        what = f"the manifests of {repository}"
        call = await self._list(f"repositories/{segment(repository)}/digests", what)

        async def read() -> Listing:
            pages = await every_page(self._channel, call, wire.ManifestsPage, _manifests(repository))
            return listing(repository, pages)

        try:
            return await twice(read)
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

    async def body(self, repository: str, digest: Digest) -> Body:
        """A manifest's very bytes, from the data plane, as they can be put back.

        Raises:
            ManifestUnreadable: they could not be read, or are not what the digest names.
        """
        return await self._data_plane.body(repository, digest)

    async def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the data plane has a blob: a layer, or an image's configuration."""
        return await self._data_plane.has_blob(repository, digest)

    async def has_tag(self, repository: str, tag: str) -> bool:
        """Whether the data plane has a tag, whatever that stands on."""
        return await self._data_plane.has_tag(repository, tag)

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
        call = await self._list("garbage-collections", "the past garbage collections")
        past = await whole_list(self._channel, call, wire.CollectionsPage, _collections, lambda one: one.uuid)
        return tuple(sorted(past, key=lambda one: one.created_at or _EVER, reverse=True))

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

    async def _list(self, tail: str, what: str) -> Call:
        return Call("GET", await self._paths.below(tail), f"reading {what}", READ_SCOPE)


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
