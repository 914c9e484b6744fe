"""Whatever happens in whatever order, the ledger says what a few dictionaries say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from cleaner.errors import StateError
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import AlreadyGone, Body, Deleted, Failed, Intent, Outcome
from cleaner.model.manifest import Blob, Digest, Manifest
from cleaner.model.plan import Deletion, Mode
from cleaner.model.run import RunKind
from tests.ledger.samples import HOSTILE, REASONS, START, digest, numbered, url_of

REGISTRIES = ("acme", "other")
DIGESTS = st.integers(0, 4).map(digest)
BLOBS = st.lists(st.builds(Blob, DIGESTS, st.none() | st.integers(0, 2**70)), max_size=3).map(tuple)
BODY = Body("application/vnd.oci.image.manifest.v1+json", b"{}")
OUTCOMES = st.sampled_from([Deleted(), AlreadyGone(), Failed("500")])


@dataclass
class Expected:
    """What the ledger should know of one intent."""

    deletion: Deletion
    blobs: tuple[Blob, ...]
    outcome: Outcome | None = None
    at: datetime = START
    collected: bool = False
    restored: bool = False
    has_body: bool = False

    @property
    def is_gone(self) -> bool:
        return isinstance(self.outcome, Deleted) and not self.restored

    @property
    def is_restorable(self) -> bool:
        return self.is_gone and not self.collected

    @property
    def needs_its_body(self) -> bool:
        return self.outcome is None or self.is_restorable

    def told(self) -> tuple[object, ...]:
        """As the ledger tells what is gone; blobs that are collected are nobody's any more."""
        manifest, blobs = self.deletion.manifest, () if self.collected else self.blobs
        return (manifest.repository, manifest.digest, self.deletion.children, blobs, self.at)


