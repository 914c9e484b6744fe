"""What a person does by hand: explain a repository, check the way to the registry, collect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cleaner.cleaning.collect import collect, finish_active
from cleaner.cleaning.decide import judge_place
from cleaner.cleaning.inventory import look_into
from cleaner.cleaning.work import Work
from cleaner.docr.writer import Writer
from cleaner.errors import NotThere
from cleaner.model.registry import RegistryInfo
from cleaner.planning.survey import Place
from cleaner.retention.words import safe


@dataclass(frozen=True, slots=True)
class RegistryCheck:
    """What an online check has seen: the registry, its repositories, and the manifests of the first of them."""

    registry: RegistryInfo
    repositories: int
    manifests: int


async def explain(work: Work, repository: str, now: datetime) -> Place:
    """One repository as of `now`.

    Raises:
        NotThere: the registry has no such repository.
        RemoteError: the registry could not be asked.
    """
    known = await work.reader.repositories()
    if repository not in known:
        some = ", ".join(safe(name) for name in known[:10])
        raise NotThere(f"{work.registry} has no repository {safe(repository)}", f"It has {len(known)}: {some}")
    return await judge_place(work, repository, await look_into(work, [repository]), now)


async def check(work: Work) -> RegistryCheck:
    """Whether token, registry and listing answer, by reading alone.

    Raises:
        CleanerError: the first that does not.
    """
    registry = await work.reader.registry()
    repositories = await work.reader.repositories()
    listed = [await work.reader.listing(repository) for repository in repositories[:1]]
    return RegistryCheck(registry, len(repositories), sum(len(listing.manifests) for listing in listed))


async def collect_now(work: Work, writer: Writer) -> None:
    """Start a garbage collection, after the end of one that is active, and follow it to its end.

    Raises:
        RunInProgress: a run holds the registry.
        CollectionError: it failed, was cancelled, or outlasted its timeout.
        RemoteError: the provider could not be asked.
    """
    with work.ledger.hold(work.registry):
        await finish_active(work, writer)
        await collect(work, writer, None, None)
