"""The daemon in virtual time: a keeper and all who listen to it, over a house; stopped, killed, and begun anew.

Everything is the daemon's own but its process: no signals and no sockets. Each process opens the same state.
"""

from __future__ import annotations

import asyncio
import io
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest.mock import patch

import httpx
from sqlalchemy import Connection, Engine, event

from cleaner.cli.daemon import ConfigFile
from cleaner.clock import Now
from cleaner.daemon.board import Board
from cleaner.daemon.heartbeat import Heartbeats
from cleaner.daemon.keeper import Keeper, Listeners
from cleaner.daemon.logbook import Logbook
from cleaner.daemon.metrics import Metrics
from cleaner.ledger.history import PastDeletion, PastRun
from cleaner.model.event import Event, RunBegan, RunEnded, RunNotBegun, registry_of
from cleaner.wiring import Application
from tests.crashes import Crash
from tests.daemon.exposed import exposed
from tests.daemon.logged import Line, lines, logging_to
from tests.house import START, TOKEN, House
from tests.shelves import Shelf, house, registry
from tests.virtual_time import scheduler_on

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NIGHTLY = '"30 2 * * *"'
SOON = timedelta(seconds=2)

Kind = TypeVar("Kind", bound=Event)
Result = TypeVar("Result")


def at(clock: str, day: int = 25) -> datetime:
    """That time of a day in November 2026, UTC; the house begins at noon of the 24th."""
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=UTC)


def entry(name: str = "acme", *, keep: str = '[{tags: ["v*"], last: 2}]', mode: str = "enforce", **keys: str) -> str:
    """A registry of the configuration, in one line; `keys` are more of its keys, as YAML."""
    collection = keys.pop("garbage_collection", "{min_freed: 0B}")
    more = "".join(f"{key}: {value}, " for key, value in keys.items())
    policies = f'[{{repositories: ["*"], mode: {mode}, keep: {keep}}}]'
    return f"  - {{name: {name}, {more}garbage_collection: {collection}, policies: {policies}}}\n"


def configuration(*registries: str, top: str = "", protect: str = "in_use: none") -> str:
    """A configuration with these registries; `top` are more keys of the file."""
    fixed = f"protect: {{{protect}}}\nlimits: {{share: 100%, keep_at_least: 1}}\n"
    return f"{fixed}{top}\nregistries:\n{''.join(registries)}"


def versions(count: int = 4, repository: str = "shop") -> Shelf:
    """So many versions, each a day older than the next; the youngest is thirty days old."""
    shelf = Shelf(repository)
    for number in range(count):
        shelf.image(f"v{number}", days=30 + count - number)
    return shelf


def account(**registries: Shelf) -> dict[str, object]:
    """What the simulator loads: each registry with the shelf that is its own."""
    worlds = [registry(shelf, name=name) for name, shelf in registries.items()]
    return {"registries": [each for world in worlds for each in cast("list[object]", world["registries"])]}


@dataclass(slots=True)
class Memory:
    """Remembers what happens, with its moment; `awaited` are those who wait for something to happen."""

    now: Now
    heard: list[tuple[datetime, Event]] = field(default_factory=list)
    awaited: list[tuple[type[Any], asyncio.Future[Event]]] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """Remember it, and wake who waits for it."""
        self.heard.append((self.now(), event))
        for kind, waiting in self.awaited:
            if isinstance(event, kind) and not waiting.done():
                waiting.set_result(event)


@dataclass(frozen=True, slots=True)
class Audience(Listeners):
    """All who hear what happens in the daemon, and one who remembers it."""

    memory: Memory

    def hear(self, event: Event) -> None:
        """Tell them all."""
        self.memory.hear(event)
        Listeners.hear(self, event)


@dataclass(slots=True)
class Process:
    """One process of the daemon."""

    keeper: Keeper
    stopping: asyncio.Event
    keeping: asyncio.Task[bool]

    async def stop(self) -> bool:
        """Stop it, and see whether it was done within its grace."""
        self.stopping.set()
        return await self.keeping


