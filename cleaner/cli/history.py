"""`cleaner history`: what was done, from the ledger. Asks no registry, and needs no token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Annotated

import typer

from cleaner.cli.console import results, write_json
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    answering,
    chosen,
    insist_on_state,
    load_settings,
)
from cleaner.cli.tables import shown_tag, table
from cleaner.clock import new_id, utc_now
from cleaner.config.settings import Settings
from cleaner.documents import Document
from cleaner.figures import clock_time, rfc3339, size
from cleaner.ledger.history import History, PastCollection, PastDeletion, PastRun
from cleaner.ledger.opening import open_ledger
from cleaner.model.run import RunKind
from cleaner.retention.words import safe, say_age, short

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
    rows = [_run_row(run, _zone(settings, run.registry)) for run in found]
    _show(rows, "Run", "Kind", "Began", "#Took", "#Exit", "Came to")


@app.command()
def deletions(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    limit: LimitOption = 20,
) -> None:
    """List the deletions: what, when, why, what came of it, and whether it can still be undone."""
    settings = load_settings(config)
    with answering(output), _history(settings, registry) as history:
        found = history.deletions(limit, registry)
    if output is Format.JSON:
        write_json({"deletions": [_document(asdict(deletion)) for deletion in found]})
        return
    rows = [_deletion_row(deletion, _zone(settings, deletion.registry)) for deletion in found]
    _show(rows, "When", "Manifest", "Tags", "Outcome", "Undo", "Why")


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
    rows = [_collection_row(collection, _zone(settings, collection.registry)) for collection in found]
    _show(rows, "Collection", "Whose", "Status", "When", "Ended", "#Predicted", "#Freed")


def _show(rows: Sequence[tuple[str, ...]], *columns: str) -> None:
    """Rows that begin with their registry: a column where there are several, else the title."""
    if not rows:
        results().print("nothing yet")
        return
    several = len({registry for registry, *_ in rows}) > 1
    shown = table("Registry", *columns) if several else table(*columns, title=rows[0][0])
    for row in rows:
        shown.add_row(*(row if several else row[1:]))
    shown.caption = "times in the registry's time zone"
    results().print(shown)


@contextmanager
def _history(settings: Settings, registry: str | None) -> Iterator[History]:
    """The ledger's history; opening it never makes a state where there is none."""
    chosen(settings, registry)
    insist_on_state(settings)
    with closing(open_ledger(settings.state, now=utc_now, new_id=new_id)) as ledger:
        yield ledger.history


def _document(row: Mapping[str, object]) -> Document:
    return {key: rfc3339(value) if isinstance(value, datetime) else value for key, value in row.items()}


def _zone(settings: Settings, name: str) -> tzinfo:
    """The registry's time zone; UTC for one that is no longer in the file."""
    return next((registry.timezone for registry in settings.registries if registry.name == name), UTC)


def _run_row(run: PastRun, zone: tzinfo) -> tuple[str, ...]:
    began = clock_time(run.started_at, zone)
    if run.ended_at is None or run.exit_code is None:
        return (run.registry, run.id[:_ID_SHOWN], run.kind, began, "-", "-", _came_to(run))
    took = say_age(run.ended_at - run.started_at)
    return (run.registry, run.id[:_ID_SHOWN], run.kind, began, took, str(run.exit_code), _came_to(run))


def _came_to(run: PastRun) -> str:
    if run.ended_at is None:
        return "not ended: it still runs, or was killed"
    counts = {"deleted": run.deleted, "failed": run.failed, "skipped": run.skipped, "held back": run.held_back}
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    if run.kind is RunKind.PLAN and run.error is None:
        parts.insert(0, f"reported only, {size(run.predicted_bytes)} to free")
    if run.freed_bytes is not None:
        parts.append(f"{size(run.freed_bytes)} freed")
    if run.error is not None:
        parts.append(safe(run.error))
    return ", ".join(parts) or "nothing to do"


def _deletion_row(deletion: PastDeletion, zone: tzinfo) -> tuple[str, ...]:
    outcome = deletion.outcome or "unknown"
    if deletion.error:
        outcome = f"{outcome}: {safe(deletion.error)}"
    return (
        deletion.registry,
        clock_time(deletion.intended_at, zone),
        f"{safe(deletion.repository)}@{short(deletion.digest)}",
        ", ".join(shown_tag(tag) for tag in deletion.tags) or "untagged",
        f"{outcome}, collected" if deletion.collected_at else outcome,
        _undo(deletion),
        safe("; ".join(deletion.reasons)),
    )


def _undo(deletion: PastDeletion) -> str:
    """Whether `cleaner undo` can bring it back, or something has."""
    if deletion.restored_at is not None:
        return "done"
    return "yes" if deletion.can_be_undone else "no"


def _collection_row(collection: PastCollection, zone: tzinfo) -> tuple[str, ...]:
    return (
        collection.registry,
        safe(collection.uuid),
        "ours" if collection.ours else "somebody else's",
        safe(collection.status),
        clock_time(collection.first_seen_at, zone),
        clock_time(collection.ended_at, zone),
        size(collection.predicted_bytes),
        size(collection.freed_bytes),
    )
