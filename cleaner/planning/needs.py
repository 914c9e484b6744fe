"""The last look before a collection: what of that which we deleted is needed by something that is there now.

Meanwhile somebody may have pushed an index that lists it or something that is attached to it, may have pushed its
subject again, or may run it. What is needed comes back with all that is below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from cleaner.figures import clock_time
from cleaner.model.deletion import Restorable
from cleaner.model.family import Families
from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest, attachment_subject
from cleaner.model.use import SeenUse, TagMemory
from cleaner.planning.order import units
from cleaner.retention.families import families_among, subjects_of
from cleaner.retention.words import safe, short


@dataclass(frozen=True, slots=True)
class Need:
    """A manifest that we deleted and that should come back, and what needs it, in words.

    Where it `must`, something cannot be pulled without it; else it is only attached to what is there.
    """

    digest: Digest
    because: str
    must: bool = True


_Calls: TypeAlias = Iterator[Need]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is there, what was lost and is not there again (as last deleted), and the families of both together.

    `carriers` gives for a tag the manifest that carries it, or else the one of the lost that carried it last.
    """

    there: Mapping[Digest, Manifest]
    lost: Mapping[Digest, Restorable]
    carriers: Mapping[str, Digest]
    families: Families


def needed(
    lost: Sequence[Restorable],
    listing: Listing,
    contents: Mapping[Digest, Content],
    uses: Sequence[SeenUse],
    memory: TagMemory,
    now: datetime,
) -> tuple[Need, ...]:
    """Those of the lost that something needs and that are not there again, by digest.

    `lost` was deleted from the repository that is listed, `uses` are those that may keep something in it (`Usage.of`),
    `memory` is what was seen of its tags, `now` is when it was listed. `contents` are those of all that is listed, and
    of the lost as far as known.

    Raises:
        KeyError: a manifest of the listing has no entry in `contents`; what it is must never be guessed (law 2).
    """
    scene = _scene(lost, listing, contents)
    coming: dict[Digest, Need] = {}
    waiting = [*_by_families(scene, now), *_by_uses(scene, contents, uses, memory)]
    for need in sorted(waiting, key=lambda need: not need.must):  # what must come back says so of what is below it
        _call(need, scene, coming)
    return tuple(coming[digest] for digest in sorted(coming))


def _call(need: Need, scene: _Scene, coming: dict[Digest, Need]) -> None:
    """Add a need and all lost ones below it to those that come back; that one must counts before that it may."""
    waiting = [need]
    for each in waiting:  # grows while it is walked: each of the lost is taken twice at most
        known = coming.get(each.digest)
        if known is None or (each.must and not known.must):
            coming[each.digest] = each
            why = f"it belongs to {short(each.digest)}, which comes back"
            children = scene.families.children.get(each.digest, ())
            waiting += [
                Need(digest, why, must=each.must and digest in children)
                for digest in scene.families.below(each.digest)
                if digest in scene.lost
            ]


def in_order_of_return(lost: Iterable[Restorable], contents: Mapping[Digest, Content]) -> tuple[Restorable, ...]:
    """Children before an index that lists them, a subject before what is attached to it, else by digest.

    That is the order of deletion with the edges between index and child turned round.
    """
    deletions: dict[Digest, list[Restorable]] = defaultdict(list)
    for each in sorted(lost, key=_when):
        deletions[each.digest].append(each)
    tags = {digest: [tag for each in same for tag in each.tags] for digest, same in deletions.items()}
    manifests = {digest: _bare(same[-1], tags[digest]) for digest, same in deletions.items()}
    known = {digest: _content(same[-1], contents) for digest, same in deletions.items()}
    families = families_among(manifests, known)
    order = units(manifests, replace(families, indexes=families.children, children=families.indexes))
    return tuple(each for unit in order for digest in unit.manifests for each in deletions[digest])


def with_all_below(
    chosen: Iterable[Restorable], lost: Sequence[Restorable], contents: Mapping[Digest, Content]
) -> tuple[Restorable, ...]:
    """The chosen of one repository's lost, as they were chosen, with all lost ones below them, by digest.

    Below are children, and what is attached.
    """
    latest = {each.digest: each for each in sorted(lost, key=_when)}
    latest |= {each.digest: each for each in sorted(chosen, key=_when) if each.digest in latest}
    known = {digest: _content(each, contents) for digest, each in latest.items()}
    families = families_among({digest: _bare(each, each.tags) for digest, each in latest.items()}, known)
    coming = {each.digest for each in chosen if each.digest in latest}
    waiting = sorted(coming)
    while waiting:
        below = {digest for digest in families.below(waiting.pop()) if digest in latest} - coming
        coming |= below
        waiting += below
    return tuple(latest[digest] for digest in sorted(coming))


