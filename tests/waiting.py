"""Time that passes between two runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.house import House

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


def pass_by(world: House, time: timedelta) -> None:
    """Nothing happens for so long."""
    while time:
        step = min(time, 12 * HOUR)  # the loop takes a longer wait for one without end
        world.run(asyncio.sleep(step.total_seconds()))
        time -= step
