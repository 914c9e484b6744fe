"""One run from its hold on the registry to its report: the frame around `clean`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cleaner.cleaning.clean import clean
from cleaner.cleaning.orders import Aftermath, Orders
from cleaner.cleaning.report import Reporter
from cleaner.cleaning.work import Work
from cleaner.docr.writer import Writer
from cleaner.errors import CleanerError
from cleaner.model.event import Event, Listener
from cleaner.model.report import Report
from cleaner.model.run import STOPPED


async def run(work: Work, writer: Writer, allowed: frozenset[str]) -> Report:
    """Clean one registry, and report on it whatever happens.

    Stopped (cancelled), it finishes the requests in hand and reports; nothing more is deleted.

    Raises:
        RunInProgress: another run holds the registry.
        StateError: the ledger cannot be written at the beginning or at the end.
    """
    with work.ledger.hold(work.registry):
        number = await asyncio.to_thread(work.ledger.begin_run, work.registry)
        reporter, aftermath = Reporter(work.registry), Aftermath()
        work = replace(work, tell=both(reporter.hear, work.tell))
        orders = Orders(number, work.now(), writer, allowed)
        try:
            await clean(work, orders, aftermath)
            report = reporter.report(None, aftermath.freed)
        except CleanerError as error:
            report = reporter.report(str(error), aftermath.freed)
        except asyncio.CancelledError:
            stopped = reporter.report("stopped; the next run goes on from here", aftermath.freed)
            report = replace(stopped, exit_code=STOPPED)
        await asyncio.to_thread(work.ledger.end_run, number, report)
        return report


def both(first: Listener, second: Listener) -> Listener:
    """Tells two listeners, one after the other."""

    def hear(event: Event) -> None:
        first(event)
        second(event)

    return hear
