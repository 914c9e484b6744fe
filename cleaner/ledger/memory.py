"""What was seen, look by look: what was in use, and which tag was on which manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from cleaner.clock import Now
from cleaner.ledger.approvals import end_unlisted
from cleaner.ledger.database import Database
from cleaner.ledger.sightings import Pair, Sighting, after_look, memory_of, still_needed
from cleaner.ledger.statements import newer, same
from cleaner.ledger.tables import DELETED, approvals, deletions, looks, notices, tags, uses
from cleaner.model.listing import Listing
from cleaner.model.use import SeenUse, TagMemory, Use


class Memory:
    """What looks at in-use sources and at repositories have shown.

    `now` is the current moment. Every method raises StateError where the state cannot be read or written.
    """

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def saw(self, registry: str, seen: Iterable[Use], at: datetime) -> None:
        """These are in use at `at`. The same image of the same source is remembered once, with who used it last."""
        rows = [
            {
                "registry": registry,
                "source": use.source,
                "repository": use.repository,
                "tag": use.tag,
                "digest": use.digest,
                "place": use.where,
                "first_seen_at": at,
                "last_seen_at": at,
            }
            for use in seen
        ]
        if rows:
            with self._database.transaction() as connection:
                connection.execute(_SAW, rows)

    def uses(self, registry: str, since: datetime) -> tuple[SeenUse, ...]:
        """What was last seen in use at `since` or later."""
        columns = (uses.c.repository, uses.c.tag, uses.c.digest, uses.c.source, uses.c.place, uses.c.last_seen_at)
        mine = (uses.c.registry == registry, uses.c.last_seen_at >= since)
        query = select(*columns).where(*mine).order_by(*uses.primary_key)
        with self._database.reading() as connection:
            return tuple(SeenUse(Use(*use), last_seen) for *use, last_seen in connection.execute(query))

    def observe(self, registry: str, listing: Listing, at: datetime, keep: timedelta) -> TagMemory:
        """Compare a listing, begun at `at`, with the last look at its repository, and remember what changed.

        The approval of what is not listed any more ends. A look that is no later than the last one changes nothing.
        What a tag pointed to is remembered for `keep`.
        """
        here = {"registry": registry, "repository": listing.repository}
        with self._database.transaction() as connection:
            last = connection.execute(_LAST_LOOK, here).scalar_one_or_none()
            known = _sightings(connection, here)
            # A look that is later than now was dated by a clock that was ahead: nobody waits until then.
            if last is None or last < at or last > self._now():
                before, known = known, still_needed(after_look(known, listing, last, at), listing, at - keep)
                _write(connection, here, before, known)
                connection.execute(_LOOKED, here | {"looked_at": at})
                end_unlisted(connection, registry, listing)
            back = dict(connection.execute(_BACK, here).all())
        return memory_of(known, back, listing, at, keep)

    def forget(self, registry: str, repositories: Collection[str], before: datetime) -> None:
        """Forget what nobody will ask for: uses last seen before that moment, and repositories that are gone since.

        `repositories` are all that the registry has: of any other one that was last looked at before that moment,
        tags, notices and approvals are forgotten.
        """
        there = frozenset(repositories)
        unseen = select(looks.c.repository).where(looks.c.registry == registry, looks.c.looked_at < before)
        with self._database.transaction() as connection:
            connection.execute(delete(uses).where(uses.c.registry == registry, uses.c.last_seen_at < before))
            names = connection.execute(unseen.order_by(looks.c.repository)).scalars().all()
            gone = [{"registry": registry, "repository": name} for name in names if name not in there]
            for statement in _FORGET_REPOSITORY if gone else ():
                connection.execute(statement, gone)


def _sightings(connection: Connection, here: Mapping[str, str]) -> dict[Pair, Sighting]:
    return {(tag, digest): Sighting(came, left) for tag, digest, came, left in connection.execute(_SIGHTINGS, here)}


def _write(
    connection: Connection,
    here: Mapping[str, str],
    before: Mapping[Pair, Sighting],
    after: Mapping[Pair, Sighting],
) -> None:
    """Write down the difference alone."""
    forgotten = [{**here, "tag": tag, "digest": digest} for tag, digest in before if (tag, digest) not in after]
    changed = [
        {**here, "tag": pair[0], "digest": pair[1], "came_at": seen.came, "left_at": seen.left}
        for pair, seen in after.items()
        if before.get(pair) != seen
    ]
    if forgotten:
        connection.execute(_FORGET, forgotten)
    if changed:
        connection.execute(_CHANGE, changed)


_HERE = ("registry", "repository")
_LAST_LOOK = select(looks.c.looked_at).where(*same(looks, *_HERE))
_LOOKED = newer(looks, "looked_at")
_SIGHTINGS = (
    select(tags.c.tag, tags.c.digest, tags.c.came_at, tags.c.left_at)
    .where(*same(tags, *_HERE))
    .order_by(tags.c.tag, tags.c.digest)
)
_BACK = (
    select(deletions.c.digest, func.max(deletions.c.restored_at))
    .where(*same(deletions, *_HERE), deletions.c.outcome == DELETED, deletions.c.restored_at.is_not(None))
    .group_by(deletions.c.digest)
)
_CHANGE = newer(tags, "came_at", "left_at")
_FORGET = delete(tags).where(*same(tags, *_HERE, "tag", "digest"))
_FORGET_REPOSITORY = tuple(delete(table).where(*same(table, *_HERE)) for table in (looks, tags, notices, approvals))


def _last_seen() -> Insert:
    """The insert of a use; of one that is known, the later of two moments stays, and who used it then."""
    statement = insert(uses)
    new, old = statement.excluded, uses.c
    return statement.on_conflict_do_update(
        index_elements=list(uses.primary_key),
        set_={"place": new.place, "last_seen_at": new.last_seen_at},
        where=new.last_seen_at >= old.last_seen_at,
    )


_SAW = _last_seen()
