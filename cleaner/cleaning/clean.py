"""The way of the data: one run on one registry. Read this first.

    repositories → a listing each → what the manifests are → verdicts → a plan → deletions → garbage collection

`plan` is the first half, by a client that cannot mutate; `clean` is the whole; `collect_earlier` is the end alone, for
what earlier runs deleted. Every step is told as an event: report, progress, log and metrics are listeners.
"""

from __future__ import annotations

from datetime import datetime

from cleaner.cleaning.collect import collect_when_due, finish_active
from cleaner.cleaning.decide import Scope, decide
from cleaner.cleaning.delete import delete
from cleaner.cleaning.inventory import take_inventory
from cleaner.cleaning.orders import Aftermath, Orders, measure
from cleaner.cleaning.settle import catch_up
from cleaner.cleaning.work import Work
from cleaner.config.settings import CollectionSchedule
from cleaner.model.event import Planned
from cleaner.model.plan import Mode, Plan

BOTH_MODES = (Mode.ENFORCE, Mode.PLAN)


async def plan(work: Work, now: datetime, scope: Scope) -> Plan:
    """What the policies in the modes of `scope` condemn as of `now`, and what holds it back.

    Raises:
        RemoteError: the registry's list of repositories could not be read.
    """
    inventory = await take_inventory(work)
    _, decided = await decide(work, inventory, now, scope)
    work.tell(Planned(decided, now))
    return decided


async def clean(work: Work, orders: Orders, aftermath: Aftermath) -> None:
    """One run: what the policies in `mode: enforce` condemn is deleted, and its space collected.

    Raises:
        CleanerError: what ended the run early; what was done until then has been told and written down.
    """
    await finish_active(work, orders.hands.writer)
    inventory = await take_inventory(work)
    await catch_up(work, inventory)
    await measure(work, inventory, aftermath)
    await collect_when_due(work, orders, aftermath, CollectionSchedule.BEFORE_CLEAN)
    scope = Scope((Mode.ENFORCE,), orders.mandate.allowed, orders.deleted, orders.mandate.only)
    survey, decided = await decide(work, inventory, orders.now, scope)
    work.tell(Planned(decided, orders.now))
    try:
        await delete(work, orders, survey, decided.deletions, aftermath)
    finally:
        await measure(work, inventory, aftermath)
    await collect_when_due(work, orders, aftermath, CollectionSchedule.AFTER_CLEAN)


async def collect_earlier(work: Work, orders: Orders, aftermath: Aftermath) -> None:
    """A run on the collection's own schedule: the space of what earlier runs deleted is collected.

    Raises:
        CleanerError: what ended the run early.
    """
    await finish_active(work, orders.hands.writer)
    inventory = await take_inventory(work)
    await catch_up(work, inventory)
    await measure(work, inventory, aftermath)
    await collect_when_due(work, orders, aftermath, CollectionSchedule.CRON)
