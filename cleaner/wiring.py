"""Settings and the edges become one application: the same for the command line, the tests and the simulation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

import httpx

from cleaner import clock
from cleaner.cleaning import audit, by_hand, undo, watch
from cleaner.cleaning import clean as story
from cleaner.cleaning.decide import Scope
from cleaner.cleaning.orders import NO_MANDATE, Hands, Mandate
from cleaner.cleaning.run import Doing, Occasion, cleaning, collecting, planning, run
from cleaner.cleaning.work import Work
from cleaner.clock import NewId, Now
from cleaner.config.settings import Api, RegistrySettings, Settings
from cleaner.docr import connect
from cleaner.docr.budget import Budget
from cleaner.docr.credentials import hosts_of
from cleaner.docr.reader import Reader
from cleaner.errors import MutationRefused, StateError
from cleaner.in_use.references import Home
from cleaner.in_use.sources import Sources
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.ledger.restoring import Which
from cleaner.model.collection import Collection
from cleaner.model.event import Event, Listener
from cleaner.model.manifest import Digest
from cleaner.model.plan import Plan
from cleaner.model.report import Report
from cleaner.model.run import Firing, RunKind
from cleaner.notify.bulletin import told

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
        self, registry: RegistrySettings, at: datetime | None, tell: Listener, mandate: Mandate = NO_MANDATE
    ) -> Plan:
        """The plan for a registry, as of `at` or of now; not one mutating request can leave (law 9)."""
        scope = Scope(story.BOTH_MODES, mandate.allowed, only=mandate.only, hypothetical=at is not None)
        async with self._reading(registry, tell) as work:
            return await story.plan(work, at or self._edges.now(), scope)

    async def explain(self, registry: RegistrySettings, repository: str, tell: Listener) -> by_hand.Explained:
        """What becomes of one repository, and why."""
        async with self._reading(registry, tell) as work:
            return await by_hand.explain(work, repository, self._edges.now())

    async def repositories(self, registry: RegistrySettings) -> tuple[str, ...]:
        """The names of the registry's repositories."""
        async with self._reading(registry, _nobody) as work:
            return await work.reader.repositories()

    async def audit(self, registry: RegistrySettings, tell: Listener) -> audit.Audit:
        """Whether every tag pulls, every attachment has its subject, and everything in use is there."""
        async with self._reading(registry, tell) as work:
            return await audit.audit(work)

    async def check(self, registry: RegistrySettings) -> by_hand.RegistryCheck:
        """Whether token, registry and listing answer, by reading alone."""
        async with self._reading(registry, _nobody) as work:
            return await by_hand.check(work)

    async def clean(
        self, registry: RegistrySettings, mandate: Mandate, tell: Listener, firing: Firing | None = None
    ) -> Report:
        """One run; its report carries the error that ended it early, if one did."""
        occasion = Occasion(RunKind.CLEAN, firing)
        return await self._carry_out(registry, occasion, lambda hands: cleaning(hands, mandate, firing), tell)

    async def collect(self, registry: RegistrySettings, tell: Listener, firing: Firing | None = None) -> Report:
        """One run that only collects what earlier ones deleted, where that is worth it."""
        return await self._carry_out(registry, Occasion(RunKind.COLLECT, firing), collecting, tell)

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

    def approve(self, registry: RegistrySettings, repository: str, digests: Iterable[Digest]) -> None:
        """Write down that a person lets these, and no others, of a repository through share and cap.

        Raises:
            StateError: the state cannot be written.
        """
        self.ledger.approvals.approve(registry.name, repository, tuple(digests), self._edges.now())

    async def watch_uses(self, registry: RegistrySettings, tell: Listener) -> None:
        """Look what is in use, and what the tags point to by which it is so: both are remembered."""
        async with self._reading(registry, tell) as work:
            await watch.watch_uses(work)

    async def undoable(self, registry: RegistrySettings, which: Which) -> undo.Undoable:
        """What an undo would put back, and what it could not."""
        async with self._reading(registry, _nobody) as work:
            return await undo.undoable(work, which)

    async def undo(self, registry: RegistrySettings, which: Which, tell: Listener) -> undo.Undone:
        """Put back what was deleted, as far as it can be."""
        async with self._writing(registry, tell) as (work, hands):
            return await undo.undo(work, hands.restorer, which)

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
        async with self._writing(registry, tell) as (work, hands):
            await by_hand.collect_now(work, hands)

    async def cancel_collection(self, registry: RegistrySettings, uuid: str) -> Collection:
        """Ask to cancel a garbage collection; a person may cancel anybody's."""
        async with self._writing(registry, _nobody) as (_, hands):
            return await hands.writer.cancel_collection(uuid)

    async def _carry_out(
        self, registry: RegistrySettings, occasion: Occasion, doing: Callable[[Hands], Doing], tell: Listener
    ) -> Report:
        """A run that may change something; where somebody wants to know of it, they are told at its end."""

        async def carry(tell: Listener) -> Report:
            async with self._writing(registry, tell) as (work, hands):
                return await run(work, occasion, doing(hands))

        if not registry.notify:
            return await carry(tell)
        return await told(registry, await asyncio.to_thread(self._last_told, registry), tell, carry)

    def _last_told(self, registry: RegistrySettings) -> datetime:
        """When the last run that judged this registry ended: what it announced has been told."""
        last = self.ledger.history.last_runs(registry.name)
        ends = [run.ended_at or run.started_at for kind, run in last.items() if kind is not RunKind.COLLECT]
        return max(ends, default=self._edges.now())

    @asynccontextmanager
    async def _reading(self, registry: RegistrySettings, tell: Listener) -> AsyncIterator[Work]:
        async with connect.reading(registry.api, registry.name, self._docr(registry.api, tell)) as reader:
            yield self._work(registry, reader, tell)

    @asynccontextmanager
    async def _writing(self, registry: RegistrySettings, tell: Listener) -> AsyncIterator[tuple[Work, Hands]]:
        if not registry.enforces:
            raise MutationRefused(
                f"no policy of {registry.name} is in mode enforce, so nothing may be changed there (law 9)",
                "Set `mode: enforce` where you mean it",
            )
        docr = self._docr(registry.api, tell)
        async with connect.writing(registry.api, registry.name, docr) as (reader, writer, restorer):
            yield self._work(registry, reader, tell), Hands(writer, restorer)

    def _work(self, registry: RegistrySettings, reader: Reader, tell: Listener) -> Work:
        sources = Sources(Home(registry.name, hosts_of(registry.api)), reader.apps, self._edges.http)
        return Work(registry, reader, sources, self.ledger, self._edges.now, tell)

    def _docr(self, api: Api, tell: Listener) -> connect.Edges:
        """The clients' edges; all that use one token share its budget (law 13)."""
        budget = self._budgets.setdefault(_token(api), Budget(api.rate_limit, self._edges.now))
        return connect.Edges(self._edges.now, self._edges.randomness, budget, tell, self._edges.http)


def _nobody(_: Event) -> None:
    """Hears, and tells nobody."""


def _token(api: Api) -> tuple[str, str]:
    """What tells one token from another, without a look at its value."""
    return api.url, api.token.source
