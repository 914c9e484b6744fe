"""What an audit makes of what was read: tags that do not pull, attachments without a subject, missing images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cleaner.model.audit import Finding, FindingKind
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest
from cleaner.model.use import Use
from cleaner.retention.families import subjects_of
from cleaner.retention.words import short


@dataclass(frozen=True, slots=True)
class Stock:
    """What a repository is said to have, and what it has: what its manifests are, as far as they could be read.

    `lost` are listed, and the data plane does not know them.
    """

    listing: Listing
    contents: Mapping[Digest, Content]
    lost: Collection[Digest] = ()


def pulled(stock: Stock) -> tuple[Blob, ...]:
    """Every blob that a pull of any tag of the repository needs, each once, sorted."""
    tagged = [manifest.digest for manifest in stock.listing.manifests if manifest.tags]
    needed = {digest for start in tagged for digest in _below(start, stock.contents)}
    blobs = {blob.digest: blob for digest in needed for blob in _blobs(digest, stock.contents)}
    return tuple(blobs[digest] for digest in sorted(blobs))


def broken_tags(stock: Stock, gone: Collection[Digest]) -> Iterator[Finding]:
    """Each tag that cannot be pulled completely; `gone` are the blobs that are not there."""
    repository, present = stock.listing.repository, stock.listing.by_digest()
    for manifest in stock.listing.manifests:
        below = _below(manifest.digest, stock.contents) if manifest.tags else ()
        lacking = [problem for digest in below for problem in _problems(digest, stock, present, gone)]
        for tag in manifest.tags if lacking else ():
            more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            yield Finding(FindingKind.BROKEN_TAG, repository, f"{repository}:{tag}", lacking[0] + more)


def dangling_attachments(stock: Stock) -> Iterator[Finding]:
    """Each attachment none of whose subjects is there; of what could not be read nobody knows all of them."""
    repository, present = stock.listing.repository, stock.listing.by_digest()
    for manifest in stock.listing.manifests:
        content = stock.contents.get(manifest.digest)
        subjects = sorted(subjects_of(manifest, content)) if content else []
        if subjects and present.keys().isdisjoint(subjects):
            detail = f"it is attached to {short(subjects[0])}, which is not there"
            yield Finding(FindingKind.DANGLING_ATTACHMENT, repository, f"{repository}@{manifest.digest}", detail)


def missing_images(uses: Iterable[Use], listings: Mapping[str, Listing | None], registry: str) -> Iterator[Finding]:
    """Each use of an image that the registry does not have, workload by workload.

    `listings` are all repositories; of a use in one that could not be listed (None) nobody can tell. A use that names
    no repository may be of any registry. Uses at one place that differ by the registry's name before the repository's
    are two readings of one image, which is there if either is.
    """
    present: dict[str, Collection[str]] = {
        name: {ref for m in listing.manifests for ref in (m.digest, *m.tags)}
        for name, listing in listings.items()
        if listing is not None
    }
    untold = listings.keys() - present.keys()
    readings: dict[Use, list[str]] = defaultdict(list)
    for use in uses:
        if use.repository is not None:
            shortest = replace(use, repository=use.repository.removeprefix(f"{registry}/"))
            readings[shortest].append(use.repository)
    for use, repositories in readings.items():
        wanted = use.digest or use.tag
        if not any(name in untold or wanted in present.get(name, ()) for name in repositories):
            yield _missing(use, min(repositories, key=len))


def _missing(use: Use, repository: str) -> Finding:
    image, what = (f"@{use.digest}", "no such manifest") if use.digest else (f":{use.tag}", "no such tag")
    where = f"{use.source}: {use.where}"
    return Finding(FindingKind.MISSING_IMAGE, repository, f"{repository}{image}", what, where)


def _below(start: Digest, contents: Mapping[Digest, Content]) -> tuple[Digest, ...]:
    """A manifest and all that it lists, at any depth, each once; what is not known lists nothing."""
    reached, waiting = {start: None}, [start]
    while waiting:
        content = contents.get(waiting.pop())
        new = [child for child in (content.children if content else ()) if child not in reached]
        reached |= dict.fromkeys(new)
        waiting += new
    return tuple(reached)


def _blobs(digest: Digest, contents: Mapping[Digest, Content]) -> tuple[Blob, ...]:
    content = contents.get(digest)
    return content.blobs if content else ()


def _problems(digest: Digest, stock: Stock, present: Collection[Digest], gone: Collection[Digest]) -> Iterator[str]:
    if digest not in present:
        yield f"{short(digest)}, which it lists, is not there"
    elif digest in stock.lost:
        yield f"the registry lists {short(digest)} and does not give it"
    else:
        blobs = dict.fromkeys(blob.digest for blob in _blobs(digest, stock.contents))
        yield from (f"the blob {blob} is gone" for blob in blobs if blob in gone)
