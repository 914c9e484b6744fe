"""A run on one registry: what it is for, what came of it, and which due moment of a schedule it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunKind(StrEnum):
    """What a run is for."""

    CLEAN = "clean"
    """Delete what the policies in `mode: enforce` condemn, and collect."""
    PLAN = "plan"
    """Report what the policies condemn; nothing is changed."""
    COLLECT = "collect"
    """Collect what earlier runs deleted, on a schedule of its own."""


class RunOutcome(StrEnum):
    """What came of a run, in one word."""

    SUCCESS = "success"
    HELD_BACK = "held_back"
    """It came to its end; a limit, or something unreadable, held deletions back."""
    FAILED = "failed"
    """It ended early, or a deletion or a collection failed."""
    STOPPED = "stopped"
    """A person or a service manager stopped it, or it died; the next one goes on from there."""

    @property
    def reached_the_end(self) -> bool:
        """Whether the run did all that it could: what is held back waits for a person, not for another try."""
        return self in {RunOutcome.SUCCESS, RunOutcome.HELD_BACK}


STOPPED = 130
"""The exit code of a run that was stopped, as shells have it."""

_OUTCOMES = {0: RunOutcome.SUCCESS, 3: RunOutcome.HELD_BACK, STOPPED: RunOutcome.STOPPED}


def outcome_of(exit_code: int | None) -> RunOutcome:
    """The outcome behind an exit code (contracts, "Exit codes"); None: the run died before it had one."""
    return RunOutcome.STOPPED if exit_code is None else _OUTCOMES.get(exit_code, RunOutcome.FAILED)


class Schedule(StrEnum):
    """A timetable that a registry may have, by its key in the configuration."""

    CLEANING = "schedule"
    COLLECTION = "garbage_collection.schedule"


@dataclass(frozen=True, slots=True)
class Firing:
    """The due moment of a schedule that a run answers; `line` is the cron line and its time zone as it stood then."""

    schedule: Schedule
    line: str
    due: datetime
