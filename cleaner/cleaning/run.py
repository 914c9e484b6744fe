"""One run from its hold on the registry to its report: the frame around `clean`, and around a run that only plans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from cleaner.cleaning.clean import BOTH_MODES, clean, collect_earlier, plan
from cleaner.cleaning.decide import Scope
from cleaner.cleaning.orders import Aftermath, Hands, Mandate, Orders
from cleaner.cleaning.report import Reporter
from cleaner.cleaning.work import Work
from cleaner.docr.unbroken import last_of_all, to_the_end
from cleaner.errors import CleanerError
from cleaner.model.event import Breaker, BreakerTripped, Event, Listener, RunBegan, RunEnded
from cleaner.model.plan import HoldReason
from cleaner.model.report import Report
from cleaner.model.run import STOPPED, Firing, RunKind

Doing: TypeAlias = Callable[[Work, str, Aftermath], Awaitable[None]]
"""What a run does: given the work, the run's id, and where to note what it has come to."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a run is for, and the due moment that it answers; None where a person asked for it."""

    kind: RunKind
    firing: Firing | None = None


def cleaning(hands: Hands, mandate: Mandate, firing: Firing | None) -> Doing:
    """Delete what the policies in `mode: enforce` condemn, and collect.

    The caps are for all tries to answer `firing` together.
    """

    async def doing(work: Work, run: str, aftermath: Aftermath) -> None:
        due = firing.due if firing else None
        earlier = await asyncio.to_thread(work.ledger.deleted_for, work.registry, due) if due else {}
        await clean(work, Orders(run, work.now(), hands, mandate, earlier), aftermath)

    return doing


def collecting(hands: Hands) -> Doing:
    """Collect what earlier runs deleted."""
    return lambda work, run, aftermath: collect_earlier(work, Orders(run, work.now(), hands), aftermath)


async def planning(work: Work, _run: str, aftermath: Aftermath) -> None:
    """Judge and report: what the plan would free is what the run predicts."""
    aftermath.freed = (await plan(work, work.now(), Scope(BOTH_MODES))).freed


async def run(work: Work, occasion: Occasion, doing: Doing) -> Report:
    """Do it on one registry, and report on it whatever happens.

    Stopped (cancelled), it finishes the requests in hand and reports; nothing more is deleted.

    Raises:
        RunInProgress: another run holds the registry.
        StateError: the ledger cannot be written at the beginning or at the end.
    """
    with work.ledger.hold(work.registry):
        number = await to_the_end(
            asyncio.to_thread(work.ledger.begin_run, work.registry, occasion.kind, occasion.firing)
        )
        loop = asyncio.get_running_loop()
        began, reporter = loop.time(), Reporter(work.registry)
        work = replace(work, tell=both(reporter.hear, work.tell))
        work.tell(RunBegan(work.registry, number, occasion.kind))
        report = await _reported(work, number, doing, reporter)
        _tell_of_shares(work, report)
        try:
            await last_of_all(asyncio.to_thread(work.ledger.end_run, number, report))
        finally:
            took = timedelta(seconds=loop.time() - began)
            work.tell(RunEnded(work.registry, number, occasion.kind, report, took))
        return report


async def _reported(work: Work, number: str, doing: Doing, reporter: Reporter) -> Report:
    aftermath = Aftermath()
    try:
        await doing(work, number, aftermath)
        return reporter.report(None, aftermath.freed)
    except CleanerError as error:
        return reporter.report(str(error), aftermath.freed)
    except asyncio.CancelledError:
        stopped = reporter.report("stopped; the next run goes on from here", aftermath.freed)
        return replace(stopped, exit_code=STOPPED)


def _tell_of_shares(work: Work, report: Report) -> None:
    for held_back in report.held_back:
        if held_back.reason is HoldReason.SHARE:
            detail = f"{held_back.repository} {held_back.detail}"
            work.tell(BreakerTripped(work.registry, Breaker.SHARE, detail))


def both(first: Listener, second: Listener) -> Listener:
    """Tells two listeners, one after the other."""

    def hear(event: Event) -> None:
        first(event)
        second(event)

    return hear
