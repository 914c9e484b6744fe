"""What a run on one registry is given."""

from __future__ import annotations

from dataclasses import dataclass

from cleaner.clock import Now
from cleaner.config.settings import RegistrySettings
from cleaner.docr.reader import Reader
from cleaner.in_use.sources import Sources
from cleaner.ledger.ledger import Ledger
from cleaner.model.event import Listener


@dataclass(frozen=True, slots=True)
class Work:
    """One registry's settings, clients that can only read (it, and what tells what is in use), the ledger, the clock.

    `tell` is who hears of each step.
    """

    settings: RegistrySettings
    reader: Reader
    sources: Sources
    ledger: Ledger
    now: Now
    tell: Listener

    @property
    def registry(self) -> str:
        """The registry's name."""
        return self.settings.name
