"""What is in use: every source is asked, and the ledger remembers what they say (laws 1 and 6)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.cleaning.work import Work
from cleaner.config.settings import InUseSource
from cleaner.errors import SourceUnreadable
from cleaner.model.listing import Listing
from cleaner.model.safeguard import SourceFailed, SourceRead
from cleaner.model.use import SeenUse, TagMemory, Use
from cleaner.retention.uses import Usage, Veto


async def look_at_uses(work: Work) -> Usage:
    """What is in use now, what was so within `protect.remember`, and which sources could not be read."""
    at = work.now()

    async def ask(source: InUseSource) -> tuple[Use, ...] | Veto:
        return await _ask(work, source)

    answers = await a_few_at_a_time(ask, work.settings.in_use)
    current = [use for answer in answers if not isinstance(answer, Veto) for use in answer]
    memory, since = work.ledger.memory, at - work.settings.remember
    await asyncio.to_thread(memory.saw, work.registry, current, at)
    remembered = await asyncio.to_thread(memory.uses, work.registry, since)
    return _usage(current, remembered, [answer for answer in answers if isinstance(answer, Veto)])


async def observe(work: Work, listing: Listing, seen_at: datetime) -> TagMemory:
    """What the ledger knows of a repository's tags and manifests, this listing, begun at `seen_at`, included."""
    memory, remember = work.ledger.memory, work.settings.remember
    return await asyncio.to_thread(memory.observe, work.registry, listing, seen_at, remember)


def images_told(uses: Iterable[Use]) -> int:
    """How many images these are: one that is used in several places counts once."""
    return len({(use.repository, use.tag, use.digest) for use in uses})


async def _ask(work: Work, source: InUseSource) -> tuple[Use, ...] | Veto:
    name = source.place.name
    try:
        uses = await work.sources.read(source)
    except SourceUnreadable as error:
        work.tell(SourceFailed(work.registry, name, str(error)))
        return Veto(name, str(error), source.repositories)
    work.tell(SourceRead(work.registry, name, images_told(uses)))
    return uses


def _usage(current: Iterable[Use], remembered: Iterable[SeenUse], vetoes: Sequence[Veto]) -> Usage:
    """What the sources say now stands first; of what is remembered, only what they do not say any more."""
    now = dict.fromkeys(current)
    named = {_image(use) for use in now}
    earlier = [seen for seen in remembered if _image(seen.use) not in named]
    by_repository: dict[str, list[SeenUse]] = defaultdict(list)
    anywhere: list[SeenUse] = []
    for seen in (*(SeenUse(use) for use in now), *earlier):
        (anywhere if seen.use.repository is None else by_repository[seen.use.repository]).append(seen)
    return Usage({name: tuple(uses) for name, uses in by_repository.items()}, tuple(anywhere), tuple(vetoes))


def _image(use: Use) -> tuple[str, str | None, str | None, str | None]:
    return use.source, use.repository, use.tag, use.digest