def rests_on(lost: Restorable, contents: Mapping[Digest, Content]) -> frozenset[Digest]:
    """What it should not come back without: the children that it lists, and what it is attached to."""
    content = _content(lost, contents)
    return subjects_of(_bare(lost, lost.tags), content).union(content.children)


def _scene(lost: Iterable[Restorable], listing: Listing, contents: Mapping[Digest, Content]) -> _Scene:
    there = listing.by_digest()
    absent = [each for each in sorted(lost, key=_when) if each.digest not in there]
    carriers = {tag: each.digest for each in absent for tag in each.tags}
    carriers |= {tag: manifest.digest for manifest in listing.manifests for tag in manifest.tags}
    latest = {each.digest: each for each in absent}
    carried: dict[Digest, list[str]] = defaultdict(list)
    for tag, digest in carriers.items():
        carried[digest].append(tag)
    manifests = {digest: _bare(each, carried[digest]) for digest, each in latest.items()} | there
    known = {digest: _content(each, contents) for digest, each in latest.items()}
    known |= {digest: contents[digest] for digest in there}
    return _Scene(there, latest, carriers, families_among(manifests, known))


def _by_families(scene: _Scene, now: datetime) -> _Calls:
    """What an index, a subject or a new attachment that is there calls for.

    What is attached to a subject goes after it: where the subject is there, it came again. An attachment may have
    stayed without its subject: only one that surely came later calls for it.
    """
    families = scene.families
    for digest, lost in sorted(scene.lost.items()):
        for index in _there(scene, families.indexes.get(digest, ())):
            yield Need(digest, f"the index {_named(index)} lists it")
        for subject in _there(scene, families.subjects.get(digest, ())):
            yield Need(digest, f"it is attached to {_named(subject)}, which is there again", must=False)
        for attachment in _there(scene, families.attachments.get(digest, ())):
            if attachment.updated_at is not None and lost.at < attachment.updated_at <= now:
                yield Need(digest, f"{_named(attachment)} was attached to it meanwhile")


def _by_uses(scene: _Scene, contents: Mapping[Digest, Content], uses: Iterable[SeenUse], memory: TagMemory) -> _Calls:
    """What is used by a digest, its own or its configuration's, or by a tag that nothing carries now."""
    having: dict[Digest, list[Digest]] = defaultdict(list)
    for digest, lost in sorted(scene.lost.items()):
        for own in (digest, *(blob.digest for blob in _content(lost, contents).blobs)):
            having[own].append(digest)
    for seen in uses:
        use = seen.use
        if use.digest is not None:
            yield from (Need(digest, _says(seen, "it")) for digest in having.get(use.digest, ()))
        if use.tag is not None:
            yield from (
                Need(digest, _says(seen, f"its tag {safe(use.tag)}")) for digest in _last(use.tag, scene, memory)
            )


def _last(tag: str, scene: _Scene, memory: TagMemory) -> Iterator[Digest]:
    """Of the lost the one that carried a tag last which nothing carries now: by its deletion, and by earlier looks."""
    carrier = [scene.carriers[tag]] if tag in scene.carriers else []
    pointed = [earlier.digest for earlier in memory.pointed.get(tag, ())[:1]]
    if not scene.there.keys() & carrier:
        yield from (digest for digest in (*carrier, *pointed) if digest in scene.lost)


def _there(scene: _Scene, digests: Iterable[Digest]) -> Iterator[Manifest]:
    return (scene.there[digest] for digest in digests if digest in scene.there)


def _says(seen: SeenUse, what: str) -> str:
    who = f"{safe(seen.use.source)}: {safe(seen.use.where)}"
    if seen.last_seen is None:
        return f"{who} uses {what}"
    return f"{who} used {what} until {clock_time(seen.last_seen, UTC)} UTC"


def _named(manifest: Manifest) -> str:
    """The manifest with its tags, if it has any."""
    tags = ", ".join(safe(tag) for tag in manifest.tags)
    return f"{short(manifest.digest)} (tags {tags})" if tags else short(manifest.digest)


def _when(lost: Restorable) -> tuple[datetime, int]:
    return lost.at, lost.deletion


def _bare(lost: Restorable, tags: Collection[str]) -> Manifest:
    """What was lost as a manifest by which its family can be told: of its tags only those that attach it."""
    return Manifest(lost.repository, lost.digest, None, tuple(tag for tag in tags if attachment_subject(tag)))


def _content(lost: Restorable, contents: Mapping[Digest, Content]) -> Content:
    """What was lost as it is known, else as the ledger has it."""
    return contents.get(lost.digest) or Content(lost.digest, "", lost.children)
