"""Looks at a registry beside its runs: at collections that others start, storage, what is in use, what is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from cleaner.errors import CleanerError
from cleaner.model.event import Listener, Warned

COLLECTION_EACH = timedelta(minutes=5)
"""How often it is asked whether a collection is active; an alert needs to know within half an hour."""

STORAGE_EACH = timedelta(hours=1)
"""The provider works it out anew no more often than about that."""

USES_EACH = timedelta(hours=1)
"""What ran for less long, between two looks and two runs, is not remembered."""

AUDIT_EACH, FIRST_AUDIT = timedelta(days=1), timedelta(hours=1)
"""An audit asks for each blob: a process that is begun again and again audits nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at, each so often, for the first time so long after the start."""

    do: Callable[[], Awaitable[None]]
    each: timedelta
    after: timedelta = timedelta(0)


async def look_out(registry: str, looks: Iterable[Look], tell: Listener) -> None:
    """Look for as long as the process lives; a look that takes long keeps no other waiting."""
    async with asyncio.TaskGroup() as group:
        for look in looks:
            group.create_task(_again_and_again(registry, look, tell))


async def _again_and_again(registry: str, look: Look, tell: Listener) -> None:
    """A look that fails is told, and the next one comes all the same."""
    await asyncio.sleep(look.after.total_seconds())
    while True:
        try:
            await look.do()
        except CleanerError as error:
            tell(Warned(registry, f"could not be looked at between runs: {error}"))
        await asyncio.sleep(look.each.total_seconds())
