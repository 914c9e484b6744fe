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
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Intent, Outcome
from cleaner.model.manifest import Blob, Digest, Manifest
from cleaner.model.plan import Deletion, Mode
from cleaner.model.run import RunKind
from tests.ledger.samples import HOSTILE, REASONS, START, digest, opened

REGISTRIES = ("acme", "other")
DIGESTS = st.integers(0, 4).map(digest)
BLOBS = st.lists(st.builds(Blob, DIGESTS, st.none() | st.integers(0, 2**70)), max_size=3).map(tuple)
OUTCOMES = st.sampled_from([Deleted(), AlreadyGone(), Failed("500")])


@dataclass
class Expected:
    """What the ledger should know of one intent."""

    deletion: Deletion
    blobs: tuple[Blob, ...]
    outcome: Outcome | None = None
    at: datetime = START
    collected: bool = False

    def told(self) -> tuple[object, ...]:
        """As the ledger tells what is gone; blobs that are collected are nobody's any more."""
        manifest, blobs = self.deletion.manifest, () if self.collected else self.blobs
        return (manifest.repository, manifest.digest, self.deletion.children, blobs, self.at)


class LedgerMachine(RuleBasedStateMachine):
    """Intents, outcomes and collections, on two registries, with a restart at any point."""

    intents: Bundle[Intent] = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.time = START
        self.expected: dict[Intent, Expected] = {}
        self.ledger = self.open()

    def open(self) -> Ledger:
        return opened(Path(self.directory.name) / "state.db", lambda: self.time)

    @initialize()
    def begin(self) -> None:
        self.run = self.ledger.begin_run("acme", RunKind.CLEAN)

    @rule(
        target=intents,
        registry=st.sampled_from(REGISTRIES),
        name=DIGESTS,
        tags=st.lists(st.sampled_from(HOSTILE), max_size=2),
        children=st.lists(DIGESTS, max_size=2),
        blobs=BLOBS,
    )
    def intend(
        self, registry: str, name: Digest, tags: list[str], children: list[Digest], blobs: tuple[Blob, ...]
    ) -> Intent:
        manifest = Manifest("shop", name, None, tuple(tags))
        deletion = Deletion(manifest, Mode.ENFORCE, REASONS, children=tuple(children))
        intent = self.ledger.intend(self.run, registry, deletion, blobs)
        assert intent not in self.expected
        self.expected[intent] = Expected(deletion, blobs)
        return intent

    @rule(intent=intents, outcome=OUTCOMES)
    def settle(self, intent: Intent, outcome: Outcome) -> None:
        expected = self.expected[intent]
        if expected.outcome is None:
            self.ledger.settle(intent, outcome)
            expected.outcome, expected.at = outcome, self.time
        else:
            with pytest.raises(StateError):
                self.ledger.settle(intent, outcome)

    @rule(registry=st.sampled_from(REGISTRIES), ago=st.integers(0, 3))
    def collect(self, registry: str, ago: int) -> None:
        before = self.time - timedelta(microseconds=ago)
        self.ledger.collected(registry, before)
        for intent in self.settled(registry, Deleted, AlreadyGone):
            expected = self.expected[intent]
            expected.collected |= expected.at < before

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
            assert told == [self.expected[intent].told() for intent in self.settled(registry, Deleted)]

    @invariant()
    def the_same_awaits_a_collection(self) -> None:
        for registry in REGISTRIES:
            awaiting = [self.expected[intent] for intent in self.settled(registry, Deleted, AlreadyGone)]
            told = [(gone.digest, gone.at) for gone in self.ledger.uncollected(registry)]
            assert told == [(e.deletion.manifest.digest, e.at) for e in awaiting if not e.collected]

    def teardown(self) -> None:
        self.ledger.close()
        self.directory.cleanup()


TestLedgerAgainstAModel = LedgerMachine.TestCase
TestLedgerAgainstAModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
