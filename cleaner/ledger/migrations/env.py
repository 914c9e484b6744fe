"""Alembic's entry: it migrates on the connection, and in the transaction, of `cleaner.ledger.schema`."""

from __future__ import annotations

from alembic import context

from cleaner.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
