"""Boards to look at: one that heard a house at work, and what a registry full of malice would tell it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx

from cleaner.cleaning.orders import Mandate
from cleaner.config.settings import RegistrySettings
from cleaner.daemon.board import Board
from cleaner.daemon.site import Site
from cleaner.ledger.history import History
from cleaner.ledger.opening import open_ledger
from cleaner.model.audit import Finding, FindingKind
from cleaner.model.collection import Collection
from cleaner.model.event import Event, Planned, RegistryWatched, RunScheduled, StorageSeen, Warned
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Plan, Unmanaged, Waiting
from cleaner.model.reason import NoRuleKeeps, Within
from cleaner.model.registry import Storage
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import Audited, CollectionWithheld, SourceFailed
from tests.house import START, House
from tests.shelves import Shelf, digest_of, house, registry

DAY = timedelta(days=1)
GIB = 2**30

SCRIPT = "<script>document.title='taken'</script>"
BACKWARDS = "v1\u202egnp.exe"
ENDLESS = "x" * 10_000
MALICE = (
    SCRIPT,
    BACKWARDS,
    ENDLESS,
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred",
    "{{ 7 * 7 }}",
    "שלום",
    "a\u0301" * 40,
)
"""Names that an attacker who may push can give, and some that are only long or of another script."""

CONFIGURATION = """
mode: enforce
protect: {in_use: [{file: images.txt}]}
limits: {share: 100%, keep_at_least: 1, deletions: 9}
registries:
  - name: acme
    schedule: "30 2 * * *"
    timezone: Europe/Berlin
    garbage_collection: {min_freed: 0B}
    policies:
      - {repositories: ["shop/*", api], keep: [{tags: [main]}, {tags: ["v*"], last: 3}], untagged: {within: 14d}}
      - {repositories: ["preview/*"], mode: plan, keep: [{tags: ["pr-*"], within: 20d}]}
  - name: hostile
    policies: [{repositories: ["*"], mode: plan, keep: [{last: 1}]}]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A board, the history beside it, and the house that it heard."""

    board: Board
    history: History
    house: House

    @property
    def settings(self) -> tuple[RegistrySettings, ...]:
        """The registries of the configuration."""
        return self.house.settings.registries


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """A fresh board over a house with a registry that is cleaned and one that nobody asked yet."""
    (folder / "images.txt").write_text("shop/web:v1.23.0\napi:v2.23\n", encoding="utf-8")
    with house(registry(*shelves()), CONFIGURATION, folder) as world:
        board = Board(world.now)
        board.expect(world.settings.registries)
        ledger = open_ledger(world.settings.state, now=world.now, new_id=lambda: "of no run")
        try:
            yield Scene(board, ledger.history, world)
        finally:
            ledger.close()


def shelves() -> tuple[Shelf, ...]:
    """Releases with platforms and signatures, previews, and a repository under no policy."""
    web, api, preview, legacy = Shelf("shop/web"), Shelf("api"), Shelf("preview/web"), Shelf("legacy/report")
    for number in range(24):
        days = 200 - 8 * number
        children = [web.image(days=days), web.image(days=days)]
        web.signature(web.index(children, f"v1.{number}.0", days=days), days=days)
        api.image(f"v2.{number}", days=days)
        preview.image(f"pr-{100 + number}", days=days)
    legacy.image("old", days=400)
    return web, api, preview, legacy


def live(of: Scene, days: int) -> None:
    """So many nights of runs, the fourth a failed one, and the looks that the daemon takes between them."""
    world, board = of.house, of.board
    for night in range(days):
        world.network.before = (lambda _: httpx.Response(500)) if night == 3 else lambda _: None
        with world.application() as application:
            world.run(application.clean(world.registry, Mandate(), board.hear))
        world.start += DAY
    world.network.before = lambda _: None
    with world.application() as application:
        world.run(application.watch_storage(world.registry, board.hear))
        world.run(application.watch_collection(world.registry, board.hear))
        world.run(application.audit(world.registry, board.hear))
        world.run(application.plan(world.registry, None, board.hear))
    board.hear(StorageSeen("acme", Storage(61 * GIB, 108 * GIB, 100 * GIB, 2)))
    board.hear(RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, world.now() + DAY / 2, DAY))


def hostile() -> tuple[Event, ...]:
    """What a board hears of a registry whose names are malice."""
    stuck = Collection(SCRIPT, "waiting for delete requests", created_at=START - 9 * DAY)
    return (
        StorageSeen("hostile", Storage(None, None, None, None)),
        RegistryWatched("hostile", stuck),
        Planned(plan_of_malice(), START),
        *(Warned("hostile", f"the repository {name} is odd") for name in MALICE),
    )


def alarming(at: Scene) -> tuple[Event, ...]:
    """What a board hears of a registry on which everything that guards against a loss raises the alarm."""
    (source,) = at.settings[1].in_use
    findings = [Finding(kind, name, f"{name}:v1", name, name) for kind in FindingKind for name in MALICE]
    return (
        SourceFailed("hostile", source.place.name, f"line 3: {SCRIPT} is no image of {BACKWARDS} or {ENDLESS}"),
        CollectionWithheld("hostile", f"{SCRIPT}@{digest_of(SCRIPT)} is needed and gone: {BACKWARDS}"),
        Audited("hostile", tuple(findings)),
    )


def plan_of_malice() -> Plan:
    """A plan in which every name is malice, and everything is too much to show."""
    deletions = tuple(condemned(name, tags=(*MALICE, digest_of(name).replace(":", "-") + ".sig")) for name in MALICE)
    announced = tuple(Waiting(condemned(name), HoldReason.NOTICE, START + 2 * DAY) for name in MALICE)
    many = tuple(replace(condemned("many"), manifest=_manifest("many", ("v1",), n)) for n in range(322))
    return Plan(
        registry="hostile",
        manifests=1000,
        kept=592,
        deletions=deletions + many,
        held_back=(
            *(HeldBack(name, HoldReason.SHARE, f"{name} would lose {name}", 3) for name in MALICE),
            *(HeldBack(name, HoldReason.NOTICE, f"1 goes after the notice of {name}", 1) for name in MALICE),
        ),
        freed=Freed(3 * GIB, 12, unsized=1),
        warnings=tuple(f"the tag {name} is no version" for name in MALICE),
        unmanaged=tuple(Unmanaged(name, 1, 5) for name in MALICE),
        waiting=announced,
    )


def condemned(repository: str, tags: tuple[str, ...] = ("v1",)) -> Deletion:
    """A deletion under a policy that is only reported on."""
    reason = NoRuleKeeps(tags[:1], timedelta(days=40), ((1, (Within(timedelta(days=30), timedelta(days=40)),)),))
    return Deletion(_manifest(repository, tags, 0), Mode.PLAN, (reason,))


def _manifest(repository: str, tags: tuple[str, ...], number: int) -> Manifest:
    return Manifest(repository, Digest(digest_of(f"{repository} {number}")), START - 40 * DAY, tags)


def site_of(at: Scene) -> Site:
    """The site over a scene, of a daemon that is ready, and that nobody may ask to change anything."""
    return Site(
        board=at.board,
        history=at.history,
        metrics=lambda accept: (f"# asked for {accept}\n".encode(), "text/plain; version=0.0.4; charset=utf-8"),
        now=at.house.now,
        is_ready=lambda: True,
        is_alive=lambda: True,
        admin=lambda: None,
        reload=_nothing_to_reload,
        start_run=lambda registry: registry in {settings.name for settings in at.settings},
    )


async def _nothing_to_reload() -> str | None:
    return None
