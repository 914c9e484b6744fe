"""Looks at a registry between its runs: a collection that somebody else started is seen, and so is the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import TypeAlias

from cleaner.errors import CleanerError
from cleaner.model.event import Listener, Warned

PAUSE = timedelta(minutes=5)
"""How often it is asked whether a collection is active; an alert needs to know within half an hour."""

_STORAGE_EACH = 12  # the provider works it out anew no more often than each hour or so

Look: TypeAlias = Callable[[], Awaitable[None]]


async def look_out(registry: str, collection: Look, storage: Look, tell: Listener) -> None:
    """Look for as long as the process lives; a look that fails is told, and the next one comes all the same."""
    for number in count():
        looks = [collection, storage] if number % _STORAGE_EACH == 0 else [collection]
        for look in looks:
            try:
                await look()
            except CleanerError as error:
                tell(Warned(registry, f"could not be looked at between runs: {error}"))
        await asyncio.sleep(PAUSE.total_seconds())
