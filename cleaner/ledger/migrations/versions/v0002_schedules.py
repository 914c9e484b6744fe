"""What a run is for, when each schedule last fired, and an index that finds the latest runs of a registry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Say of each earlier run that it cleaned, as they all did."""
    op.add_column("runs", sa.Column("kind", sa.Text, nullable=False, server_default="clean"))
    op.add_column("runs", sa.Column("due_at", sa.BigInteger))
    op.create_index("ix_runs_registry", "runs", ["registry", "started_at", "kind", "exit_code"])
    op.create_index("ix_deletions_repository", "deletions", ["registry", "repository", "outcome"])
    op.create_table(
        "schedules",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("schedule", sa.Text, primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("fired_at", sa.BigInteger, nullable=False),
    )
