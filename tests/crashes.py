"""A process that ends at any point: nothing leaves it from then on, and nothing is written any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import httpx
from sqlalchemy import Connection, Engine, event

from tests.house import After, Before, House


class Crash(BaseException):
    """The process ends here."""


@dataclass(slots=True)
class Plug:
    """Pulled after `points` points of a run: requests on their way out or back, and commits.

    What the network did to requests and answers before, it does as long as the plug is in.
    """

    house: House
    points: int
    passed: int = 0
    before: Before = field(init=False)
    after: After = field(init=False)

    def __enter__(self) -> Self:
        network = self.house.network
        self.before, self.after = network.before, network.after
        network.before, network.after = self._out, self._back
        event.listen(Engine, "commit", self._commit)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "commit", self._commit)
        self.house.network.before, self.house.network.after = self.before, self.after

    def _point(self) -> None:
        self.passed += 1
        if self.passed > self.points:
            raise Crash

    def _out(self, request: httpx.Request) -> httpx.Response | None:
        self._point()
        return self.before(request)

    def _back(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        answer = self.after(request, answer) or answer
        self._point()
        return answer

    def _commit(self, _connection: Connection) -> None:
        self._point()


def crashes(house: House, points: int, do: Callable[[], object]) -> bool:
    """Whether `do`, a command of the house, ended in a crash after so many points; else it came to its own end."""
    with Plug(house, points):
        try:
            do()
        except Crash:
            bury(house)
            return True
    return False


def points_of(house: House, do: Callable[[], object]) -> int:
    """How many points a command passes that comes to its own end."""
    with Plug(house, 1_000_000) as plug:
        do()
    return plug.passed


def bury(house: House) -> None:
    """End what the dead process left on the loop, as long as nothing of it can reach anything."""
    tasks = asyncio.all_tasks(house.loop)
    for task in tasks:
        task.cancel()
    house.loop.run_until_complete(_all(tasks))


async def _all(tasks: set[asyncio.Task[object]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
