"""`cleaner history`: what was done, from the ledger. Asks no registry, and needs no token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cleaner.cli.console import results, write_json
from cleaner.cli.documents import Document
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, answering, chosen, load_settings
from cleaner.cli.tables import shown_tag, table
from cleaner.cli.units import clock_time, rfc3339, size
from cleaner.clock import new_id, utc_now
from cleaner.config.settings import Settings
from cleaner.errors import StateError
from cleaner.ledger.database import engine_at
from cleaner.ledger.history import History, PastCollection, PastDeletion, PastRun
from cleaner.ledger.opening import ledger_on
from cleaner.retention.words import safe, short

_ID_SHOWN = 8

app = typer.Typer(no_args_is_help=True, help="What was done, from the ledger.")

LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many, the newest first.")]


@app.command()
def runs(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    limit: LimitOption = 20,
) -> None:
    """List the runs: when, how they ended, what they came to."""
    settings = load_settings(config)
    with answering(output), _history(settings, registry) as history:
        found = history.runs(limit, registry)
    if output is Format.JSON:
        write_json({"runs": [_document(asdict(run)) for run in found]})
        return
    shown = table("Run", "Registry", "Began", "Ended", "#Exit", "Came to")
    for run in found:
        shown.add_row(*_run_row(run, _zone(settings, run.registry)))
    _print(shown)


@app.command()
def deletions(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    limit: LimitOption = 20,
) -> None:
    """List the deletions: what, when, why, and what came of it."""
    settings = load_settings(config)
    with answering(output), _history(settings, registry) as history:
        found = history.deletions(limit, registry)
    if output is Format.JSON:
        write_json({"deletions": [_document(asdict(deletion)) for deletion in found]})
        return
    shown = table("When", "Registry", "Repository", "Digest", "Tags", "Outcome", "Why")
    for deletion in found:
        shown.add_row(*_deletion_row(deletion, _zone(settings, deletion.registry)))
    _print(shown)


@app.command()
def collections(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    limit: LimitOption = 20,
) -> None:
    """List the garbage collections that we started or saw."""
    settings = load_settings(config)
    with answering(output), _history(settings, registry) as history:
        found = history.collections(limit, registry)
    if output is Format.JSON:
        write_json({"collections": [_document(asdict(collection)) for collection in found]})
        return
    shown = table("Collection", "Registry", "Whose", "Status", "When", "Ended", "#Predicted", "#Freed")
    for collection in found:
        shown.add_row(*_collection_row(collection, _zone(settings, collection.registry)))
    _print(shown)


def _print(shown: Table) -> None:
    if shown.row_count:
        shown.caption = "times in the registry's time zone"
        results().print(shown)
    else:
        results().print("nothing yet")


@contextmanager
def _history(settings: Settings, registry: str | None) -> Iterator[History]:
    """The ledger's history; opening it never makes a state where there is none."""
    chosen(settings, registry)
    engine = engine_at(settings.state)
    if engine.url.database and not _is_there(Path(engine.url.database)):
        raise StateError(f"There is no state at {engine.url.database}", "The first `cleaner apply` makes it")
    with closing(ledger_on(engine, now=utc_now, new_id=new_id)) as ledger:
        yield ledger.history


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a folder that is closed to us: opening says so
        return True


def _document(row: Mapping[str, object]) -> Document:
    return {key: rfc3339(value) if isinstance(value, datetime) else value for key, value in row.items()}


def _zone(settings: Settings, name: str) -> tzinfo:
    """The registry's time zone; UTC for one that is no longer in the file."""
    return next((registry.timezone for registry in settings.registries if registry.name == name), UTC)


def _run_row(run: PastRun, zone: tzinfo) -> tuple[str, ...]:
    times = (clock_time(run.started_at, zone), clock_time(run.ended_at, zone))
    code = "-" if run.exit_code is None else str(run.exit_code)
    return (run.id[:_ID_SHOWN], run.registry, *times, code, _came_to(run))


def _came_to(run: PastRun) -> str:
    if run.ended_at is None:
        return "not ended: it still runs, or was killed"
    counts = f"{run.deleted} deleted, {run.failed} failed, {run.skipped} skipped, {run.held_back} held back"
    collected = "" if run.freed_bytes is None else f", {size(run.freed_bytes)} freed"
    return f"{counts}{collected}{f': {safe(run.error)}' if run.error else ''}"


def _deletion_row(deletion: PastDeletion, zone: tzinfo) -> tuple[str, ...]:
    outcome = deletion.outcome or "unknown"
    if deletion.error:
        outcome = f"{outcome}: {safe(deletion.error)}"
    return (
        clock_time(deletion.intended_at, zone),
        deletion.registry,
        safe(deletion.repository),
        short(deletion.digest),
        ", ".join(shown_tag(tag) for tag in deletion.tags) or "untagged",
        f"{outcome}, collected" if deletion.collected_at else outcome,
        safe("; ".join(deletion.reasons)),
    )


def _collection_row(collection: PastCollection, zone: tzinfo) -> tuple[str, ...]:
    return (
        safe(collection.uuid),
        collection.registry,
        "ours" if collection.ours else "somebody else's",
        safe(collection.status),
        clock_time(collection.first_seen_at, zone),
        clock_time(collection.ended_at, zone),
        size(collection.predicted_bytes),
        size(collection.freed_bytes),
    )
