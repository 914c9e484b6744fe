"""Which family of the control plane's paths serves a registry, and the addresses in it (API page, "Control plane")."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from cleaner.config.settings import Api, Family
from cleaner.docr import wire
from cleaner.docr.call import Call
from cleaner.docr.retries import Channel
from cleaner.errors import NotFound, UnknownRegistry

READ_SCOPE = "the scope registry:read"


class Paths:
    """The addresses of one registry. The family is found out once, before the first address is given.

    A name is one segment of a path whatever it holds: `/` becomes `%2F`.
    """

    def __init__(self, api: Api, registry: str, channel: Channel) -> None:
        self.registry = registry
        self._api = api
        self._channel = channel
        self._family: Family | None = None if api.family is Family.AUTO else api.family
        self._finding = asyncio.Lock()

    async def family(self) -> Family:
        """The family that serves this registry: as configured, or the newer, and on a 404 the older.

        Raises:
            UnknownRegistry: neither knows the registry.
            RemoteError: it could not be found out.
        """
        async with self._finding:
            if self._family is None:
                self._family = await self._find()
            return self._family

    async def below(self, tail: str) -> str:
        """The address of `tail`, which is quoted already, below the registry."""
        return self._below(await self.family(), tail)

    async def account(self, tail: str) -> str:
        """The address of `tail` at the level of the account."""
        return f"{self._api.url}/v2/{(await self.family()).value}{tail}"

    def unknown(self) -> UnknownRegistry:
        """The error for a registry that is not there."""
        return UnknownRegistry(
            f"{self._api.url} knows no registry {self.registry}",
            "Check the registry's name, and that `api.token` belongs to the account that has it",
        )

    def _below(self, family: Family, tail: str) -> str:
        return f"{self._api.url}/v2/{family.value}/{segment(self.registry)}/{tail}"

    async def _find(self) -> Family:
        for family in (Family.REGISTRIES, Family.REGISTRY):
            url = self._below(family, "repositoriesV2?page=1&per_page=1")
            call = Call("GET", url, f"looking for the registry {self.registry}", READ_SCOPE)
            try:
                await self._channel.ask(call, wire.RepositoriesPage, lambda _: None)
            except NotFound:
                continue
            return family
        raise self.unknown()


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
