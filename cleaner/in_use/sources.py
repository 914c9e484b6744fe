"""The in-use sources that a configuration can name, and whether they can be read (law 6: fail closed)."""

from __future__ import annotations

from cleaner.config.settings import InUseSource
from cleaner.errors import SourceUnreadable


async def look_at(source: InUseSource) -> None:
    """Read what a source says is in use.

    Raises:
        SourceUnreadable: always, for no kind of source can be read by this version: whatever it could have
            vetoed is not deleted.
    """
    raise SourceUnreadable(
        f"the in-use source {source.kind} cannot be read: this version has no reader for it",
        "nothing is deleted while it is configured; write `in_use: none` under `protect` only if nothing needs it",
    )
