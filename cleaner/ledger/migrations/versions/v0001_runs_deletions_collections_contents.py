"""The first tables: runs, deletions, collections, and the contents of manifests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all four, with their indexes."""
    _create_runs()
    _create_deletions()
    _create_collections()
    _create_contents()


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("exit_code", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("deleted", sa.Integer),
        sa.Column("failed", sa.Integer),
        sa.Column("skipped", sa.Integer),
        sa.Column("held_back", sa.Integer),
        sa.Column("predicted_bytes", sa.BigInteger),
        sa.Column("freed_bytes", sa.BigInteger),
    )
    op.create_index("ix_runs_started_at", "runs", ["started_at"])


def _create_deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("children", sa.Text, nullable=False),
        sa.Column("blobs", sa.Text, nullable=False),
        sa.Column("intended_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("collected_at", sa.BigInteger),
    )
    op.create_index("ix_deletions_progress", "deletions", ["registry", "outcome", "collected_at"])
    op.create_index("ix_deletions_run", "deletions", ["run"])


def _create_collections() -> None:
    op.create_table(
        "collections",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("uuid", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id")),
        sa.Column("ours", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("predicted_bytes", sa.BigInteger),
        sa.Column("freed_bytes", sa.BigInteger),
        sa.Column("blobs_deleted", sa.BigInteger),
    )


def _create_contents() -> None:
    op.create_table(
        "contents",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("children", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("blobs", sa.Text, nullable=False),
    )
