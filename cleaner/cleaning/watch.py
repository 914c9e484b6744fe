"""Looks at a registry from outside any run: nothing is decided, and nothing of it changed."""

from __future__ import annotations

from cleaner.cleaning.uses import look_at_uses, observe
from cleaner.cleaning.work import Work
from cleaner.errors import ListingIncomplete
from cleaner.model.event import RegistryWatched, StorageSeen, Warned


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


async def watch_uses(work: Work) -> None:
    """Look what is in use, and what the tags point to by which it is so; the ledger remembers both.

    Raises:
        RemoteError: the repositories could not be listed.
    """
    usage = await look_at_uses(work)
    by_tag = {name for name, uses in usage.by_repository.items() if any(seen.use.tag is not None for seen in uses)}
    for repository in sorted(by_tag.intersection(await work.reader.repositories() if by_tag else ())):
        seen_at = work.now()
        try:
            listing = await work.reader.listing(repository)
        except ListingIncomplete as error:
            work.tell(Warned(work.registry, f"what its tags point to was not looked at: {error}"))
            continue
        await observe(work, listing, seen_at)
