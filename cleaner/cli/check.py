"""`cleaner check`: the file and what it means; online, the way to the registry. `cleaner schema`: the file's schema."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Annotated

import typer
from rich.text import Text

from cleaner.cleaning.by_hand import RegistryCheck
from cleaner.cli.console import results, say, write_json
from cleaner.cli.describe import describe
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
from cleaner.config.schema import schema as json_schema
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.documents import Document
from cleaner.errors import CleanerError
from cleaner.figures import size, some
from cleaner.model.plan import Mode
from cleaner.wiring import Application, production

UNTRIED = (
    "that deletion is allowed cannot be tried without deleting: the token needs registry:delete and registry:update"
)

OnlineOption = Annotated[bool, typer.Option("--online", help="Also try token, registry and listing. Reads only.")]


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
    if output is Format.JSON:
        write_json(_document(settings, registries, outcomes))
    else:
        _show(settings, registries, outcomes)
    for line in complaints(outcomes):
        say(line)
    raise typer.Exit(worst(o.result.exit_code for o in outcomes if isinstance(o.result, CleanerError)))


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    write_json(json_schema())


async def _look(settings: Settings, registries: tuple[RegistrySettings, ...]) -> list[Outcome[RegistryCheck]]:
    with closing(Application.for_planning(settings, production())) as application:
        return [await attempt(registry, application.check(registry)) for registry in registries]


def _show(settings: Settings, registries: tuple[RegistrySettings, ...], outcomes: list[Outcome[RegistryCheck]]) -> None:
    console = results()
    for registry in registries:
        enforced = sum(policy.mode is Mode.ENFORCE for policy in registry.policies)
        heading = f"{registry.name}: {some(len(registry.policies), 'policy')}, {enforced} of them in mode enforce"
        console.print(Text(heading, style="bold"), soft_wrap=True)
        for number, policy in enumerate(registry.policies, 1):
            for line in describe(number, policy):
                console.print(f"  {line}", soft_wrap=True)
    for problem in settings.warnings:
        console.print(Text(f"warning: {problem}", style="yellow"), soft_wrap=True)
    for outcome in outcomes:
        if not isinstance(outcome.result, CleanerError):
            console.print(_found(outcome.result), soft_wrap=True)
    console.print(f"{settings.path} is in order.", soft_wrap=True)


def _found(seen: RegistryCheck) -> str:
    listed = f", {some(seen.manifests, 'manifest')} in the first" if seen.repositories else ""
    return (
        f"{seen.registry.name} answers: {some(seen.repositories, 'repository')}{listed}, "
        f"{size(seen.registry.storage_bytes)} stored; {UNTRIED}."
    )


def _document(
    settings: Settings, registries: tuple[RegistrySettings, ...], outcomes: list[Outcome[RegistryCheck]]
) -> Document:
    seen = {outcome.registry: outcome.result for outcome in outcomes}
    return {
        "file": str(settings.path),
        "warnings": [str(problem) for problem in settings.warnings],
        "registries": [
            {
                "name": registry.name,
                "enforces": registry.enforces,
                "policies": [describe(number, policy) for number, policy in enumerate(registry.policies, 1)],
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
    }
    return {"online": online, "error": None}
