"""What is promised, checked at each deletion, at each start of a collection, and when a command has ended.

Each check yields what is broken in words. None of it asks the cleaner: only the charter, what was seen on the wire, and
the registry itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.simulation.charter import HOUR, Charter
from tests.simulation.evidence import Evidence, Gone, Look, Place
from tests.simulation.fleet import Fleet, Image
from tests.simulation.registry import Registry

_MARGIN = HOUR
"""What was in use, or on a tag, this much less than `remember` ago is surely remembered."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion as the witness sees it: of what, on which look it relies, as of when the run judges."""

    gone: Gone
    look: Look
    as_of: datetime

    @property
    def place(self) -> Place:
        """Where it was."""
        return self.gone.repository, self.gone.digest


def broken_by_deletion(charter: Charter, seen: Evidence, registry: Registry, gone: Deletion) -> Iterator[str]:
    """What the deletion breaks; asked while its manifest is not there any more."""
    yield from _in_use(charter, seen, gone)
    yield from _needed(registry, gone)
    yield from _not_announced(charter, seen, gone)
    yield from _kept_anyway(charter, registry, gone)


def _in_use(charter: Charter, seen: Evidence, deletion: Deletion) -> Iterator[str]:
    """What sources told, or tell, by digest or by a tag that was on it at the look; and what such a tag was on."""
    repository, digest = deletion.place
    since = deletion.gone.at - charter.remember + _MARGIN
    looks = [look for look in seen.looks[repository] if look.at >= since or look is deletion.look]
    on_it = {tag for tag, carrier in deletion.look.carriers.items() if carrier == digest}
    once_on_it = {tag for look in looks for tag, carrier in look.carriers.items() if carrier == digest}
    for image in sorted(seen.used(since), key=str):
        if image.repository != repository:
            continue
        if image.digest == digest:
            yield f"{image} was in use by its digest"
        elif image.tag in on_it:
            yield f"{image} was in use by its tag"
        elif image.tag in once_on_it:
            yield f"{image} was in use, and its tag on the manifest within the last {charter.remember}"


def _needed(registry: Registry, deletion: Deletion) -> Iterator[str]:
    """What the look has shown and what is still there: an index that lists it, a subject that it is attached to."""
    repository, digest = deletion.place
    there = {
        other
        for other in registry.tags(repository).keys() & deletion.look.present
        if registry.pushes[repository, other] <= deletion.look.at  # else it was deleted, and pushed again since
    }
    attached_to = registry.attached_to(digest, deletion.gone.tags)
    for other in sorted(there):
        if digest in registry.built[other].children:
            yield f"the index {other} lists it"
        if other in attached_to:
            yield f"it is attached to {other}"


def _not_announced(charter: Charter, seen: Evidence, deletion: Deletion) -> Iterator[str]:
    announced, latest = seen.announced.get((charter.rules, deletion.place)), deletion.as_of - charter.notice
    unheard = any(moment <= latest for moment in seen.unheard)
    if (announced is None or announced > latest) and not unheard:
        yield f"it was announced at {announced} and went at {deletion.as_of}, with a notice of {charter.notice}"


def _kept_anyway(charter: Charter, registry: Registry, deletion: Deletion) -> Iterator[str]:
    """What is young, and what carries a tag that keeps without a condition."""
    repository, digest = deletion.place
    carriers = deletion.look.carriers
    yield from (f"it carried {t}" for t in (*charter.always, *charter.protected) if carriers.get(t) == digest)
    pushed = registry.pushes[repository, digest]
    if deletion.as_of - charter.grace < pushed <= deletion.look.at:
        yield f"it was pushed at {pushed}, within the grace of {charter.grace} before {deletion.as_of}"


def broken_by_collection(charter: Charter, seen: Evidence, registry: Registry, at: datetime) -> Iterator[str]:
    """What the start of a collection of ours breaks: what we deleted, and something needs by the last look."""
    uses = sorted(seen.used(at - charter.remember + _MARGIN), key=str)
    carried_last = {(gone.repository, tag): gone.digest for gone in seen.uncollected for tag in gone.tags}
    for gone in (gone for gone in seen.uncollected if gone.digest not in registry.tags(gone.repository)):
        look = seen.last_look(gone.repository)
        if look is None or look.at < gone.at:
            yield f"no look at {gone.repository} since {gone.digest} was deleted"
            continue
        there = registry.tags(gone.repository).keys() & look.present
        yield from (f"the index {other} lists {gone.digest}" for other in there if _lists(registry, other, gone))
        last = {tag for tag in gone.tags if carried_last[gone.repository, tag] == gone.digest} - look.carriers.keys()
        for image in uses:
            if image.repository == gone.repository and (image.digest == gone.digest or image.tag in last):
                yield f"{image} is in use, and {gone.digest} is gone"


def _lists(registry: Registry, index: str, gone: Gone) -> bool:
    return gone.digest in registry.built[index].children


@dataclass(frozen=True, slots=True)
class Pulled:
    """What could be pulled when a command began, of what ran then and of what is remembered: by digest and by tag.

    `changes` counts those of the fleet until then.
    """

    digests: frozenset[Place]
    tags: frozenset[Place]
    remembered: frozenset[Image]
    changes: int


def pulled(charter: Charter, seen: Evidence, registry: Registry, fleet: Fleet, at: datetime) -> Pulled:
    """What a command finds that begins now."""
    remembered = seen.used(at - charter.remember + _MARGIN)
    images = remembered | _running(charter, fleet, fleet.changes)
    digests = {(image.repository, image.digest) for image in images if image.digest is not None}
    tags = {(image.repository, image.tag) for image in images if image.tag is not None}
    return Pulled(
        frozenset(place for place in digests if place in registry.pushes and registry.pulls(*place)),
        frozenset(place for place in tags if _pulls_by_tag(registry, *place)),
        remembered,
        fleet.changes,
    )


def broken_by_command(charter: Charter, found: Pulled, registry: Registry, fleet: Fleet) -> Iterator[str]:
    """What could be pulled before, and cannot be now that a command has ended.

    Of what ran, what ran all the time; a tag that people moved meanwhile may stand on what went just then.
    """
    for image in sorted(found.remembered | _running(charter, fleet, found.changes), key=str):
        by_digest, by_tag = (image.repository, image.digest or ""), (image.repository, image.tag or "")
        if by_digest in found.digests and not registry.pulls(*by_digest):
            yield f"{image} was in use, and its pull lacks {next(registry.missing(*by_digest))}"
        if by_tag in found.tags - registry.moved and not _pulls_by_tag(registry, *by_tag):
            yield f"{image} was in use, and its tag does not pull any more"


def _running(charter: Charter, fleet: Fleet, since: int) -> frozenset[Image]:
    return frozenset(image for source in charter.sources for image in fleet.told(source, since))


def _pulls_by_tag(registry: Registry, repository: str, tag: str) -> bool:
    carrier = registry.carriers(repository).get(tag)
    return carrier is not None and registry.pulls(repository, carrier)
