"""A few things at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

FEW = 4
"""How many requests of one run are under way at once."""

Item = TypeVar("Item")
Result = TypeVar("Result")


async def a_few_at_a_time(do: Callable[[Item], Awaitable[Result]], items: Iterable[Item]) -> list[Result]:
    """The results of `do` for each item, in the items' order, four under way at once.

    Raises:
        CleanerError: the first error of `do`; what is under way is then cancelled.
    """
    room = asyncio.Semaphore(FEW)

    async def one(item: Item) -> Result:
        async with room:
            return await do(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
