"""When each schedule last fired: what a run that is due is measured from, whoever was not running then."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import sqlite

from cleaner.ledger.database import Database
from cleaner.ledger.tables import schedules
from cleaner.model.run import Firing, Schedule

_KEY = ("registry", "schedule")


class Firings:
    """The last firing of each schedule of each registry, and the line that it had then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, registry: str, schedule: Schedule, line: str) -> datetime | None:
        """The last due moment that was answered under this line; None where the schedule has, or had, another.

        Raises:
            StateError: the state cannot be read.
        """
        mine = (schedules.c.registry == registry, schedules.c.schedule == schedule, schedules.c.line == line)
        with self._database.reading() as connection:
            return connection.execute(select(schedules.c.fired_at).where(*mine)).scalar_one_or_none()

    def begin(self, registry: str, schedule: Schedule, line: str, at: datetime) -> None:
        """From `at` on, due moments of this line are to be answered; what was known of another line is forgotten.

        Raises:
            StateError: the state cannot be written.
        """
        statement = _insert(registry, Firing(schedule, line, at))
        new = {"line": line, "fired_at": at}
        with self._database.transaction() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=new))

    def forget(self, registry: str, schedule: Schedule) -> None:
        """The registry has no such schedule any more: one that it gets later begins anew.

        Raises:
            StateError: the state cannot be written.
        """
        mine = (schedules.c.registry == registry, schedules.c.schedule == schedule)
        with self._database.transaction() as connection:
            connection.execute(delete(schedules).where(*mine))


def fired(registry: str, firing: Firing) -> sqlite.Insert:
    """The statement that writes a firing down; the ledger carries it out together with the run that answers it.

    A run that is begun anew answers an older moment: the newest answered one stays. So does a line that was begun
    since: a moment of the line before says nothing of it.
    """
    statement = _insert(registry, firing)
    new, old = statement.excluded, schedules.c
    newest = {"fired_at": func.max(old.fired_at, new.fired_at)}
    return statement.on_conflict_do_update(index_elements=_KEY, set_=newest, where=old.line == new.line)


def _insert(registry: str, firing: Firing) -> sqlite.Insert:
    row = {"registry": registry, "schedule": firing.schedule, "line": firing.line, "fired_at": firing.due}
    return sqlite.insert(schedules).values(row)
