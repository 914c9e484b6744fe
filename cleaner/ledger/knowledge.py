"""What manifests are: read from the data plane once, true for ever. A cache: without it they are read anew."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from cleaner.ledger.database import Database
from cleaner.ledger.tables import contents
from cleaner.model.manifest import Content, Digest

_AT_ONCE = 500  # parameters of one statement; older SQLite takes 999


class Knowledge:
    """The contents of manifests by digest, the same for every registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, digests: Iterable[Digest]) -> dict[Digest, Content]:
        """The contents of those digests that are known.

        Raises:
            StateError: the state cannot be read.
        """
        asked = list(digests)
        chunks = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        with self._database.reading() as connection:
            found = [
                Content(row.digest, row.media_type, row.children, row.subject, row.blobs)
                for chunk in chunks
                for row in connection.execute(select(contents).where(contents.c.digest.in_(chunk)))
            ]
        return {content.digest: content for content in found}

    def learn(self, learned: Iterable[Content]) -> None:
        """Remember contents, all or none of them; what is known already stays as it is.

        Raises:
            StateError: the state cannot be written.
        """
        rows = [
            {
                "digest": content.digest,
                "media_type": content.media_type,
                "children": content.children,
                "subject": content.subject,
                "blobs": content.blobs,
            }
            for content in learned
        ]
        if rows:
            with self._database.transaction() as connection:
                connection.execute(insert(contents).on_conflict_do_nothing(), rows)
