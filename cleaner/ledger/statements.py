"""Statements on one row each, carried out for many rows at once."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, bindparam
from sqlalchemy.dialects.sqlite import Insert, insert


def same(table: Table, *names: str) -> Iterator[ColumnElement[bool]]:
    """That these columns have the values of the parameters of their names."""
    return (table.c[name] == bindparam(name) for name in names)


def newer(table: Table, *names: str) -> Insert:
    """The insert that, where the key is there already, puts the new values into these columns."""
    statement = insert(table)
    new = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)
