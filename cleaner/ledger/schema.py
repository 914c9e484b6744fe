"""The ledger's schema, brought up to date at every opening."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from cleaner.errors import StateError
from cleaner.ledger.database import Database

HEAD = "0003"
"""The version that this program reads and writes: the newest in `migrations/versions`."""

_MIGRATIONS = "cleaner.ledger:migrations"

# A read goes well on a read-only file and on a full disk; that it can be written must be known before any request.
_TOUCH = text("UPDATE alembic_version SET version_num = version_num")


def upgrade(database: Database) -> None:
    """Bring the schema to `HEAD`, all or nothing; of several processes one does it and the others wait.

    It writes in any case, so that an opening that succeeds tells that the state can be written.

    Raises:
        StateError: it is the database of something else, or of a newer version; or it cannot be written.
    """
    with database.transaction() as connection:
        found = _version(connection, database.place)
        if found != HEAD:
            _migrate(connection, database.place, found)
        connection.execute(_TOUCH)


def _version(connection: Connection, place: str) -> str | None:
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StateError(
            f"The database in {place} is not a ledger: it holds the tables of something else",
            "Name a file of its own in `state`; it is made where there is none",
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _migrate(connection: Connection, place: str, found: str | None) -> None:
    # Imported here: it takes longer than all the rest of an opening, and a ledger is rarely out of date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _MIGRATIONS)
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        raise StateError(
            f"The ledger in {place} has schema {found}, and this version of registry-cleaner knows up to {HEAD}",
            "Install the newer version that wrote it, or name another file in `state`",
        )
    command.upgrade(config, "head")
