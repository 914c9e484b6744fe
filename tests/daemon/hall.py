"""Where the timetable's bell is heard: a timetable on a real ledger, in virtual time, with nobody behind the bell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from cleaner.config.load import load
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.timetable import Time, Timetable
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.event import Event
from cleaner.model.run import Firing, Schedule
from tests.daemon.household import configuration
from tests.house import START, unhurried_sqlite
from tests.ledger.blank import lay_blank
from tests.virtual_time import VirtualTimeLoop, scheduler_on


@dataclass(slots=True)
class Hall:
    """Where the bell rings: `rings` is each ring's moment and what it answers, `rung` its registry.

    `at_a_ring` is done at the next ring.
    """

    folder: Path
    loop: VirtualTimeLoop = field(default_factory=VirtualTimeLoop)
    ids: Iterator[int] = field(default_factory=count)
    rings: list[tuple[datetime, Firing]] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    at_a_ring: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """The virtual moment; each look takes a microsecond."""
        return START + timedelta(seconds=self.loop.time(), microseconds=next(self.ids))

    def ring(self, registry: str, _: Schedule, firing: Firing) -> None:
        """Hear it."""
        self.rung.append(registry)
        self.at_a_ring()
        self.at_a_ring = lambda: None
        self.rings.append((self.now(), firing))

    def registries(self, *entries: str) -> tuple[RegistrySettings, ...]:
        """The registries of a configuration with these entries."""
        path = self.folder / "config.yaml"
        path.write_text(configuration(*entries), encoding="utf-8")
        return load(path, {}).registries

    def moments(self) -> list[datetime]:
        """When it rang, to the second."""
        return [moment.replace(microsecond=0) for moment, _ in self.rings]

    async def until(self, moment: datetime) -> None:
        """Wait in pieces until so many microseconds of looks are over as well."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 3600.0))

    @contextmanager
    def timetable(self, seed: int = 0) -> Iterator[Timetable]:
        """A timetable that keeps the time, of a process of its own."""
        with closing(self.ledger()) as ledger:
            timetable = Timetable(ledger, Time(self.now, Random(seed)), self.ring, self.told.append)
            timetable.start()
            yield timetable
            if timetable.is_running:
                timetable.stop()

    def ledger(self) -> Ledger:
        """The state, opened anew."""
        state = f"sqlite:///{self.folder}/state.db"
        return open_ledger(state, now=self.now, new_id=lambda: f"id-{next(self.ids)}")


def happens(hall: Hall, story: Coroutine[Any, Any, None]) -> None:
    """Let it happen, and what was left on the loop after it."""

    async def life() -> None:
        await story
        await asyncio.sleep(1)

    hall.loop.run_until_complete(life())


async def keep(timetable: Timetable, registries: tuple[RegistrySettings, ...]) -> None:
    """Keep the schedules of these registries."""
    (await timetable.prepare(registries))()


@contextmanager
def opened(folder: Path) -> Iterator[Hall]:
    """An empty hall at noon; its state lies in that folder."""
    lay_blank(folder / "state.db")
    hall = Hall(folder)
    with unhurried_sqlite(), scheduler_on(hall.now), closing(hall.loop):
        yield hall
