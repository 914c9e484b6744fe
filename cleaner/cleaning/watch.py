"""Looks at a registry from outside any run: nothing is decided and nothing changed."""

from __future__ import annotations

from cleaner.cleaning.work import Work
from cleaner.model.event import RegistryWatched, StorageSeen


async def watch_collection(work: Work) -> None:
    """Look whether a garbage collection is active, whosesoever, and tell.

    Raises:
        RemoteError: the provider could not be asked.
    """
    work.tell(RegistryWatched(work.registry, await work.reader.active_collection()))


async def watch_storage(work: Work) -> None:
    """Look what the registry's storage is and what is included in the account's subscription, and tell.

    Raises:
        RemoteError: the provider could not be asked.
    """
    work.tell(StorageSeen(work.registry, await work.reader.storage()))