class LedgerMachine(RuleBasedStateMachine):
    """Intents, outcomes, collections and what is brought back, on two registries, with a restart at any point."""

    intents: Bundle[Intent] = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.time = START
        self.new_id = numbered()
        self.expected: dict[Intent, Expected] = {}
        self.bodies: set[Digest] = set()
        self.ledger = self.open()

    def open(self) -> Ledger:
        path = Path(self.directory.name) / "state.db"
        return open_ledger(url_of(path), now=lambda: self.time, new_id=self.new_id)

    @initialize()
    def begin(self) -> None:
        self.runs: list[str] = []
        self.begin_another()

    @rule()
    def begin_another(self) -> None:
        self.runs.append(self.ledger.begin_run("acme", RunKind.CLEAN))

    @rule(
        target=intents,
        registry=st.sampled_from(REGISTRIES),
        name=DIGESTS,
        tags=st.lists(st.sampled_from(HOSTILE), max_size=2),
        children=st.lists(DIGESTS, max_size=2),
        blobs=BLOBS,
        body=st.sampled_from([None, BODY]),
    )
    def intend(
        self,
        registry: str,
        name: Digest,
        tags: list[str],
        children: list[Digest],
        blobs: tuple[Blob, ...],
        body: Body | None,
    ) -> Intent:
        manifest = Manifest("shop", name, None, tuple(tags))
        deletion = Deletion(manifest, Mode.ENFORCE, REASONS, children=tuple(children))
        intent = self.ledger.intend(self.runs[-1], registry, deletion, blobs, body)
        assert intent not in self.expected
        self.expected[intent] = Expected(deletion, blobs)
        if body is not None:
            self.bodies.add(name)
        return intent

    @rule(intent=intents, outcome=OUTCOMES)
    def settle(self, intent: Intent, outcome: Outcome) -> None:
        expected = self.expected[intent]
        if expected.outcome is None:
            self.ledger.settle(intent, outcome)
            expected.outcome, expected.at = outcome, self.time
            self.drop_bodies()
        else:
            with pytest.raises(StateError):
                self.ledger.settle(intent, outcome)

    @rule(registry=st.sampled_from(REGISTRIES), ago=st.integers(0, 3))
    def collect(self, registry: str, ago: int) -> None:
        before = self.time - timedelta(microseconds=ago)
        self.ledger.collected(registry, before)
        for intent in self.settled(registry, Deleted, AlreadyGone):
            expected = self.expected[intent]
            expected.collected |= expected.at < before and not expected.restored
        self.drop_bodies()

    @rule(registry=st.sampled_from(REGISTRIES), ago=st.none() | st.integers(0, 1), name=st.none() | DIGESTS)
    def restore(self, registry: str, ago: int | None, name: Digest | None) -> None:
        """Of all runs or of one: the last, or the one before it."""
        which = Which(run=None if ago is None else self.runs[-1 - ago % len(self.runs)], digest=name)
        meant = [i for i in self.settled(registry, Deleted) if which.run in (None, i.run) and name in (None, i.digest)]
        numbers = {i.id for i in meant if self.expected[i].is_restorable}
        told = self.ledger.restorable(registry, which)
        assert numbers == {number for one in told for number in (one.deletion, *one.earlier)}
        for restorable in told:
            self.ledger.restored(registry, restorable)
            for intent in self.settled(registry, Deleted):
                if intent.digest == restorable.digest and intent.id <= restorable.deletion:
                    expected = self.expected[intent]
                    expected.restored |= expected.collected or intent.id in numbers
        self.drop_bodies()

    def drop_bodies(self) -> None:
        needed = {intent.digest for intent, expected in self.expected.items() if expected.needs_its_body}
        self.bodies &= needed

    @rule(microseconds=st.integers(1, 2))
    def pass_time(self, microseconds: int) -> None:
        self.time += timedelta(microseconds=microseconds)

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.ledger = self.open()

    def settled(self, registry: str, *outcomes: type) -> list[Intent]:
        return [
            intent
            for intent, expected in self.expected.items()
            if intent.registry == registry and isinstance(expected.outcome, outcomes)
        ]

    @invariant()
    def the_same_is_unsettled(self) -> None:
        for registry in REGISTRIES:
            assert list(self.ledger.unsettled(registry)) == self.settled(registry, type(None))

    @invariant()
    def the_same_is_gone(self) -> None:
        for registry in REGISTRIES:
            told = [
                (gone.repository, gone.digest, gone.children, gone.blobs, gone.at)
                for gone in self.ledger.gone(registry)
            ]
            settled = [self.expected[intent] for intent in self.settled(registry, Deleted)]
            assert told == [expected.told() for expected in settled if expected.is_gone]

    @invariant()
    def the_same_can_be_brought_back(self) -> None:
        for registry in REGISTRIES:
            last = {i.digest: i.id for i in self.settled(registry, Deleted) if self.expected[i].is_restorable}
            told = [(one.deletion, one.body) for one in self.ledger.restorable(registry, Which())]
            bodies = {number: BODY if name in self.bodies else None for name, number in last.items()}
            assert told == sorted(bodies.items())

    @invariant()
    def the_history_tells_what_can_be_undone(self) -> None:
        told = {past.id: past.can_be_undone for past in self.ledger.history.deletions(100)}
        expected = {i.id: e.is_restorable and i.digest in self.bodies for i, e in self.expected.items()}
        assert told == expected

    @invariant()
    def the_same_awaits_a_collection(self) -> None:
        for registry in REGISTRIES:
            awaiting = [self.expected[intent] for intent in self.settled(registry, Deleted, AlreadyGone)]
            told = [(gone.digest, gone.at) for gone in self.ledger.uncollected(registry)]
            assert told == [(e.deletion.manifest.digest, e.at) for e in awaiting if not e.collected and not e.restored]

    def teardown(self) -> None:
        self.ledger.close()
        self.directory.cleanup()


TestLedgerAgainstAModel = LedgerMachine.TestCase
TestLedgerAgainstAModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
