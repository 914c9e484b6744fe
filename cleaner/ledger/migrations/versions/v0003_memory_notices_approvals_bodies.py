"""What was in use, which tags were where, notices, approvals, and what brings a deleted manifest back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Say of each earlier deletion that nobody brought it back; its body was not kept."""
    op.add_column("deletions", sa.Column("restored_at", sa.BigInteger))
    op.drop_index("ix_deletions_progress", "deletions")
    op.create_index("ix_deletions_progress", "deletions", ["registry", "outcome", "collected_at", "restored_at"])
    op.create_index("ix_deletions_digest", "deletions", ["digest"])
    _create_bodies()
    _create_uses()
    _create_looks_and_tags()
    _create_notices_and_approvals()


def _create_bodies() -> None:
    op.create_table(
        "bodies",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def _create_uses() -> None:
    op.create_table(
        "uses",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_uses_last_seen_at", "uses", ["registry", "last_seen_at"])


def _create_looks_and_tags() -> None:
    op.create_table(
        "looks",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("looked_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tags",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("came_at", sa.BigInteger),
        sa.Column("left_at", sa.BigInteger),
    )


def _create_notices_and_approvals() -> None:
    op.create_table(
        "notices",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "approvals",
        sa.Column("registry", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("approved_at", sa.BigInteger, nullable=False),
    )
