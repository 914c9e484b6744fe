"""Deletions: judged again, a few at a time, written down before and after (laws 1, 8, 10).

What both judgements condemn in a repository goes in rounds. A round looks again, and then deletes for as long as that
look, and what the in-use sources said, is no older than `recheck`. What it could not settle, because an answer was lost
or the rate limit's budget came too late, is settled by the next round's look. An intent whose answer was lost and whose
manifest is still listed stays open, for the listing may lag: it is sent again, and a 404 then is our own deletion.

Between the look and a DELETE stand exactly these awaits: the reading of its bytes where undo needs them, the intent's
way to the disk, and the wait for the budget, which is refused rather than granted after the look has grown too old.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cleaner.cleaning.collect import finish_active
from cleaner.cleaning.few import FEW
from cleaner.cleaning.orders import Aftermath, Orders
from cleaner.cleaning.recheck import Closed, Seen, look_again
from cleaner.cleaning.work import Work
from cleaner.config.settings import CollectionSchedule
from cleaner.docr.unbroken import is_broken_off, to_the_end
from cleaner.errors import (
    AnswerLost,
    BudgetTooLate,
    Conflict,
    MalformedAnswer,
    ManifestUnreadable,
    RateLimited,
    RemoteError,
    ServerError,
    Unauthorized,
    UnexpectedStatus,
)
from cleaner.model.deletion import AlreadyGone, Deleted, Failed, Intent, Outcome
from cleaner.model.event import Breaker, BreakerTripped, DeletionFailed, DeletionSkipped, HeldBackLate, ManifestDeleted
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest
from cleaner.model.plan import Deletion, HeldBack, HoldReason
from cleaner.planning.freed import blobs_of
from cleaner.planning.recheck import confirm
from cleaner.planning.survey import Judged, Survey

_TRIES = 3
_LOOK_EACH, _LOOK_EACH_SECONDS = 100, 10.0
_FRUITLESS_ROUNDS = 3


async def delete(
    work: Work, orders: Orders, survey: Survey, deletions: Sequence[Deletion], aftermath: Aftermath
) -> None:
    """Carry out the planned deletions, repository by repository; `aftermath` tells what they have come to.

    Raises:
        Unauthorized: the token no longer counts.
        CollectionOutlasted: somebody else's collection did not end in time.
        StateError: the ledger could not be written; nothing more was sent.
    """
    for place in survey.judged:
        planned = [d for d in deletions if d.manifest.repository == place.listing.repository]
        await _Emptying(work, orders, survey, place, aftermath).carry_out(planned)


@dataclass(slots=True)
class _Emptying:
    """The deletions of one repository on their way through the rounds.

    `stuck` are those that will not happen in this run, `lost` the open intents whose answer was lost, `unproven` those
    that the provider did not find (404), which proves nothing: what they must precede waits for the next look.
    """

    work: Work
    orders: Orders
    survey: Survey
    place: Judged
    aftermath: Aftermath
    tries: Counter[Digest] = field(default_factory=Counter)
    stuck: set[Digest] = field(default_factory=set)
    lost: dict[Digest, tuple[Intent, str]] = field(default_factory=dict)
    unproven: set[Digest] = field(default_factory=set)

    async def carry_out(self, planned: Sequence[Deletion]) -> None:
        """Delete what is planned. Tries and fruitless rounds are counted, so the rounds have an end."""
        remaining, fruitless = list(planned), 0
        while remaining:
            if self.aftermath.hopeless and not any(deletion.manifest.digest in self.lost for deletion in remaining):
                self._stop(remaining)
                return
            began = asyncio.get_running_loop().time()
            seen = await look_again(self.work, self.orders, self.place, self.aftermath)
            if isinstance(seen, Closed):
                self._close(remaining, seen)
                return
            self._take_note(seen.listing)
            remaining = await self._settle_lost(remaining, seen.listing)
            if self.aftermath.hopeless:
                continue
            remaining = self._within_share(remaining, seen)
            if fruitless == _FRUITLESS_ROUNDS:
                self._skip(remaining, "each time, its turn came later than `recheck` allows after the look")
                return
            confirmed = confirm(remaining, seen.judgement)
            for dropped in confirmed.dropped:
                self._skip([dropped.deletion], dropped.reason)
            before = self.tries.total()
            until = min(began, self.aftermath.asked) + self.work.settings.recheck.total_seconds()
            remaining = await self._send(confirmed.deletions, until)
            fruitless = 0 if self.tries.total() > before else fruitless + 1

    async def _send(self, deletions: Sequence[Deletion], until: float) -> list[Deletion]:
        """Delete a few at a time, until the look is too old; gives what is left for another round."""
        loop = asyncio.get_running_loop()
        queue, again, sent, looked_at = list(deletions), list[Deletion](), 0, loop.time()
        while queue and not self.aftermath.hopeless and loop.time() < until:
            if sent >= _LOOK_EACH or loop.time() >= looked_at + _LOOK_EACH_SECONDS:
                await finish_active(self.work, self.orders.hands.writer)
                sent, looked_at = 0, loop.time()
                continue
            batch, queue = self._ready(queue, again)
            if not batch:
                break
            again += await self._send_batch(batch, until)
            sent += len(batch)
        return [*again, *queue]

    def _take_note(self, listing: Listing) -> None:
        """A fresh listing tells what is there, whatever an answer said before."""
        self.aftermath.relisted[listing.repository] = listing
        self.aftermath.gone -= {(listing.repository, digest) for digest in listing.by_digest()}
        self.unproven.clear()

    def _ready(self, queue: Sequence[Deletion], again: Iterable[Deletion]) -> tuple[list[Deletion], list[Deletion]]:
        """The next few that wait for nothing, and the rest; what something stuck must precede is stuck as well."""
        pending = {deletion.manifest.digest for deletion in (*queue, *again)} | self.unproven
        batch: list[Deletion] = []
        rest: list[Deletion] = []
        for place, deletion in enumerate(queue):
            if len(batch) == FEW:
                return batch, [*rest, *queue[place:]]
            if self.stuck.intersection(deletion.after):
                self._skip([deletion], "an index that lists it, or its subject, was not deleted")
                pending.discard(deletion.manifest.digest)
            elif pending.intersection(deletion.after):
                rest.append(deletion)
            else:
                batch.append(deletion)
        return batch, rest

    async def _send_batch(self, batch: Sequence[Deletion], until: float) -> list[Deletion]:
        """Those of the batch that another round must see. A run that is stopped finishes what it has in hand."""
        sending = [asyncio.ensure_future(self._delete(deletion, until)) for deletion in batch]
        try:
            await asyncio.wait(sending)
        except asyncio.CancelledError:
            for each in sending:
                each.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            raise
        answers = await asyncio.gather(*sending, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [deletion for deletion, settled in zip(batch, answers, strict=True) if not settled]

    async def _delete(self, deletion: Deletion, until: float) -> bool:
        """Whether the deletion is settled; else another round's look decides."""
        digest = deletion.manifest.digest
        try:
            intent = await self._intent(deletion)
        except ManifestUnreadable as error:
            self._hold(deletion, error)
            return True
        try:
            outcome = await self.orders.hands.writer.delete_manifest(intent, until)
        except (AnswerLost, MalformedAnswer, ServerError, UnexpectedStatus) as lost:
            self.lost[digest] = intent, str(lost)
            self.tries[digest] += 1
            self.aftermath.failures += 1
            return False
        except (BudgetTooLate, RateLimited) as unsent:
            await self._settle_refused(intent, str(unsent))
            return False
        except asyncio.CancelledError:
            if not is_broken_off():  # then only the next run's look can tell whether it was carried out
                await self._settle_refused(intent, "the run was stopped before it was sent")
            raise
        except RemoteError as error:
            self.tries[digest] += 1
            await self._settle_refused(intent, str(error))
            return self._refused(deletion, error)
        self.tries[digest] += 1
        if isinstance(outcome, AlreadyGone):
            self.unproven.add(digest)
            outcome = Deleted() if self.lost.pop(digest, None) else outcome
        await self._settle(intent, outcome)
        self._is_gone(deletion, outcome)
        return True

    async def _intent(self, deletion: Deletion) -> Intent:
        """The open one; else a new one, with the bytes for undo unless a collection takes the rest at once."""
        manifest, body = deletion.manifest, None
        if manifest.digest in self.lost:
            return self.lost[manifest.digest][0]
        if self.work.settings.garbage_collection.schedule is not CollectionSchedule.AFTER_CLEAN:
            body = await self.work.reader.body(manifest.repository, manifest.digest)
        blobs = blobs_of(manifest, self.survey.contents) or ()
        intend = self.work.ledger.intend
        return await to_the_end(asyncio.to_thread(intend, self.orders.run, self.work.registry, deletion, blobs, body))

    async def _settle_refused(self, intent: Intent, error: str) -> None:
        """It was not carried out this time; nobody knows of the time before, if there was one."""
        if intent.digest not in self.lost:
            await self._settle(intent, Failed(error))

    async def _settle(self, intent: Intent, outcome: Outcome) -> None:
        await to_the_end(asyncio.to_thread(self.work.ledger.settle, intent, outcome))

    def _refused(self, deletion: Deletion, error: RemoteError) -> bool:
        if isinstance(error, Conflict) and self.tries[deletion.manifest.digest] < _TRIES:
            return False  # a collection began: the next look follows it to its end
        self._fail(deletion, str(error))
        self.aftermath.failures += 1
        if isinstance(error, Unauthorized):
            raise error
        return True

    async def _settle_lost(self, remaining: Sequence[Deletion], listing: Listing) -> list[Deletion]:
        """Settle by looking what got no answer; gives what still remains to be done, or to be sent again."""
        listed = listing.by_digest()
        for deletion in [d for d in remaining if d.manifest.digest in self.lost]:
            digest = deletion.manifest.digest
            intent, error = self.lost[digest]
            there, tries_left = digest in listed, self.tries[digest] < _TRIES
            if not there or not tries_left:
                del self.lost[digest]
                await self._settle(intent, Failed(error) if there else Deleted())
            if not there:
                self._is_gone(deletion, Deleted())
            elif not tries_left or self.aftermath.hopeless:
                self._fail(deletion, error)
        return [deletion for deletion in remaining if not self._is_settled(deletion)]

    def _is_settled(self, deletion: Deletion) -> bool:
        place = (deletion.manifest.repository, deletion.manifest.digest)
        return place in self.aftermath.gone or deletion.manifest.digest in self.stuck

    def _is_gone(self, deletion: Deletion, outcome: Deleted | AlreadyGone) -> None:
        self.aftermath.gone.add((deletion.manifest.repository, deletion.manifest.digest))
        self.aftermath.failures = 0
        if isinstance(outcome, Deleted):
            self.work.tell(ManifestDeleted(self.work.registry, deletion))
        else:
            self.work.tell(DeletionSkipped(self.work.registry, deletion, "already gone: somebody else deleted it"))

    def _fail(self, deletion: Deletion, error: str) -> None:
        self.stuck.add(deletion.manifest.digest)
        later = "; the next run looks what became of it" if deletion.manifest.digest in self.lost else ""
        self.work.tell(DeletionFailed(self.work.registry, deletion, f"{error}{later}"))

    def _stop(self, remaining: Iterable[Deletion]) -> None:
        if not self.aftermath.stopped:
            self.aftermath.stopped = True
            detail = f"{self.aftermath.failures} deletions failed in a row, and nothing more is deleted in this run"
            self.work.tell(BreakerTripped(self.work.registry, Breaker.FAILURES, detail))
        self._skip(remaining, "too many deletions failed in a row; the run asks no further")

    def _skip(self, deletions: Iterable[Deletion], reason: str) -> None:
        for deletion in deletions:
            self.stuck.add(deletion.manifest.digest)
            self.work.tell(DeletionSkipped(self.work.registry, deletion, reason))

    def _within_share(self, remaining: Sequence[Deletion], seen: Seen) -> list[Deletion]:
        """Where the repository would lose more than its share by now, only those that a person let through."""
        if seen.over_share is None:
            return list(remaining)
        through = [deletion for deletion in remaining if deletion.manifest.digest in seen.approved]
        if held := len(remaining) - len(through):
            hold = HeldBack(self.place.listing.repository, HoldReason.SHARE, seen.over_share, held)
            self.work.tell(HeldBackLate(self.work.registry, hold))
        return through

    def _hold(self, deletion: Deletion, error: ManifestUnreadable) -> None:
        """What could not be brought back stays."""
        self.stuck.add(deletion.manifest.digest)
        hold = HeldBack(deletion.manifest.repository, HoldReason.MANIFEST, str(error), 1)
        self.work.tell(HeldBackLate(self.work.registry, hold))

    def _close(self, remaining: Iterable[Deletion], closed: Closed) -> None:
        """Leave the repository alone; an intent whose answer was lost stays open for the next run to look."""
        held = [deletion for deletion in remaining if deletion.manifest.digest not in self.lost]
        for deletion in remaining:
            if lost := self.lost.get(deletion.manifest.digest):
                self._fail(deletion, lost[1])
        if held:
            hold = HeldBack(self.place.listing.repository, closed.reason, closed.detail, len(held))
            self.work.tell(HeldBackLate(self.work.registry, hold))