@dataclass(slots=True)
class Household:
    """A house and its daemon's processes, and all that they told."""

    house: House
    log: io.StringIO
    memory: Memory

    @property
    def heard(self) -> list[tuple[datetime, Event]]:
        """All that was told, with its moment."""
        return self.memory.heard

    def run(self, story: Coroutine[Any, Any, Result]) -> Result:
        """Let it happen, in virtual time."""
        return self.house.run(story)

    def configure(self, text: str) -> None:
        """Write the configuration file; a running process goes on under the old one until it is told to reload."""
        self.write(f"state: sqlite:///{self.house.directory}/state.db\n{text}")

    def write(self, text: str) -> None:
        """Write the file as it stands, the place of the state included."""
        (self.house.directory / "config.yaml").write_text(text, encoding="utf-8")

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """A process that is ready. At the end it is stopped, if it still runs, and lets go of the state."""
        file = ConfigFile(self.house.directory / "config.yaml", None, None, None)
        settings = file.read()
        application = Application.for_applying(settings, self.house.edges)
        keeper = Keeper(application, self.house.edges, self.audience(), lambda: file.read_anew(settings))
        ready, stopping = asyncio.Event(), asyncio.Event()
        process = Process(keeper, stopping, asyncio.create_task(keeper.keep(stopping, ready.set)))
        try:
            await asyncio.wait(
                [process.keeping, waiting := asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED
            )
            waiting.cancel()
            yield process
            if not process.keeping.done():
                assert await process.stop(), "it outlasted its grace"
        finally:
            process.keeping.cancel()
            await asyncio.wait([process.keeping])
            application.close()

    async def kill(self, process: Process) -> None:
        """The process is gone at this moment: nothing leaves it and nothing is written any more."""
        others = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
        process.keeper.timetable.stop()
        before, self.house.network.before = self.house.network.before, _dead
        event.listen(Engine, "commit", _dead)
        try:
            for _ in range(3):  # what finishes something in hand hears the first and is ended by the next
                for task in others:
                    task.cancel()
                await asyncio.sleep(0)
            await asyncio.gather(*others, return_exceptions=True)
        finally:
            event.remove(Engine, "commit", _dead)
            self.house.network.before = before
        with suppress(asyncio.CancelledError, BaseExceptionGroup):
            await process.keeping

    async def until(self, moment: datetime) -> None:
        """Sleep in pieces: a loop that is idle for a whole day is taken for a hung one."""
        while (left := (moment - self.house.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 3600.0))

    async def hears(self, kind: type[Kind], within: timedelta = DAY) -> Kind:
        """The next event of that kind."""
        waiting: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self.memory.awaited.append((kind, waiting))
        async with asyncio.timeout(within.total_seconds()):
            return cast("Kind", await waiting)

    def told(self, kind: type[Kind], registry: str | None = None) -> list[tuple[datetime, Kind]]:
        """The events of that kind, of one registry or of all."""
        return [(m, e) for m, e in self.heard if isinstance(e, kind) and registry in {None, registry_of(e)}]

    def began(self, registry: str = "acme") -> list[datetime]:
        """When each run began, to the second."""
        return [moment.replace(microsecond=0) for moment, _ in self.told(RunBegan, registry)]

    def outcomes(self, registry: str = "acme") -> list[str]:
        """How each run ended, or why it did not begin."""
        return [
            told.report.outcome if isinstance(told, RunEnded) else "not begun"
            for _, told in self.heard
            if isinstance(told, RunEnded | RunNotBegun) and told.registry == registry
        ]

    def pauses(self, registry: str = "acme") -> list[timedelta]:
        """How long after the end of each try, or of what kept it from beginning, the next one came; to the second."""
        pauses: list[timedelta] = []
        ended: datetime | None = None
        for moment, told in self.heard:
            if not isinstance(told, RunBegan | RunEnded | RunNotBegun) or told.registry != registry:
                continue
            if ended is not None and not isinstance(told, RunEnded):
                pauses.append(timedelta(seconds=round((moment - ended).total_seconds())))
            ended = None if isinstance(told, RunBegan) else moment
        return pauses

    def past_runs(self) -> list[PastRun]:
        """The runs of the ledger, the first one first."""
        with self.house.application() as application:
            return list(reversed(application.ledger.history.runs(10_000)))

    def past_deletions(self) -> list[PastDeletion]:
        """The deletions of the ledger, the first one first."""
        with self.house.application() as application:
            return list(reversed(application.ledger.history.deletions(10_000)))

    def deletes(self) -> list[tuple[datetime, str]]:
        """Each DELETE that was sent: its moment, and its path."""
        network = self.house.network
        moments = [START + timedelta(seconds=network.moments[place]) for place in network.places("DELETE")]
        return list(zip(moments, network.sent("DELETE"), strict=True))

    def carried_out(self) -> list[str]:
        """The path of each DELETE that the provider carried out, by its own log."""
        log = cast("list[dict[str, Any]]", self.house.log.as_json()["requests"])
        return [each["path"] for each in log if each["method"] == "DELETE" and each["status"] == 204]

    def alter(self, table: str, into: str) -> None:
        """Somebody renames a table of the state, and by that spoils it, or puts it right again."""
        with closing(sqlite3.connect(self.house.directory / "state.db")) as connection:
            connection.execute(f"ALTER TABLE {table} RENAME TO {into}")

    def lines(self, phrase: str, **facts: object) -> list[Line]:
        """The log's lines with that phrase and these facts."""
        every = lines(self.log)
        return [line for line in every if line["event"] == phrase and all(line.get(k) == v for k, v in facts.items())]

    def audience(self) -> Audience:
        """All who hear what happens in one process."""
        now, logbook = self.house.now, Logbook()
        heartbeats = Heartbeats(self.house.network, logbook.hear)
        return Audience(Board(now), Metrics(now, "0"), logbook, heartbeats, self.memory)


def metric(process: Process, sample: str) -> float | None:
    """The value of a sample, by its name without the prefix and its labels' values; None where it is absent."""
    return exposed(process.keeper.listeners.metrics).get(sample)


@contextmanager
def household(
    folder: Path, text: str, content: Mapping[str, object] | None = None, *, collection: timedelta = 9 * SECOND
) -> Iterator[Household]:
    """A household over this account, one registry with four versions unless told otherwise."""
    content = account(acme=versions()) if content is None else content
    environment = {"DIGITALOCEAN_ACCESS_TOKEN": TOKEN}
    with (
        patch.dict(os.environ, environment),
        house(content, text, folder, collection_duration=collection) as world,
        scheduler_on(world.now),
        logging_to(io.StringIO(), now=world.now) as log,
    ):
        yield Household(world, log, Memory(world.now))


def _dead(_: httpx.Request | Connection) -> None:
    raise Crash
