"""The ledger's tables, and how our values lie in them; `migrations/` makes these same tables, version by version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from cleaner.model.manifest import Blob, Digest
from cleaner.model.run import RunKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DELETED: Final = "deleted"
GONE: Final = "gone"
FAILED: Final = "failed"


def _dumps(value: Iterable[object]) -> str:
    return json.dumps(list(value), separators=(",", ":"))


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, as an integer: microseconds since 1970, which sort and compare as times do."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """From the value to the column."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the column to the value."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class Texts(TypeDecorator[tuple[str, ...]]):
    """Tags, reasons, digests: a JSON list in ASCII, whatever characters a registry put into them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """From the value to the column."""
        return None if value is None else _dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """From the column to the value."""
        return None if value is None else tuple(json.loads(value))


class Blobs(TypeDecorator[tuple[Blob, ...]]):
    """Blobs: a JSON list of pairs of digest and size in bytes, null where nobody states it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Blob, ...] | None, dialect: Dialect) -> str | None:
        """From the value to the column."""
        return None if value is None else _dumps((blob.digest, blob.size) for blob in value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Blob, ...] | None:
        """From the column to the value."""
        return None if value is None else tuple(Blob(Digest(digest), size) for digest, size in json.loads(value))


class Kind(TypeDecorator[RunKind]):
    """What a run is for, by its name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: RunKind | None, dialect: Dialect) -> str | None:
        """From the value to the column."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> RunKind | None:
        """From the column to the value."""
        return None if value is None else RunKind(value)


class OrNothing(TypeDecorator[str]):
    """A name, or the empty text where there is none: in a key, no two NULLs are the same."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str:
        """From the value to the column."""
        return value or ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """From the column to the value."""
        return value or None


metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("registry", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),  # this and all below: NULL until the run ends; for ever where it was killed
    Column("exit_code", Integer),
    Column("error", Text),
    Column("deleted", Integer),
    Column("failed", Integer),
    Column("skipped", Integer),
    Column("held_back", Integer),
    Column("predicted_bytes", BigInteger),
    Column("freed_bytes", BigInteger),
    Column("kind", Kind, nullable=False, server_default=RunKind.CLEAN.value),
    Column("due_at", Moment),  # the due moment of a schedule that it answers; NULL where a person asked for it
    Index("ix_runs_started_at", "started_at"),
    # Serves a registry's latest runs, and the last of each kind, whether or not it succeeded.
    Index("ix_runs_registry", "registry", "started_at", "kind", "exit_code"),
)

deletions = Table(
    "deletions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("registry", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("tags", Texts, nullable=False),
    Column("reasons", Texts, nullable=False),
    Column("children", Texts, nullable=False),
    Column("blobs", Blobs, nullable=False),
    Column("intended_at", Moment, nullable=False),
    Column("outcome", Text),  # DELETED, GONE, FAILED; NULL: nobody knows yet
    Column("error", Text),
    Column("answered_at", Moment),
    Column("collected_at", Moment),
    Column("restored_at", Moment),  # when the manifest was brought back; the deletion counts no longer
    # Serves what is unsettled, gone, uncollected and can be undone alike.
    Index("ix_deletions_progress", "registry", "outcome", "collected_at", "restored_at"),
    Index("ix_deletions_repository", "registry", "repository", "outcome"),
    Index("ix_deletions_run", "run"),
    Index("ix_deletions_digest", "digest"),  # serves whether a body is needed, and what of one manifest was deleted
)

bodies = Table(
    "bodies",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

collections = Table(
    "collections",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    Column("run", Text, ForeignKey("runs.id")),
    Column("ours", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("created_at", Moment),
    Column("updated_at", Moment),
    Column("ended_at", Moment),
    Column("predicted_bytes", BigInteger),
    Column("freed_bytes", BigInteger),
    Column("blobs_deleted", BigInteger),
)

schedules = Table(
    "schedules",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("schedule", Text, primary_key=True),
    Column("line", Text, nullable=False),  # the cron line and its zone under which it fired
    Column("fired_at", Moment, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("children", Texts, nullable=False),
    Column("subject", Text),
    Column("blobs", Blobs, nullable=False),
)

uses = Table(
    "uses",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("repository", OrNothing, primary_key=True),
    Column("tag", OrNothing, primary_key=True),
    Column("digest", OrNothing, primary_key=True),
    Column("place", Text, nullable=False),  # who uses it there, as last seen
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Index("ix_uses_last_seen_at", "registry", "last_seen_at"),
)

looks = Table(
    "looks",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("looked_at", Moment, nullable=False),  # when the last listing that was compared was begun
)

tags = Table(
    "tags",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("came_at", Moment),  # NULL: it was not seen to come, or came with the push of its manifest
    Column("left_at", Moment),  # NULL: the manifest carries it
)

notices = Table(
    "notices",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),  # of the policy that condemned it, at every look since
    Column("since", Moment, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("approved_at", Moment, nullable=False),
)
