"""Audit: whether every tag pulls, every attachment has its subject, and everything in use is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.cleaning.inventory import Inventory, read_contents, take_inventory
from cleaner.cleaning.uses import look_at_uses
from cleaner.cleaning.work import Work
from cleaner.errors import CleanerError, ListingIncomplete, ManifestLost, RemoteError
from cleaner.figures import some
from cleaner.model.audit import Finding
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob
from cleaner.model.safeguard import Audited
from cleaner.planning.auditing import Stock, broken_tags, dangling_attachments, missing_images, pulled


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found, and what could not be looked at, in words: of that it says nothing."""

    registry: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """1 where anything was found, 3 where something could not be looked at, else 0 (contracts, "Exit codes")."""
        return 1 if self.findings else 3 if self.unseen else 0


async def audit(work: Work) -> Audit:
    """Look at every repository and every in-use source; nothing is changed.

    Raises:
        RemoteError: the registry's list of repositories could not be read.
    """
    usage, inventory = await look_at_uses(work), await take_inventory(work)
    listings = {name: found if isinstance(found, Listing) else None for name, found in inventory.listings.items()}
    unseen = [veto.detail for veto in usage.vetoes]
    unseen += [str(found) for found in inventory.listings.values() if not isinstance(found, Listing)]
    findings: list[Finding] = []
    for listing in filter(None, listings.values()):
        found, unlooked = await _twice(work, listing, inventory)
        findings += found
        unseen += unlooked
    current = [seen.use for uses in usage.by_repository.values() for seen in uses if seen.last_seen is None]
    findings += missing_images(current, listings, work.registry)
    work.tell(Audited(work.registry, tuple(findings)))
    return Audit(work.registry, tuple(findings), tuple(unseen))


async def _twice(work: Work, listing: Listing, inventory: Inventory) -> tuple[list[Finding], list[str]]:
    """What a second look finds as well: what is deleted or collected while somebody looks is gone, and not broken."""
    found, unseen = await _once(work, listing, inventory)
    if not found:
        return found, unseen
    try:
        again, unseen_now = await _once(work, await work.reader.listing(listing.repository), inventory)
    except ListingIncomplete as error:
        return [], [*unseen, str(error)]
    first = {(finding.kind, finding.name) for finding in found}
    both = [finding for finding in again if (finding.kind, finding.name) in first]
    return both, list(dict.fromkeys([*unseen, *unseen_now]))


async def _once(work: Work, listing: Listing, inventory: Inventory) -> tuple[list[Finding], list[str]]:
    stock, unread = await _stock(work, listing, inventory)
    found, unlooked = await _look_into(work, stock)
    return found, [*unread, *unlooked]


async def _stock(work: Work, listing: Listing, inventory: Inventory) -> tuple[Stock, list[str]]:
    """What one repository has, those under no policy too; and what of it could not be read, neither then nor now."""
    contents = {d: inventory.contents[d] for d in listing.by_digest().keys() & inventory.contents.keys()}
    read, failed = await read_contents(work, [m for m in listing.manifests if m.digest not in contents])
    lost = {digest for digest, error in failed.items() if isinstance(error, ManifestLost)}
    unread = [failed[digest] for digest in sorted(failed.keys() - lost)]
    return Stock(listing, contents | read, lost), _say("manifest", f"of {listing.repository} could not be read", unread)


async def _look_into(work: Work, stock: Stock) -> tuple[list[Finding], list[str]]:
    """What is wrong in one repository, and what of it could not be looked at."""
    repository = stock.listing.repository

    async def is_there(blob: Blob) -> bool | RemoteError:
        try:
            return await work.reader.has_blob(repository, blob.digest)
        except RemoteError as error:
            return error

    blobs = pulled(stock)
    answers = await a_few_at_a_time(is_there, blobs)
    gone = {blob.digest for blob, found in zip(blobs, answers, strict=True) if found is False}
    unlooked = [found for found in answers if isinstance(found, RemoteError)]
    findings = [*broken_tags(stock, gone), *dangling_attachments(stock)]
    return findings, _say("blob", f"of {repository} could not be looked up", unlooked)


def _say(noun: str, what: str, errors: Sequence[CleanerError]) -> list[str]:
    """One line for all of them."""
    return [f"{some(len(errors), noun)} {what}, the first: {errors[0]}"] if errors else []
