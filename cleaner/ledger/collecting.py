"""A garbage collection, look by look, in one row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.dialects import sqlite

from cleaner.ledger.tables import collections
from cleaner.model.collection import Collection

_KEY = ("registry", "uuid")


def first_or_newer(registry: str, collection: Collection, at: datetime, known: Mapping[str, object]) -> sqlite.Insert:
    """The collection's first row, or what is newer in it: no later answer takes away what an earlier one told.

    `known` is what else is known of it, by column.
    """
    row = {
        "registry": registry,
        "uuid": collection.uuid,
        "ours": False,
        "status": collection.status,
        "first_seen_at": at,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
        "freed_bytes": collection.freed_bytes,
        "blobs_deleted": collection.blobs_deleted,
    } | dict(known)
    statement = sqlite.insert(collections).values(row)
    new, old = statement.excluded, collections.c
    newer = {name: func.coalesce(new[name], old[name]) for name in row if name not in _KEY}
    first = {
        "first_seen_at": old.first_seen_at,
        "run": func.coalesce(old.run, new.run),
        "ours": or_(old.ours, new.ours),
    }
    return statement.on_conflict_do_update(index_elements=_KEY, set_=newer | first)


def ended(registry: str) -> Select[tuple[str]]:
    """The query for the collections whose end is written down."""
    return select(collections.c.uuid).where(collections.c.registry == registry, collections.c.ended_at.is_not(None))
