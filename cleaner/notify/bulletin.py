"""A run, and then the people who want to know what it announced and what it did; they change nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from cleaner.config.settings import RegistrySettings
from cleaner.model.event import Event, Listener, Planned, Warned
from cleaner.model.plan import Plan
from cleaner.model.report import Report
from cleaner.notify.message import News, message
from cleaner.notify.send import send


async def told(
    registry: RegistrySettings, since: datetime, tell: Listener, run: Callable[[Listener], Awaitable[Report]]
) -> Report:
    """What `run` comes to, given who hears of each step; what was first condemned since `since` is announced.

    A message that does not arrive is a warning, of the report too.
    """
    plans: list[Plan] = []

    def hear(event: Event) -> None:
        if isinstance(event, Planned):
            plans.append(event.plan)
        tell(event)

    report = await run(hear)
    plan = plans[-1] if plans else None
    news = message(News(registry.name, registry.policies, registry.timezone, since, plan, report))
    complaints = await send(registry.notify, news) if news else ()
    for complaint in complaints:
        tell(Warned(registry.name, complaint))
    return replace(report, warnings=(*report.warnings, *complaints))
