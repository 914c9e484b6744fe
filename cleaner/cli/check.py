"""`cleaner check`: the file and what it means; online, the way to the registry. `cleaner schema`: the file's schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import typer
from rich.text import Text

from cleaner.cleaning.by_hand import RegistryCheck
from cleaner.cli.console import complaint, results, say, write_json
from cleaner.cli.describe import describe, describe_safeguards
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    answering,
    chosen,
    load_settings,
    reveal_tokens,
)
from cleaner.cli.outcome import Outcome, attempt, complaints, worst
from cleaner.cli.tables import show_warnings
from cleaner.config.schema import schema as json_schema
from cleaner.config.settings import RegistrySettings, Secret, Settings
from cleaner.documents import Document
from cleaner.errors import CleanerError, SourceUnreadable
from cleaner.figures import size, some
from cleaner.model.plan import Mode
from cleaner.notify.send import unusable
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

UNTRIED = (
    "that deletion is allowed cannot be tried without deleting: the token needs registry:delete and registry:update"
)

OnlineOption = Annotated[
    bool, typer.Option("--online", help="Also try token, registry, listing and in-use sources. Reads only.")
]


def check(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    online: OnlineOption = False,
) -> None:
    """Check the file and say what it means; with --online, also the way to the registry."""
    settings = load_settings(config)
    with answering(output):
        registries = chosen(settings, registry)
        if online:
            reveal_tokens(registries)
    outcomes = asyncio.run(_look(settings, registries)) if online else []
    warnings = [*map(str, settings.warnings), *unusable(_told(registries))]
    if output is Format.JSON:
        write_json({"file": str(settings.path), "warnings": warnings, **_document(registries, outcomes)})
    else:
        _show(registries, outcomes, warnings)
        results().print(f"{settings.path} is in order.", soft_wrap=True)
    unread = [error for outcome in outcomes for error in _unread(outcome.result)]
    for line in (*complaints(outcomes), *(line for error in unread for line in complaint(error))):
        say(line)
    raise typer.Exit(worst(_exit_code(outcome.result) for outcome in outcomes))


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    write_json(json_schema())


async def _look(settings: Settings, registries: tuple[RegistrySettings, ...]) -> list[Outcome[RegistryCheck]]:
    with closing(Application.for_planning(settings, production())) as application:
        return [await attempt(registry, application.check(registry)) for registry in registries]


def _told(registries: tuple[RegistrySettings, ...]) -> tuple[Secret, ...]:
    """Whom any of the registries tells, each once."""
    return tuple(dict.fromkeys(url for registry in registries for url in registry.notify))


def _show(
    registries: tuple[RegistrySettings, ...], outcomes: list[Outcome[RegistryCheck]], warnings: list[str]
) -> None:
    console = results()
    for registry in registries:
        enforced = sum(policy.mode is Mode.ENFORCE for policy in registry.policies)
        heading = f"{registry.name}: {some(len(registry.policies), 'policy')}, {enforced} of them in mode enforce"
        console.print(Text(heading, style="bold"), soft_wrap=True)
        for number, policy in enumerate(registry.policies, 1):
            for line in describe(number, policy):
                console.print(f"  {line}", soft_wrap=True)
        for line in describe_safeguards(registry):
            console.print(f"  {line}", soft_wrap=True)
    show_warnings(console, warnings)
    for outcome in outcomes:
        if not isinstance(outcome.result, CleanerError):
            for line in _found(outcome.result):
                console.print(line, soft_wrap=True)


def _found(seen: RegistryCheck) -> Iterator[str]:
    listed = f", {some(seen.manifests, 'manifest')} in the first" if seen.repositories else ""
    yield (
        f"{seen.registry.name} answers: {some(seen.repositories, 'repository')}{listed}, "
        f"{size(seen.registry.storage_bytes)} stored; {UNTRIED}."
    )
    for source, told in seen.images:
        answer = "cannot be read" if isinstance(told, SourceUnreadable) else f"tells {some(told, 'image')} in use"
        yield f"{seen.registry.name}: {safe(source)} {answer}."


def _unread(result: RegistryCheck | CleanerError) -> list[SourceUnreadable]:
    images = () if isinstance(result, CleanerError) else result.images
    return [told for _, told in images if isinstance(told, SourceUnreadable)]


def _exit_code(result: RegistryCheck | CleanerError) -> int:
    return (
        result.exit_code if isinstance(result, CleanerError) else SourceUnreadable.exit_code if _unread(result) else 0
    )


def _document(registries: tuple[RegistrySettings, ...], outcomes: list[Outcome[RegistryCheck]]) -> Document:
    seen = {outcome.registry: outcome.result for outcome in outcomes}
    return {
        "registries": [
            {
                "name": registry.name,
                "enforces": registry.enforces,
                "policies": [describe(number, policy) for number, policy in enumerate(registry.policies, 1)],
                "safeguards": describe_safeguards(registry),
                **_seen(seen.get(registry.name)),
            }
            for registry in registries
        ],
    }


def _seen(result: RegistryCheck | CleanerError | None) -> Document:
    if result is None:
        return {"online": None, "error": None}
    if isinstance(result, CleanerError):
        return {"online": None, "error": str(result)}
    online = {
        "repositories": result.repositories,
        "manifests_in_the_first": result.manifests,
        "storage_bytes": result.registry.storage_bytes,
        "untried": UNTRIED,
        "in_use": [_source(name, told) for name, told in result.images],
    }
    return {"online": online, "error": None}


def _source(name: str, told: int | SourceUnreadable) -> Document:
    if isinstance(told, SourceUnreadable):
        return {"source": name, "images": None, "error": str(told)}
    return {"source": name, "images": told, "error": None}
