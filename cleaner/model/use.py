"""Who uses which image: what the in-use sources tell, now and as far back as the ledger remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cleaner.model.manifest import Digest


@dataclass(frozen=True, slots=True)
class Use:
    """An image of our registry that something runs, or will roll back to.

    It is named by `tag`, by `digest`, or by both: then both count. `repository` None: whichever has the digest, be it a
    manifest's or its configuration's. `source` names the in-use source, `where` says who uses it there
    (cluster/namespace/workload, app/component/deployment, file and line).
    """

    repository: str | None
    tag: str | None
    digest: Digest | None
    source: str
    where: str


@dataclass(frozen=True, slots=True)
class SeenUse:
    """A use that a source tells now (`last_seen` None), or one that was last seen then and is remembered."""

    use: Use
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pointed:
    """A manifest that a tag pointed to, until it was seen to point elsewhere or to be gone."""

    digest: Digest
    until: datetime


@dataclass(frozen=True, slots=True)
class TagMemory:
    """What the ledger knows of one repository's tags and manifests, look by look; empty on the first look.

    `came` gives for a tag when it was seen to come onto the manifest that carries it now, which was there before;
    `left` for a manifest without tags when the last one was seen to leave it; `pointed` for a tag what it pointed to
    earlier, newest first; `back` for a manifest when we put it back last, after a deletion of ours.
    """

    came: Mapping[str, datetime]
    left: Mapping[Digest, datetime]
    pointed: Mapping[str, tuple[Pointed, ...]]
    back: Mapping[Digest, datetime] = field(default_factory=dict)


NOTHING_SEEN = TagMemory({}, {}, {})
"""The memory of a repository that nobody has looked at before."""
