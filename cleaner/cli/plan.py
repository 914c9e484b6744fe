"""`cleaner plan`: judge and report; nothing is changed."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from cleaner.cleaning.run import both
from cleaner.cli.console import messages, presenting, results, say, write_json
from cleaner.cli.documents import plan_document
from cleaner.cli.moments import parse_moment
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, chosen, load_settings, reveal_tokens
from cleaner.cli.outcome import Outcome, attempt, complaints, exit_code, refused, worst
from cleaner.cli.progress import Listed, progress
from cleaner.cli.tables import show_plan, show_warnings
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError
from cleaner.model.plan import Plan
from cleaner.wiring import Application, production

AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Judge as if it were then and nothing were pushed (2026-12-01T10:00)."),
]


def plan(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    at: AtOption = None,
) -> None:
    """Judge and report what would go, and why; nothing is changed."""
    settings, listed = load_settings(config), Listed()
    try:
        outcomes = asyncio.run(_plans(settings, registry, at, listed))
    except CleanerError as error:
        outcomes = refused(settings, registry, error)
    with presenting():
        if output is Format.JSON:
            write_json(plan_document(outcomes, settings.warnings))
        else:
            _show(settings, outcomes, at, listed)
    for line in complaints(outcomes):
        say(line)
    raise typer.Exit(worst(exit_code(outcome.result) for outcome in outcomes))


async def _plans(settings: Settings, name: str | None, at: str | None, listed: Listed) -> list[Outcome[Plan]]:
    registries = chosen(settings, name)
    moments = {registry.name: _moment(registry, at) for registry in registries}
    reveal_tokens(registries)
    with closing(Application.for_planning(settings, production())) as application, progress(messages()) as shown:
        for note in application.notes:
            say(f"note: {note}")
        tell = both(listed.hear, shown)
        return [await attempt(one, application.plan(one, moments[one.name], tell)) for one in registries]


def _moment(registry: RegistrySettings, at: str | None) -> datetime | None:
    return None if at is None else parse_moment(at, registry.timezone)


def _show(settings: Settings, outcomes: list[Outcome[Plan]], at: str | None, listed: Listed) -> None:
    console, now = results(), production().now()
    show_warnings(console, map(str, settings.warnings))
    for registry in settings.registries:
        for outcome in outcomes:
            if outcome.registry == registry.name and isinstance(outcome.result, Plan):
                show_plan(console, outcome.result, listed.of(registry.name), _moment(registry, at) or now)
