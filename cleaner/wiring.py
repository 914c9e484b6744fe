"""Settings and the edges become one application: the same for the command line, the tests and the simulation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

import httpx

from cleaner import clock
from cleaner.cleaning import by_hand, watch
from cleaner.cleaning import clean as story
from cleaner.cleaning.run import Occasion, cleaning, collecting, planning, run
from cleaner.cleaning.work import Work
from cleaner.clock import NewId, Now
from cleaner.config.settings import Api, RegistrySettings, Settings
from cleaner.docr import connect
from cleaner.docr.budget import Budget
from cleaner.docr.writer import Writer
from cleaner.errors import MutationRefused, StateError
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.collection import Collection
from cleaner.model.event import Event, Listener
from cleaner.model.plan import Plan
from cleaner.model.report import Report
from cleaner.model.run import Firing, RunKind
from cleaner.planning.survey import Place

_IN_MEMORY = "sqlite://"


@dataclass(frozen=True, slots=True)
class Edges:
    """What comes from outside: the clock, identifiers, randomness, and httpx's transport (None for the network)."""

    now: Now
    new_id: NewId
    randomness: Random
    http: httpx.AsyncBaseTransport | None = None


def production() -> Edges:
    """The edges of the real world."""
    return Edges(clock.utc_now, clock.new_id, clock.randomness())


class Application:
    """Everything that the commands ask for, each call on one registry.

    `notes` say what a person should know about how it was assembled. Whoever opens one closes it.
    """

    def __init__(self, settings: Settings, edges: Edges, ledger: Ledger, notes: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self.ledger = ledger
        self.notes = notes
        self._edges = edges
        self._budgets: dict[tuple[str, str], Budget] = {}

    @classmethod
    def for_planning(cls, settings: Settings, edges: Edges) -> Application:
        """An application whose state lies in memory where the configured one cannot be opened."""
        try:
            return cls.for_applying(settings, edges)
        except StateError as error:
            ledger = open_ledger(_IN_MEMORY, now=edges.now, new_id=edges.new_id)
            return cls(settings, edges, ledger, (f"manifests are read anew, and earlier runs are not known: {error}",))

    @classmethod
    def for_applying(cls, settings: Settings, edges: Edges) -> Application:
        """An application on the configured state.

        Raises:
            StateError: the state cannot be opened or written.
        """
        return cls(settings, edges, open_ledger(settings.state, now=edges.now, new_id=edges.new_id))

    def adopt(self, settings: Settings) -> None:
        """Go on under other settings, on the same state; a token whose rate limit is another gets a new budget."""
        limits = {_token(registry.api): registry.api.rate_limit for registry in settings.registries}
        before = {_token(registry.api): registry.api.rate_limit for registry in self.settings.registries}
        self._budgets = {token: budget for token, budget in self._budgets.items() if limits.get(token) == before[token]}
        self.settings = settings

    def close(self) -> None:
        """Let go of the state."""
        self.ledger.close()

    async def plan(
        self, registry: RegistrySettings, at: datetime | None, tell: Listener, allowed: frozenset[str] = frozenset()
    ) -> Plan:
        """The plan for a registry, as of `at` or of now; not one mutating request can leave (law 9)."""
        async with self._reading(registry, tell) as work:
            return await story.plan(work, at or self._edges.now(), allowed)

    async def explain(self, registry: RegistrySettings, repository: str, tell: Listener) -> Place:
        """What becomes of one repository, and why."""
        async with self._reading(registry, tell) as work:
            return await by_hand.explain(work, repository, self._edges.now())

    async def check(self, registry: RegistrySettings) -> by_hand.RegistryCheck:
        """Whether token, registry and listing answer, by reading alone."""
        async with self._reading(registry, _nobody) as work:
            return await by_hand.check(work)

    async def clean(
        self, registry: RegistrySettings, allowed: frozenset[str], tell: Listener, firing: Firing | None = None
    ) -> Report:
        """One run; its report carries the error that ended it early, if one did."""
        async with self._writing(registry, tell) as (work, writer):
            return await run(work, Occasion(RunKind.CLEAN, firing), cleaning(writer, allowed, firing))

    async def collect(self, registry: RegistrySettings, tell: Listener, firing: Firing | None = None) -> Report:
        """One run that only collects what earlier ones deleted, where that is worth it."""
        async with self._writing(registry, tell) as (work, writer):
            return await run(work, Occasion(RunKind.COLLECT, firing), collecting(writer))

    async def rehearse(self, registry: RegistrySettings, tell: Listener, firing: Firing | None = None) -> Report:
        """One run that only plans: reported and written down as any other, by a client that cannot mutate (law 9)."""
        async with self._reading(registry, tell) as work:
            return await run(work, Occasion(RunKind.PLAN, firing), planning)

    async def watch_collection(self, registry: RegistrySettings, tell: Listener) -> None:
        """Look whether a garbage collection is active, and tell."""
        async with self._reading(registry, tell) as work:
            await watch.watch_collection(work)

    async def watch_storage(self, registry: RegistrySettings, tell: Listener) -> None:
        """Look what the registry's storage is and what it costs, and tell."""
        async with self._reading(registry, tell) as work:
            await watch.watch_storage(work)

    async def active_collection(self, registry: RegistrySettings) -> Collection | None:
        """The registry's active garbage collection."""
        async with self._reading(registry, _nobody) as work:
            return await work.reader.active_collection()

    async def past_collections(self, registry: RegistrySettings) -> tuple[Collection, ...]:
        """The registry's past garbage collections, newest first."""
        async with self._reading(registry, _nobody) as work:
            return await work.reader.past_collections()

    async def start_collection(self, registry: RegistrySettings, tell: Listener) -> None:
        """Start a garbage collection by hand, and follow it to its end."""
        async with self._writing(registry, tell) as (work, writer):
            await by_hand.collect_now(work, writer)

    async def cancel_collection(self, registry: RegistrySettings, uuid: str) -> Collection:
        """Ask to cancel a garbage collection; a person may cancel anybody's."""
        async with self._writing(registry, _nobody) as (_, writer):
            return await writer.cancel_collection(uuid)

    @asynccontextmanager
    async def _reading(self, registry: RegistrySettings, tell: Listener) -> AsyncIterator[Work]:
        async with connect.reading(registry.api, registry.name, self._docr(registry.api, tell)) as reader:
            yield Work(registry, reader, self.ledger, self._edges.now, tell)

    @asynccontextmanager
    async def _writing(self, registry: RegistrySettings, tell: Listener) -> AsyncIterator[tuple[Work, Writer]]:
        if not registry.enforces:
            raise MutationRefused(
                f"no policy of {registry.name} is in mode enforce, so nothing may be changed there (law 9)",
                "Set `mode: enforce` where you mean it",
            )
        async with connect.writing(registry.api, registry.name, self._docr(registry.api, tell)) as (reader, writer):
            yield Work(registry, reader, self.ledger, self._edges.now, tell), writer

    def _docr(self, api: Api, tell: Listener) -> connect.Edges:
        """The clients' edges; all that use one token share its budget (law 13)."""
        budget = self._budgets.setdefault(_token(api), Budget(api.rate_limit, self._edges.now))
        return connect.Edges(self._edges.now, self._edges.randomness, budget, tell, self._edges.http)


def _nobody(_: Event) -> None:
    """Hears, and tells nobody."""


def _token(api: Api) -> tuple[str, str]:
    """What tells one token from another, without a look at its value."""
    return api.url, api.token.source
