"""One round of everything: each registry's runs once, the registries side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cleaner.config.settings import RegistrySettings
from cleaner.daemon.runs import Carry, kinds_of, not_begun
from cleaner.errors import CleanerError
from cleaner.model.event import Listener
from cleaner.model.run import STOPPED


async def one_round(registries: Sequence[RegistrySettings], carry: Carry, tell: Listener) -> list[int]:
    """The exit codes of all runs (contracts, "Exit codes"); stopped (cancelled), what is in hand is finished."""
    rounds = [asyncio.ensure_future(_round(registry, carry, tell)) for registry in registries]
    try:
        await asyncio.wait(rounds)
    except asyncio.CancelledError:
        for each in rounds:
            each.cancel()
        await asyncio.wait(rounds)
    return [code for each in rounds for code in ([STOPPED] if each.cancelled() else each.result())]


async def _round(registry: RegistrySettings, carry: Carry, tell: Listener) -> list[int]:
    codes: list[int] = []
    for kind in kinds_of(registry):
        if STOPPED in codes:
            break
        try:
            codes.append((await carry(registry, kind, None)).exit_code)
        except CleanerError as error:
            tell(not_begun(registry, kind, error))
            codes.append(error.exit_code)
    return codes
