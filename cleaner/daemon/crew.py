"""Everybody at work: for each registry a worker and a lookout, side by side, as the configuration has them now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

from structlog.contextvars import bound_contextvars

from cleaner.config.settings import RegistrySettings
from cleaner.daemon.runs import Carry
from cleaner.daemon.worker import Forecast, Worker
from cleaner.model.event import Listener
from cleaner.model.run import Firing, Schedule

LookOut: TypeAlias = Callable[[RegistrySettings], Coroutine[Any, Any, None]]
"""Looks at a registry between its runs, for ever; raises nothing."""


@dataclass(frozen=True, slots=True)
class Duties:
    """What the crew does on a registry."""

    carry: Carry
    forecast: Forecast
    look_out: LookOut


@dataclass(frozen=True, slots=True)
class _Post:
    """One registry's worker and lookout; the tasks that they are."""

    worker: Worker
    working: asyncio.Task[None]
    looking: asyncio.Task[None]


class Crew:
    """The registries' workers and lookouts. A mistake in one of them ends `group`, and with it the daemon."""

    def __init__(self, duties: Duties, tell: Listener, group: asyncio.TaskGroup) -> None:
        self._duties = duties
        self._tell = tell
        self._group = group
        self._posts: dict[str, _Post] = {}

    def adopt(self, registries: Iterable[RegistrySettings]) -> None:
        """Work on these registries and no others, under these settings."""
        later = {registry.name: registry for registry in registries}
        for name in sorted(self._posts.keys() - later.keys()):
            self._dismiss(self._posts.pop(name))
        for name, registry in later.items():
            post = self._posts.get(name)
            if post is None:
                self._posts[name] = self._engage(registry)
            elif post.worker.registry != registry:
                post.looking.cancel()
                post.worker.adopt(registry)
                self._posts[name] = _Post(post.worker, post.working, self._look_out(registry))

    def want(self, registry: str, schedule: Schedule, firing: Firing | None = None) -> bool:
        """Whether there is such a registry; a run on it begins as soon as none is under way."""
        post = self._posts.get(registry)
        if post is not None:
            post.worker.want(schedule, firing)
        return post is not None

    async def stop(self, grace: timedelta) -> bool:
        """Begin nothing more, and finish what is in hand; whether that was done within `grace`."""
        posts = list(self._posts.values())
        for post in posts:
            self._dismiss(post)
        _, late = await asyncio.wait([post.working for post in posts], timeout=grace.total_seconds())
        for task in late:
            task.cancel()
        return not late

    def _engage(self, registry: RegistrySettings) -> _Post:
        worker = Worker(registry, self._duties.carry, self._duties.forecast, self._tell)
        working = self._group.create_task(_named(registry.name, worker.work))
        return _Post(worker, working, self._look_out(registry))

    def _look_out(self, registry: RegistrySettings) -> asyncio.Task[None]:
        return self._group.create_task(_named(registry.name, partial(self._duties.look_out, registry)))

    def _dismiss(self, post: _Post) -> None:
        post.looking.cancel()
        post.worker.stop()


async def _named(registry: str, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do it, so that whatever is logged on the way, by a library too, tells the registry."""
    with bound_contextvars(registry=registry):
        await do()
