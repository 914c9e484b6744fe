"""How far a run has come, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cleaner.figures import size, some
from cleaner.model.event import (
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    DeletionFailed,
    DeletionSkipped,
    Event,
    Listener,
    ManifestDeleted,
    ManifestRead,
    ManifestsWanted,
    Planned,
    RepositoriesListed,
    RepositoryListed,
)
from cleaner.model.safeguard import ManifestRestored, RestoreFailed
from cleaner.retention.words import safe, short


@dataclass(slots=True)
class Listed:
    """Hears how many manifests each repository has; one that could not be listed whole has 0."""

    manifests: dict[tuple[str, str], int] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, RepositoryListed):
            self.manifests[event.registry, event.repository] = event.manifests or 0

    def of(self, registry: str) -> dict[str, int]:
        """The counts of one registry, by repository."""
        return {repository: count for (where, repository), count in self.manifests.items() if where == registry}


@contextmanager
def progress(console: Console) -> Iterator[Listener]:
    """A listener that shows on `console` what it hears, for as long as the block runs."""
    if not console.is_terminal:
        yield Lines(console).hear
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as bars:
        yield Bars(bars).hear


@dataclass(slots=True)
class Lines:
    """Writes a line for what a log's reader wants to know."""

    console: Console
    _status: str = ""

    def hear(self, event: Event) -> None:
        """Say it, where it is worth a line."""
        line = _listing_line(event) or _deletion_line(event) or _return_line(event) or self._collection_line(event)
        if line is not None:
            self.console.print(line, soft_wrap=True)

    def _collection_line(self, event: Event) -> str | None:
        match event:
            case CollectionStarted(registry, collection) | CollectionPolled(registry, collection):
                if collection.status == self._status:
                    return None
                self._status = collection.status
                return f"{registry}: garbage collection {safe(collection.uuid)}: {safe(collection.status)}"
            case CollectionEnded(registry, collection):
                freed = size(collection.freed_bytes)
                return f"{registry}: garbage collection ended: {safe(collection.status)}, {freed} freed"
            case _:
                return None


def _listing_line(event: Event) -> str | None:
    match event:
        case RepositoriesListed(registry, repositories):
            return f"{registry}: {some(repositories, 'repository')}"
        case RepositoryListed(registry, repository, None):
            return f"{registry}: {safe(repository)} could not be listed whole"
        case ManifestsWanted(registry, manifests):
            return f"{registry}: reading {some(manifests, 'manifest')} not known yet"
        case Planned(plan):
            return f"{plan.registry}: {some(len(plan.deletions), 'manifest')} of {plan.manifests} to go"
        case _:
            return None


def _deletion_line(event: Event) -> str | None:
    match event:
        case ManifestDeleted(registry, deletion):
            what = "deleted"
        case DeletionFailed(registry, deletion, error):
            what = f"failed ({safe(error)})"
        case DeletionSkipped(registry, deletion, reason):
            what = f"skipped ({safe(reason)})"
        case _:
            return None
    manifest = deletion.manifest
    return f"{registry}: {safe(manifest.repository)} {short(manifest.digest)} {what}"


def _return_line(event: Event) -> str | None:
    match event:
        case ManifestRestored(registry, manifest, because):
            what = f"put back: {because}"
        case RestoreFailed(registry, manifest, error):
            what = f"not put back: {safe(error)}"
        case _:
            return None
    return f"{registry}: {safe(manifest.repository)} {short(manifest.digest)} {what}"


@dataclass(slots=True)
class Bars:
    """Moves one bar for each stage of a run on a registry."""

    bars: Progress
    _stages: dict[tuple[str, str], TaskID] = field(default_factory=dict)
    _planned: dict[str, int] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Move the bar that it speaks of."""
        match event:
            case RepositoriesListed(registry, repositories):
                self._show(registry, "listing repositories", total=repositories)
            case RepositoryListed(registry):
                self._advance(registry, "listing repositories")
            case ManifestsWanted(registry, manifests):
                self._show(registry, "reading manifests", total=manifests)
            case ManifestRead(registry):
                self._advance(registry, "reading manifests")
            case Planned(plan):
                self._planned[plan.registry] = len(plan.deletions)
            case ManifestDeleted(registry) | DeletionFailed(registry) | DeletionSkipped(registry):
                self._show(registry, "deleting", total=self._planned.get(registry))
                self._advance(registry, "deleting")
            case ManifestRestored(registry) | RestoreFailed(registry):
                self.bars.console.print(_return_line(event), soft_wrap=True)
            case CollectionStarted(registry, collection) | CollectionPolled(registry, collection):
                self._show(registry, "garbage collection", f" ({safe(collection.status)})")
            case CollectionEnded(registry):
                self._end(registry, "garbage collection")

    def _show(self, registry: str, stage: str, detail: str = "", *, total: int | None = None) -> None:
        text = f"{registry}: {stage}{detail}"
        if (registry, stage) in self._stages:
            self.bars.update(self._stages[registry, stage], description=text, total=total)
        else:
            self._stages[registry, stage] = self.bars.add_task(text, total=total)

    def _advance(self, registry: str, stage: str) -> None:
        if (registry, stage) in self._stages:
            self.bars.advance(self._stages[registry, stage])

    def _end(self, registry: str, stage: str) -> None:
        if (registry, stage) in self._stages:
            self.bars.remove_task(self._stages.pop((registry, stage)))
