"""Since when manifests have been condemned, look by look: what a policy's `notice` is measured from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Delete, Select, delete, select

from cleaner.ledger.database import Database
from cleaner.ledger.statements import newer, same
from cleaner.ledger.tables import notices
from cleaner.model.manifest import Digest


class Notices:
    """What every look since some moment has condemned under one and the same policy text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def condemned(
        self, registry: str, repository: str, fingerprint: str, digests: Collection[Digest], at: datetime
    ) -> Mapping[Digest, datetime]:
        """One look at a repository, begun at `at`, condemned exactly these: since when every look has.

        What it does not condemn any more, and what another policy text condemned, is forgotten. What is known stays,
        also where `at` is earlier: a clock that went back shortens no notice.

        Raises:
            StateError: the state cannot be read or written.
        """
        where = {"registry": registry, "repository": repository}
        with self._database.transaction() as connection:
            before = connection.execute(_of(registry, repository)).all()
            known = {digest: since for digest, text, since in before if text == fingerprint}
            now = {digest: known.get(digest, at) for digest in sorted(digests)}
            changed = [
                where | {"digest": digest, "fingerprint": fingerprint, "since": since}
                for digest, since in now.items()
                if digest not in known
            ]
            _forget(connection, where, (digest for digest, _, _ in before if digest not in now))
            if changed:
                connection.execute(_WRITE, changed)
        return now

    def spared(self, registry: str, repository: str, but: Collection[Digest] = ()) -> None:
        """One look at a repository condemned nothing `but` these: all else would be given notice anew.

        Raises:
            StateError: the state cannot be read or written.
        """
        where = {"registry": registry, "repository": repository}
        with self._database.transaction() as connection:
            before = connection.execute(_of(registry, repository)).all()
            _forget(connection, where, (digest for digest, _, _ in before if digest not in but))

    def since(self, registry: str, repository: str, fingerprint: str) -> Mapping[Digest, datetime]:
        """Since when each manifest has been condemned under this policy text, as the last look left it.

        Raises:
            StateError: the state cannot be read.
        """
        with self._database.reading() as connection:
            rows = connection.execute(_of(registry, repository))
            return {digest: since for digest, text, since in rows if text == fingerprint}


def forgotten(registry: str, repository: str, digest: Digest) -> Delete:
    """The statement that forgets what was announced of a manifest: one that is back is given notice anew."""
    mine = (notices.c.registry == registry, notices.c.repository == repository, notices.c.digest == digest)
    return delete(notices).where(*mine)


def _forget(connection: Connection, where: Mapping[str, str], digests: Iterable[Digest]) -> None:
    if rows := [{**where, "digest": digest} for digest in digests]:
        connection.execute(_FORGET, rows)


def _of(registry: str, repository: str) -> Select[Any]:
    mine = (notices.c.registry == registry, notices.c.repository == repository)
    query = select(notices.c.digest, notices.c.fingerprint, notices.c.since).where(*mine)
    return query.order_by(notices.c.digest)


_FORGET = delete(notices).where(*same(notices, "registry", "repository", "digest"))
_WRITE = newer(notices, "fingerprint", "since")
