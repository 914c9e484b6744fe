"""Two weeks of a world: the cleaner's commands, on one ledger, while life goes on around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from cleaner.cleaning.orders import NO_MANDATE
from cleaner.errors import CleanerError
from cleaner.ledger.restoring import Which
from cleaner.model.event import CollectionStarted, Planned
from cleaner.model.plan import HoldReason
from cleaner.model.safeguard import CollectionWithheld, ManifestRestored, SourceFailed
from cleaner.wiring import Application
from tests.changes import collect
from tests.crashes import crashes
from tests.house import START, House
from tests.simulation.charter import other_rules
from tests.simulation.promise import broken_by_command, pulled
from tests.simulation.registry import REPOSITORIES
from tests.simulation.world import Wording, World, created

DAYS, REHEARSED = 14, 2
_CRASHES, _POINTS = 0.08, 150
_HALF_A_DAY = timedelta(hours=12)

Command: TypeAlias = Callable[[Application, House], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Past:
    """What came of the weeks: what the witness objected to, how often what happened, and what was answered in order."""

    objections: tuple[str, ...]
    counts: Counter[str]
    trace: tuple[str, ...] = field(repr=False)


def live(seed: int, folder: Path, wording: Wording = str, meddle: Callable[[World], None] = lambda _: None) -> Past:
    """Live through the weeks of that seed; `wording` and `meddle` are for worlds that shall break a promise."""
    world = created(seed, folder, wording)
    with world.house:
        meddle(world)
        _stock(world)
        counts = Counter[str]()
        for day in range(DAYS):
            if day == DAYS // 2 and world.rng.random() < 0.5:
                world.charter = replace(world.charter, rules=other_rules(world.rng))
            mode = "plan" if day < REHEARSED else "enforce"
            world.configure(mode)
            counts += _day(world, "plan" if mode == "plan" else "clean")
        world.application.close()
    return Past(tuple(world.witness.objections), counts + _told(world), tuple(world.trace))


def _stock(world: World) -> None:
    """What was pushed in the weeks before, and what runs when it all begins."""
    for age in sorted((world.rng.randrange(1, 60) for _ in range(14)), reverse=True):
        world.people.build(world.rng.choice(REPOSITORIES), START - age * _HALF_A_DAY)
    for _ in range(5):
        world.among_themselves()


def _day(world: World, daily: str) -> Counter[str]:
    """A day with one daily command, and others by chance."""
    counts = Counter[str]()
    hours = sorted(world.rng.uniform(0, 24) for _ in range(world.rng.randint(1, 3)))
    main = world.rng.randrange(len(hours))
    for number, (since, hour) in enumerate(zip((0.0, *hours), hours, strict=False)):
        world.wait(hour - since)
        world.among_themselves()
        name = daily if number == main else world.rng.choice(_OTHERS)
        counts[name] += 1
        crashed = _command(world, name)
        counts["crashes"] += crashed
        if crashed and world.rng.random() < 0.5:  # what the dead process left behind, a collection must not take
            world.among_themselves()
            _command(world, "gc start")
    world.wait(24 - hours[-1])
    counts.update(_misfortune(world))
    return counts


def _command(world: World, name: str) -> bool:
    """Carry one out, and look what it has left; whether it ended in a crash."""
    house, witness, crashed = world.house, world.witness, False
    world.trouble()
    world.registry.moved.clear()
    witness.begins()
    found = pulled(world.charter, witness.seen, world.registry, world.fleet, witness.now)

    def carry_out() -> None:
        with suppress(CleanerError):  # it says what it could not do; the witness sees what it did
            house.run(_COMMANDS[name](world.application, house))

    if world.rng.random() < _CRASHES:
        crashed = crashes(house, world.rng.randrange(_POINTS), carry_out)
    else:
        carry_out()
    if crashed:
        world.restart()
    witness.ends(looks_count=name in _LOOKS and (name == "look" or witness.as_of is not None), crashed=crashed)
    witness.object(broken_by_command(world.charter, found, world.registry, world.fleet))
    return crashed


def _misfortune(world: World) -> Iterator[str]:
    """What happens to the best: the process starts anew, the ledger is lost, somebody starts a collection."""
    if world.rng.random() < 0.1:
        world.restart()
        yield "restarts"
    if world.rng.random() < 0.01:
        world.lose_the_ledger()
        yield "lost ledgers"
    if world.rng.random() < 0.05 and not world.registry.read_only:
        collect(world.house)
        yield "collections of others"


async def _plan(application: Application, house: House) -> None:
    await application.plan(house.registry, None, house.events.append)


async def _clean(application: Application, house: House) -> None:
    await application.clean(house.registry, NO_MANDATE, house.events.append)


async def _look(application: Application, house: House) -> None:
    await application.watch_uses(house.registry, house.events.append)


async def _undo(application: Application, house: House) -> None:
    await application.undo(house.registry, Which(since=house.now() - _HALF_A_DAY), house.events.append)


async def _collect(application: Application, house: House) -> None:
    await application.collect(house.registry, house.events.append)


async def _collect_by_hand(application: Application, house: House) -> None:
    await application.start_collection(house.registry, house.events.append)


_COMMANDS: Mapping[str, Command] = {
    "plan": _plan,
    "clean": _clean,
    "look": _look,
    "undo": _undo,
    "collect": _collect,
    "gc start": _collect_by_hand,
}
_OTHERS = (*["look"] * 8, *["plan"] * 2, *["collect"] * 3, "undo", "gc start")
_LOOKS = ("plan", "clean", "look")


def _told(world: World) -> Counter[str]:
    """How often what came to pass that the promise is about."""
    counts = Counter(deletions=world.witness.deletions)
    for event in world.house.events:
        match event:
            case ManifestRestored():
                counts["restored"] += 1
            case CollectionWithheld():
                counts["collections withheld"] += 1
            case CollectionStarted():
                counts["collections"] += 1
            case SourceFailed():
                counts["sources failed"] += 1
            case Planned(plan):
                counts["announced"] += any(held.reason is HoldReason.NOTICE for held in plan.held_back)
                counts["held by a source"] += any(held.reason is HoldReason.SOURCE for held in plan.held_back)
            case _:
                pass
    return counts
