"""The wait for a quiet moment: a collection makes the registry read-only, so it begins when nobody pushes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import assert_never

from cleaner.cleaning.work import Work
from cleaner.model.event import Warned
from cleaner.planning.collecting import GiveUp, Look, Start, before_start


async def falls_quiet(work: Work) -> bool:
    """Whether nothing is pushed for `garbage_collection.quiet`, waited for no longer than its `timeout` (law 12).

    Where it is not, a warning says so. With `quiet: 0s` nothing is asked, and where nothing says when it was pushed,
    nothing is waited for.

    Raises:
        RemoteError: the repositories could not be listed.
    """
    settings, loop = work.settings.garbage_collection, asyncio.get_running_loop()
    give_up_at = loop.time() + settings.timeout.total_seconds()
    while settings.quiet:
        pushed = await work.reader.last_push()
        if pushed is None:
            break
        step = before_start(settings.quiet, work.now() - pushed, timedelta(seconds=give_up_at - loop.time()))
        match step:
            case Start():
                break
            case Look(pause):
                await asyncio.sleep(pause.total_seconds())
            case GiveUp():
                _warn(work, pushed)
                return False
            case _:
                assert_never(step)
    return True


def _warn(work: Work, pushed: datetime) -> None:
    settings = work.settings.garbage_collection
    text = (
        f"nothing was collected: pushes kept coming, the last at {pushed:%Y-%m-%d %H:%M:%S} UTC, so that "
        f"garbage_collection.quiet ({settings.quiet}) was not reached within its timeout ({settings.timeout}); "
        "what was deleted is remembered, the next run collects it"
    )
    work.tell(Warned(work.registry, text))
