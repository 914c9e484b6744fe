"""`cleaner gc`: garbage collections by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from cleaner.cleaning.run import both
from cleaner.cli.console import ask, messages, results, say, write_json
from cleaner.cli.documents import collection_document
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    YesOption,
    answering,
    changeable,
    chosen,
    insist_on_a_terminal,
    load_settings,
    reveal_tokens,
)
from cleaner.cli.outcome import Outcome, attempt, complaints, refused, worst
from cleaner.cli.progress import progress
from cleaner.cli.tables import table
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.documents import Document
from cleaner.errors import CleanerError, NotThere
from cleaner.figures import clock_time, rfc3339_or_none, size
from cleaner.model.collection import Collection
from cleaner.model.event import CollectionEnded, Event, Warned
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

app = typer.Typer(no_args_is_help=True, help="Garbage collections by hand.")

Collections = tuple[Collection, ...]

UuidArgument = Annotated[str | None, typer.Argument(metavar="[UUID]", help="Which; the active one if not given.")]


@app.command()
def status(config: ConfigOption = None, registry: RegistryOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show the garbage collection that is active, if one is."""

    async def active(application: Application, one: RegistrySettings) -> Collections:
        collection = await application.active_collection(one)
        return () if collection is None else (collection,)

    settings = load_settings(config)
    _show(settings, _ask_each(settings, registry, active), output, "no garbage collection is active")


@app.command()
def history(config: ConfigOption = None, registry: RegistryOption = None, output: FormatOption = Format.TABLE) -> None:
    """List the garbage collections that the provider remembers, whoever started them."""

    async def past(application: Application, one: RegistrySettings) -> Collections:
        return await application.past_collections(one)

    settings = load_settings(config)
    _show(settings, _ask_each(settings, registry, past), output, "no garbage collection yet")


@app.command()
def start(config: ConfigOption = None, registry: RegistryOption = None, output: FormatOption = Format.TABLE) -> None:
    """Start a garbage collection of unreferenced blobs, and follow it to its end."""
    settings, ended = load_settings(config), list[Collection]()

    def note(event: Event) -> None:
        match event:
            case CollectionEnded(collection=collection):
                ended.append(collection)
            case Warned(_, text):
                say(f"warning: {text}")
            case _:
                pass

    with answering(output), _applying(settings, registry) as (application, one), progress(messages()) as shown:
        asyncio.run(application.start_collection(one, both(note, shown)))
    _show(settings, [Outcome(one.name, tuple(ended))], output, "no garbage collection was started")


@app.command()
def cancel(
    uuid: UuidArgument = None,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    yes: YesOption = False,
) -> None:
    """Cancel a garbage collection. Asks first."""
    settings = load_settings(config)
    with answering(output), _applying(settings, registry) as (application, one), asyncio.Runner() as runner:
        if not yes:
            insist_on_a_terminal("Look at `cleaner gc status`, then add --yes")
        wanted = _active(runner.run(application.active_collection(one)), one, uuid)
        ours = "ours" if application.ledger.is_ours(one.name, wanted) else "not ours: nothing here started it"
        say(f"garbage collection {wanted} of {one.name} is {ours}")
        agreed = yes or ask("Cancel it?")
        cancelled = (runner.run(application.cancel_collection(one, wanted)),) if agreed else ()
    _show(settings, [Outcome(one.name, cancelled)], output, "nothing was cancelled")


@contextmanager
def _applying(settings: Settings, name: str | None) -> Iterator[tuple[Application, RegistrySettings]]:
    """An application and the one registry, if that may be changed and its token can be read."""
    registry = changeable(settings, name)
    reveal_tokens([registry])
    with closing(Application.for_applying(settings, production())) as application:
        yield application, registry


def _active(collection: Collection | None, registry: RegistrySettings, uuid: str | None) -> str:
    """The active collection, which must be the one that is named, if one is."""
    if collection is None or uuid not in {None, collection.uuid}:
        named = "" if uuid is None else f" {safe(uuid)}"
        raise NotThere(f"no garbage collection{named} of {registry.name} is active", "See `cleaner gc history`")
    return collection.uuid


def _ask_each(
    settings: Settings, name: str | None, question: Callable[[Application, RegistrySettings], Awaitable[Collections]]
) -> list[Outcome[Collections]]:
    async def each(registries: tuple[RegistrySettings, ...]) -> list[Outcome[Collections]]:
        with closing(Application.for_planning(settings, production())) as application:
            return [await attempt(one, question(application, one)) for one in registries]

    try:
        registries = chosen(settings, name)
        reveal_tokens(registries)
        return asyncio.run(each(registries))
    except CleanerError as error:
        return refused(settings, name, error)


def _show(settings: Settings, outcomes: list[Outcome[Collections]], output: Format, otherwise: str) -> None:
    """The collections, or the errors, and the end of the command with the exit code that this deserves."""
    if output is Format.JSON:
        write_json({"registries": [_document(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            if not isinstance(outcome.result, CleanerError):
                _show_collections(settings, outcome.registry, outcome.result, otherwise)
    for line in complaints(outcomes):
        say(line)
    raise typer.Exit(worst(o.result.exit_code for o in outcomes if isinstance(o.result, CleanerError)))


def _document(outcome: Outcome[Collections]) -> Document:
    if isinstance(outcome.result, CleanerError):
        return {"name": outcome.registry, "error": str(outcome.result), "garbage_collections": []}
    collections = [
        {
            **collection_document(c),
            "created_at": rfc3339_or_none(c.created_at),
            "updated_at": rfc3339_or_none(c.updated_at),
        }
        for c in outcome.result
    ]
    return {"name": outcome.registry, "error": None, "garbage_collections": collections}


def _show_collections(settings: Settings, name: str, collections: Collections, otherwise: str) -> None:
    if not collections:
        results().print(f"{name}: {otherwise}", soft_wrap=True)
        return
    zone = next(registry.timezone for registry in settings.registries if registry.name == name)
    shown = table("Collection", "Status", "Began", "Changed", "#Freed", "#Blobs", title=name)
    for collection in collections:
        blobs = "?" if collection.blobs_deleted is None else str(collection.blobs_deleted)
        times = (clock_time(collection.created_at, zone), clock_time(collection.updated_at, zone))
        shown.add_row(safe(collection.uuid), safe(collection.status), *times, size(collection.freed_bytes), blobs)
    results().print(shown)
