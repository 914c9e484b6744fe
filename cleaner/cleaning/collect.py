"""Garbage collection: started or adopted, and followed to its end (laws 7 and 12)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from cleaner.cleaning.last_look import last_look
from cleaner.cleaning.orders import Aftermath, Hands, Orders
from cleaner.cleaning.quiet import falls_quiet
from cleaner.cleaning.work import Work
from cleaner.config.settings import CollectionSchedule, OnTimeout
from cleaner.config.units import duration_text
from cleaner.docr.unbroken import to_the_end
from cleaner.docr.writer import Writer
from cleaner.errors import (
    AnswerLost,
    CollectionAutomated,
    CollectionError,
    CollectionOutlasted,
    CollectionUnsure,
    Forbidden,
    MalformedAnswer,
    NotFound,
    Refused,
    RemoteError,
    ServerError,
    Unauthorized,
)
from cleaner.model.collection import Collection, CollectionState
from cleaner.model.event import CollectionEnded, CollectionPolled, CollectionStarted, Warned
from cleaner.model.plan import Freed
from cleaner.planning.collecting import Cancel, Ended, GiveUp, Look, Watch, next_step, worth_collecting

_ALL_IS_BACK = "no garbage collection was started: all that was deleted turned out to be needed, and is back"
_STARTS = 2
_ABSENT_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a collection is followed: to free what we deleted before `began` (`predicted`), or, adopted, to see it end.

    `began` None: what it frees is told by the provider's `created_at` alone.
    """

    adopted: bool
    began: datetime | None = None
    predicted: Freed | None = None


async def finish_active(work: Work, writer: Writer) -> None:
    """Follow a collection that is active to its end: no delete while one is (law 7).

    Raises:
        CollectionOutlasted: it is still active after `garbage_collection.timeout`.
        RemoteError: the provider could not be asked.
    """
    active = await work.reader.active_collection()
    if active is not None:
        await follow(work, writer, active, Purpose(adopted=True))


async def collect_when_due(work: Work, orders: Orders, aftermath: Aftermath, when: CollectionSchedule) -> None:
    """Collect, if `when` is the time for it, what is uncollected is worth it, and nobody pushes.

    Raises:
        CollectionError: as `collect`.
        RemoteError: the provider could not be asked.
    """
    settings = work.settings.garbage_collection
    worth_it = worth_collecting(aftermath.uncollected, aftermath.freed, settings.min_freed)
    if settings.schedule is when and worth_it and await falls_quiet(work):
        with suppress(CollectionUnsure):  # it is told, and holds nothing up but the collection
            await collect(work, orders.hands, orders.run, aftermath.freed)


async def collect(work: Work, hands: Hands, run: str | None, predicted: Freed | None) -> None:
    """Start a collection of unreferenced blobs, and follow it to its end; where the provider collects, only say so.

    Just before it starts, what turns out to be needed of what we deleted is brought back. One that somebody else
    started meanwhile may have begun before our last delete: it is followed, then ours starts. `run` is None for a
    collection by hand.

    Raises:
        CollectionWithheld: it would take what is needed.
        CollectionUnsure: nobody can tell whether it would.
        CollectionError: it failed, was cancelled, outlasted its timeout, or could not be started.
        RemoteError: the provider could not be asked.
    """
    writer = hands.writer
    for _ in range(_STARTS):
        if await last_look(work, hands.restorer):
            predicted = None  # it was worked out with what has come back
            if run is not None and not await asyncio.to_thread(work.ledger.uncollected, work.registry):
                work.tell(Warned(work.registry, _ALL_IS_BACK))
                return
        asked_at = work.now()
        try:
            started = await _start(work, writer, run, asked_at)
        except CollectionAutomated as automated:
            work.tell(Warned(work.registry, str(automated)))
            return
        if started is not None:
            ended = await follow(work, writer, started, Purpose(adopted=False, began=asked_at, predicted=predicted))
            _insist_on_success(work, ended)
            _compare(work, ended, predicted)
            return
        await finish_active(work, writer)
    raise CollectionError(
        f"no garbage collection of {work.registry} could be started: somebody else's was active at each try",
        "what was deleted is remembered; the next run collects it",
    )


async def follow(work: Work, writer: Writer, collection: Collection, purpose: Purpose) -> Collection:
    """Follow a collection to its end, and write down how it ended.

    Raises:
        CollectionOutlasted: it is still active after `garbage_collection.timeout` (and its cancellation, if ours).
        RemoteError: the provider could not be asked.
    """
    work.tell(CollectionStarted(work.registry, collection, purpose.adopted))
    loop = asyncio.get_running_loop()
    began, absent, watch = loop.time(), 0, await _watch(work, collection)
    while True:
        step = next_step(collection, watch)
        match step:
            case Ended():
                await _write_down_the_end(work, collection, purpose)
                return collection
            case Look(pause):
                await asyncio.sleep(pause.total_seconds())
                seen = await _look(work, collection)
                absent = 0 if seen else absent + 1
                collection = seen or _still_to_be_found(work, collection, absent)
                work.tell(CollectionPolled(work.registry, collection))
            case Cancel():
                work.tell(Warned(work.registry, _too_long(work, collection, watch)))
                collection = await _cancel(writer, collection)
                watch = replace(watch, cancelled=True)
            case GiveUp():
                raise _outlasted(work, collection, watch)
            case _:
                assert_never(step)
        watch = replace(watch, followed=timedelta(seconds=loop.time() - began), looks=watch.looks + 1)


