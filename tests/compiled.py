"""SQL compiled for one engine serves every engine of this process: nearly each test opens a ledger of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_COMPILED: dict[Any, Any] = {}


class Dialect(SQLiteDialect_pysqlite):
    """SQLite's; one is like another, since all speak to the same library."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dialect)

    def __hash__(self) -> int:
        return hash(Dialect)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Give an engine what others compiled."""
        engine.update_execution_options(compiled_cache=_COMPILED)


def share_compiled() -> None:
    """Have every engine from now on share it."""
    registry.register("sqlite", __name__, Dialect.__name__)
