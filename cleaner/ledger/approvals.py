"""What a person has seen and let through share and cap, digest by digest, until it is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, Delete, delete, select

from cleaner.ledger.database import Database
from cleaner.ledger.statements import newer, same
from cleaner.ledger.tables import approvals
from cleaner.model.deletion import Intent
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest


class Approvals:
    """The approvals that still stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def approve(self, registry: str, repository: str, digests: Collection[Digest], at: datetime) -> None:
        """A person approves that these go; what was approved before is so anew, since `at`.

        Raises:
            StateError: the state cannot be written.
        """
        rows = [
            {"registry": registry, "repository": repository, "digest": digest, "approved_at": at}
            for digest in sorted(digests)
        ]
        if rows:
            with self._database.transaction() as connection:
                connection.execute(newer(approvals, "approved_at"), rows)

    def approved(self, registry: str) -> Mapping[str, Mapping[Digest, datetime]]:
        """What is approved in each repository, and since when.

        Raises:
            StateError: the state cannot be read.
        """
        mine = select(approvals.c.repository, approvals.c.digest, approvals.c.approved_at).where(
            approvals.c.registry == registry
        )
        found: dict[str, dict[Digest, datetime]] = {}
        with self._database.reading() as connection:
            for repository, digest, at in connection.execute(mine.order_by(*approvals.primary_key)):
                found.setdefault(repository, {})[digest] = at
        return found


def end_unlisted(connection: Connection, registry: str, listing: Listing) -> None:
    """End the approvals of what a whole listing of its repository does not show any more."""
    here, listed = {"registry": registry, "repository": listing.repository}, listing.by_digest()
    approved = connection.execute(_APPROVED, here).scalars().all()
    if gone := [{**here, "digest": digest} for digest in approved if digest not in listed]:
        connection.execute(_END, gone)


def used_up(intent: Intent) -> Delete:
    """The statement that ends an approval; the ledger carries it out together with the outcome of the deletion."""
    return delete(approvals).where(
        approvals.c.registry == intent.registry,
        approvals.c.repository == intent.repository,
        approvals.c.digest == intent.digest,
    )


_HERE = ("registry", "repository")
_APPROVED = select(approvals.c.digest).where(*same(approvals, *_HERE)).order_by(approvals.c.digest)
_END = delete(approvals).where(*same(approvals, *_HERE, "digest"))