async def _start(work: Work, writer: Writer, run: str | None, asked_at: datetime) -> Collection | None:
    """Start one; None where somebody else's is active. One whose answer was lost is looked for."""
    try:
        started = await writer.start_collection()
    except (Unauthorized, Forbidden, NotFound):
        raise
    except (AnswerLost, MalformedAnswer, ServerError) as lost:
        return await _find_started(work, asked_at, lost)
    except (Refused, CollectionAutomated):
        # Which status a second start gets is stated nowhere; it may be the 412 that says "automated" otherwise.
        if await work.reader.active_collection() is not None:
            return None
        raise
    await to_the_end(asyncio.to_thread(work.ledger.collection_started, work.registry, run, started, ours=True))
    return started


async def _find_started(work: Work, asked_at: datetime, lost: RemoteError) -> Collection | None:
    """What began since we asked, active or ended. Whose it is nobody can tell, so it is never cancelled as ours."""
    active = await work.reader.active_collection()
    since = asked_at.replace(microsecond=0)  # the provider's times may be of whole seconds
    for collection in (active, *await work.reader.past_collections()):
        if collection is not None and collection.created_at is not None and collection.created_at >= since:
            return collection
    if active is not None:
        return None
    raise lost


async def _watch(work: Work, collection: Collection) -> Watch:
    ours = await asyncio.to_thread(work.ledger.is_ours, work.registry, collection.uuid)
    settings = work.settings.garbage_collection
    return Watch(settings.timeout, may_cancel=ours and settings.on_timeout is OnTimeout.CANCEL)


async def _look(work: Work, collection: Collection) -> Collection | None:
    """The collection as it is now; once it is no longer active, its end is in the list of past ones only."""
    active = await work.reader.active_collection()
    if active is not None and active.uuid == collection.uuid:
        return active
    past = await work.reader.past_collections()
    return next((ended for ended in past if ended.uuid == collection.uuid), None)


def _still_to_be_found(work: Work, collection: Collection, absent: int) -> Collection:
    if absent < _ABSENT_LOOKS:
        return collection
    raise CollectionError(
        f"garbage collection {collection.uuid} of {work.registry} is neither active nor among the past ones",
        "look with `cleaner gc history`; what was deleted is remembered until a collection succeeded",
    )


async def _cancel(writer: Writer, collection: Collection) -> Collection:
    try:
        return await writer.cancel_collection(collection.uuid)
    except Refused:
        return collection  # it may have ended meanwhile: the next look tells, and the wait has its end


def _too_long(work: Work, collection: Collection, watch: Watch) -> str:
    return f"{_still(work, collection, watch)}; it is ours, and is cancelled as garbage_collection.on_timeout says"


def _still(work: Work, collection: Collection, watch: Watch) -> str:
    return (
        f'garbage collection {collection.uuid} of {work.registry} is still "{collection.status}" after '
        f"garbage_collection.timeout ({duration_text(watch.timeout)})"
    )


def _outlasted(work: Work, collection: Collection, watch: Watch) -> CollectionOutlasted:
    asked = ", and after it was asked to be cancelled" if watch.cancelled else ""
    return CollectionOutlasted(
        f"{_still(work, collection, watch)}{asked}; the registry stays read-only until it ends",
        "look with `cleaner gc status`; the next run follows it further",
    )


def _insist_on_success(work: Work, collection: Collection) -> None:
    if collection.state is not CollectionState.SUCCEEDED:
        raise CollectionError(
            f"garbage collection {collection.uuid} of {work.registry} ended as {collection.status}",
            "what was deleted is remembered; the next run collects it",
        )


def _compare(work: Work, collection: Collection, predicted: Freed | None) -> None:
    """A collection that frees less than it should is told: somebody refers to those blobs, or nothing was deleted."""
    freed = collection.freed_bytes
    if predicted is not None and freed is not None and freed < predicted.bytes:
        text = f"the garbage collection freed {freed:,} bytes, {predicted.bytes - freed:,} fewer than predicted"
        work.tell(Warned(work.registry, text))


async def _write_down_the_end(work: Work, collection: Collection, purpose: Purpose) -> None:
    began = purpose.began or collection.created_at
    if collection.state is CollectionState.SUCCEEDED and collection.collects_blobs and began is not None:
        await asyncio.to_thread(work.ledger.collected, work.registry, began)
    # Last: what is known as ended is not looked at again (`notice_collections`).
    await asyncio.to_thread(work.ledger.collection_ended, work.registry, collection, purpose.predicted)
    work.tell(CollectionEnded(work.registry, collection, purpose.adopted, purpose.predicted))
