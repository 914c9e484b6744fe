"""Bringing back what we deleted: children before their index, then the tags that stand on nothing by now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.cleaning.work import Work
from cleaner.docr import oci
from cleaner.docr.pages import nothing_listed
from cleaner.docr.restorer import Restorer
from cleaner.docr.unbroken import to_the_end
from cleaner.errors import BadRequest, ManifestUnreadable, NotFound, RemoteError, Unprocessable
from cleaner.model.deletion import Body, Collected, Intent, Restorable
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest
from cleaner.model.safeguard import ManifestRestored, RestoreFailed
from cleaner.planning.needs import in_order_of_return, rests_on

_NO_BYTES = "its bytes were not kept: a garbage collection was to follow at once"
_FAILURES_IN_A_ROW = 5

_Lost = TypeVar("_Lost", Restorable, Collected, Intent)


def by_repository(manifests: Iterable[_Lost]) -> dict[str, list[_Lost]]:
    """The manifests of each repository, in the order of the repositories' names."""
    found: dict[str, list[_Lost]] = defaultdict(list)
    for manifest in sorted(manifests, key=lambda one: one.repository):
        found[manifest.repository].append(manifest)
    return found


async def contents_of(work: Work, lost: Iterable[Restorable]) -> dict[Digest, Content]:
    """What the lost are: by the bytes that were kept of them, else as far as it is known."""
    bodies = {manifest.digest: manifest for manifest in lost}
    contents = await asyncio.to_thread(work.ledger.knowledge.known, sorted(bodies))
    for digest, manifest in bodies.items():
        if manifest.body is not None:
            contents[digest] = oci.content(manifest.repository, digest, manifest.body.content)
    return contents


async def standing(work: Work, repository: str, known: Collection[str]) -> Listing:
    """What stands in a repository now; one that is not among the `known` lost all that it had, and comes again.

    Raises:
        ListingIncomplete: it cannot be listed whole.
    """
    return await work.reader.listing(repository) if repository in known else nothing_listed(repository)


@dataclass(slots=True)
class Return:
    """The manifests of one repository on their way back.

    `present` are the digests that are there, `carriers` gives for a tag what it stands on; both grow with what comes
    back. `because` says why each is to come. `restored` have the tags that they carry now; `moved_on` are those of
    their tags that stand on something else.
    """

    work: Work
    restorer: Restorer
    contents: Mapping[Digest, Content]
    present: set[Digest]
    carriers: dict[str, Digest]
    because: Mapping[Digest, str] = field(default_factory=dict)
    restored: list[Restorable] = field(default_factory=list)
    failed: list[tuple[Restorable, str]] = field(default_factory=list)
    moved_on: list[tuple[str, str]] = field(default_factory=list)
    failures: int = 0

    @classmethod
    def into(cls, work: Work, restorer: Restorer, listing: Listing, contents: Mapping[Digest, Content]) -> Return:
        """Into what stands in the repository now; `contents` are those of what may come back, as far as known."""
        carriers = {tag: manifest.digest for manifest in listing.manifests for tag in manifest.tags}
        return cls(work, restorer, contents, set(listing.by_digest()), carriers)

    async def bring(self, manifests: Iterable[Restorable], because: Mapping[Digest, str]) -> None:
        """Bring these back, each refusal by itself: it is told, and changes nothing but for what rests on it.

        Tags come last, so that no tag stands on what is not whole yet. Of several that carried one, the last deleted
        gets it.
        """
        self.because = because
        came: list[Restorable] = []
        for manifest in in_order_of_return(manifests, self.contents):
            why_not = await self._put(manifest)
            if why_not is not None:
                self._fail(manifest, why_not)
            elif all(self.carriers.get(tag) == manifest.digest for tag in manifest.tags):
                await self._is_back(manifest)
            else:
                came.append(manifest)
        for manifest in sorted(came, key=lambda one: one.deletion, reverse=True):
            problems = await self._put_tags(manifest)
            if problems:
                self._fail(manifest, f"it is there again, but not all of its tags: {'; '.join(problems)}")
            else:
                await self._is_back(manifest)

    async def _put(self, manifest: Restorable) -> str | None:
        """Put it under its digest, unless it is there; why it could not be."""
        if manifest.digest in self.present:
            return None
        if manifest.body is None:
            return _NO_BYTES
        why_not = await self._lacks(manifest) or await self._send(manifest, manifest.digest, manifest.body)
        if why_not is None:
            self.present.add(manifest.digest)
        return why_not

    async def _put_tags(self, manifest: Restorable) -> list[str]:
        """Put those of its tags that stand on nothing; what went wrong with any of them."""
        try:
            body = manifest.body or await self.work.reader.body(manifest.repository, manifest.digest)
        except ManifestUnreadable as error:
            return [str(error)]
        problems: list[str] = []
        for tag in manifest.tags:
            try:
                stands = tag in self.carriers or await self.work.reader.has_tag(manifest.repository, tag)
            except RemoteError as error:
                problems.append(str(error))
                continue
            why_not = None if stands else await self._send(manifest, tag, body)
            if why_not is not None:
                problems.append(why_not)
            elif not stands:
                self.carriers[tag] = manifest.digest
        return problems

    async def _lacks(self, manifest: Restorable) -> str | None:
        """Why it could not come back whole, looked up before anything is sent; None where nothing is missing."""
        failed = {one.digest for one, _ in self.failed}
        missing = sorted(failed & rests_on(manifest, self.contents) - self.present)
        if missing:
            return f"it needs {missing[0]}, which did not come back"
        try:
            gone = await self._missing_blobs(manifest)
        except RemoteError as error:
            return f"whether its blobs are still there could not be looked up: {error}"
        return f"its blobs are gone: {', '.join(gone)}" if gone else None

    async def _missing_blobs(self, manifest: Restorable) -> list[Digest]:
        async def is_there(blob: Blob) -> bool:
            return await self.work.reader.has_blob(manifest.repository, blob.digest)

        blobs = self.contents[manifest.digest].blobs
        there = await a_few_at_a_time(is_there, blobs)
        return [blob.digest for blob, found in zip(blobs, there, strict=True) if not found]

    async def _send(self, manifest: Restorable, reference: str, body: Body) -> str | None:
        """Put it under a digest or a tag; why that could not be done (law 12: not asked on after a few in a row)."""
        if self.failures >= _FAILURES_IN_A_ROW:
            return f"it was not sent, for {self.failures} before it could not be put back"
        try:
            await self.restorer.put(manifest.repository, reference, body)
        except (BadRequest, NotFound, Unprocessable) as refused:  # this one, and none beside it
            return str(refused)
        except RemoteError as error:
            self.failures += 1
            return str(error)
        self.failures = 0
        return None

    async def _is_back(self, manifest: Restorable) -> None:
        """Written down, whatever it lacks: it is as it was, and only somebody else can make it whole."""
        await to_the_end(asyncio.to_thread(self.work.ledger.restored, self.work.registry, manifest))
        carried = tuple(tag for tag in manifest.tags if self.carriers.get(tag) == manifest.digest)
        self.moved_on += [(manifest.repository, tag) for tag in manifest.tags if tag not in carried]
        if missing := sorted({*manifest.children} - self.present):
            self._fail(manifest, f"it is there again, but lists {missing[0]}, which is not there")
            return
        back = replace(manifest, tags=carried)
        self.restored.append(back)
        self.work.tell(ManifestRestored(self.work.registry, back, self.because[manifest.digest]))

    def _fail(self, manifest: Restorable, why_not: str) -> None:
        self.failed.append((manifest, why_not))
        self.work.tell(RestoreFailed(self.work.registry, manifest, why_not))
