"""Deletions that can be undone: nobody collected them yet, and the bytes of their manifests are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Row, Update, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import sqlite

from cleaner.ledger.tables import DELETED, bodies, deletions
from cleaner.model.deletion import Body, Collected, Restorable
from cleaner.model.manifest import Digest

RESTORABLE = (
    deletions.c.outcome == DELETED,
    deletions.c.collected_at.is_(None),
    deletions.c.restored_at.is_(None),
)
"""Holds for deletions whose blobs are still there, as far as we know; whether the body is kept is another question."""

CAN_BE_UNDONE = exists().where(bodies.c.digest == deletions.c.digest, *RESTORABLE).correlate(deletions)
"""Whether a deletion can be taken back: its blobs are there, and its manifest's body is kept."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which deletions are meant: those for which all that is not None holds; all of the registry where nothing is.

    `since` is the earliest moment at which they were answered, or intended where they were never answered.
    """

    run: str | None = None
    repository: str | None = None
    digest: Digest | None = None
    since: datetime | None = None


def find_restorable(connection: Connection, registry: str, which: Which) -> tuple[Restorable, ...]:
    """The oldest deletion first; of one manifest the last of those meant, with the tags that it lost by any of them.

    A tag that something else lost later, by a deletion that is meant as well, is not the earlier one's any more.
    """
    newest_first = (
        select(deletions, bodies.c.media_type, bodies.c.content)
        .outerjoin_from(deletions, bodies, bodies.c.digest == deletions.c.digest)
        .where(deletions.c.registry == registry, *RESTORABLE, *_meant(which))
        .order_by(deletions.c.id.desc())
    )
    found: dict[tuple[str, Digest], Restorable] = {}
    lost_since: set[tuple[str, str]] = set()
    for row in connection.execute(newest_first):
        place, tags = (row.repository, row.digest), [(row.repository, tag) for tag in row.tags]
        if last := found.get(place):
            more = tuple(tag for repository, tag in tags if (repository, tag) not in lost_since)
            found[place] = replace(last, tags=last.tags + more, earlier=(*last.earlier, row.id))
        else:
            found[place] = _restorable(row)
        lost_since.update(tags)
    return tuple(reversed(found.values()))


def _meant(which: Which) -> Iterator[ColumnElement[bool]]:
    columns = (deletions.c.run, deletions.c.repository, deletions.c.digest)
    wanted = (which.run, which.repository, which.digest)
    yield from (column == value for column, value in zip(columns, wanted, strict=True) if value is not None)
    if which.since is not None:
        yield func.coalesce(deletions.c.answered_at, deletions.c.intended_at) >= which.since


def _restorable(row: Row[Any]) -> Restorable:
    body = None if row.content is None else Body(row.media_type, row.content)
    return Restorable(
        row.id, row.run, row.repository, row.digest, row.tags, row.children, at=row.answered_at, body=body
    )


def find_lossy(connection: Connection, registry: str) -> tuple[str, ...]:
    """The repositories from which `find_restorable` finds anything, by name."""
    names = select(deletions.c.repository).where(deletions.c.registry == registry, *RESTORABLE).distinct()
    return tuple(connection.execute(names.order_by(deletions.c.repository)).scalars())


def find_collected(connection: Connection, registry: str, which: Which) -> tuple[Collected, ...]:
    """The oldest deletion first; of one manifest the last of those meant, unless that can be undone or was."""
    ours = (deletions.c.registry == registry, deletions.c.outcome == DELETED, *_meant(which))
    last = select(func.max(deletions.c.id)).where(*ours).group_by(deletions.c.repository, deletions.c.digest)
    columns = (deletions.c.repository, deletions.c.digest, deletions.c.tags, deletions.c.answered_at)
    gone = (deletions.c.collected_at.is_not(None), deletions.c.restored_at.is_(None), deletions.c.id.in_(last))
    query = select(*columns, deletions.c.collected_at).where(*gone)
    return tuple(Collected(*row) for row in connection.execute(query.order_by(deletions.c.id)))


def knows(connection: Connection, registry: str, which: Which) -> bool:
    """Whether the ledger has any such deletion, whatever came of it, and where that is not known yet."""
    any_of_them = select(deletions.c.id).where(deletions.c.registry == registry, *_meant(which)).limit(1)
    return connection.execute(any_of_them).first() is not None


def is_back(registry: str, restorable: Restorable, at: datetime) -> Update:
    """The statement that says so of the deletions that are undone: the manifest is there again.

    And of those before the last of them that nobody can undo any more. One that was not meant still takes its tags.
    """
    same = (
        deletions.c.registry == registry,
        deletions.c.repository == restorable.repository,
        deletions.c.digest == restorable.digest,
        deletions.c.id <= restorable.deletion,
        or_(deletions.c.collected_at.is_not(None), deletions.c.id.in_((restorable.deletion, *restorable.earlier))),
        deletions.c.outcome == DELETED,
        deletions.c.restored_at.is_(None),
    )
    return update(deletions).where(*same).values(restored_at=at, blobs=())


def keep(digest: Digest, body: Body) -> sqlite.Insert:
    """The statement that keeps a manifest's bytes, once, however often it is deleted."""
    row = {"digest": digest, "media_type": body.media_type, "content": body.content}
    return sqlite.insert(bodies).values(row).on_conflict_do_nothing()


def drop_unneeded(digest: Digest | None = None) -> Delete:
    """The statement that drops the bodies, or that body, which no deletion under way or restorable needs."""
    needed = exists().where(
        deletions.c.digest == bodies.c.digest, or_(deletions.c.outcome.is_(None), and_(*RESTORABLE))
    )
    unneeded = delete(bodies).where(~needed)
    return unneeded if digest is None else unneeded.where(bodies.c.digest == digest)
