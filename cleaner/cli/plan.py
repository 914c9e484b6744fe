"""`cleaner plan`: judge and report; nothing is changed."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cleaner.cleaning.run import both
from cleaner.cli.console import messages, presenting, results, say, say_notes, write_json
from cleaner.cli.documents import plan_document
from cleaner.cli.moments import parse_moment
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, chosen, load_settings, reveal_tokens
from cleaner.cli.outcome import Outcome, attempt, complaints, exit_code, refused, worst
from cleaner.cli.plan_file import insist_on_place, write_plan_file
from cleaner.cli.progress import Listed, progress
from cleaner.cli.tables import show_plan, show_warnings
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError, UsageError
from cleaner.model.plan import Plan
from cleaner.wiring import Application, production

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="Write it to a file too, to be reviewed: then `cleaner apply FILE`."
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Judge as if it were then and nothing were pushed (2026-12-01T10:00)."),
]


def plan(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    at: AtOption = None,
    out: OutOption = None,
) -> None:
    """Judge and report what would go, and why; nothing is changed."""
    settings, listed = load_settings(config), Listed()
    try:
        if out is not None:
            if at is not None:
                raise UsageError("a plan as of another time cannot be carried out", "Leave out either --at or -o")
            insist_on_place(out)
        outcomes = asyncio.run(_plans(settings, registry, at, listed))
        if out is not None:
            _write(out, outcomes, settings)
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
        say_notes(application.notes)
        tell = both(listed.hear, shown)
        return [await attempt(one, application.plan(one, moments[one.name], tell)) for one in registries]


def _write(out: Path, outcomes: list[Outcome[Plan]], settings: Settings) -> None:
    """The plans to a file; one that lacks a registry, which failed, is not written."""
    for outcome in outcomes:
        if isinstance(outcome.result, CleanerError):
            say(f"note: no plan was written to {out}")
            return
    plans = [outcome.result for outcome in outcomes if isinstance(outcome.result, Plan)]
    write_plan_file(out, plans, settings.registries, production().now())
    say(f"the plan was written to {out}: when you have reviewed it, cleaner apply {shlex.quote(str(out))}")


def _moment(registry: RegistrySettings, at: str | None) -> datetime | None:
    return None if at is None else parse_moment(at, registry.timezone)


def _show(settings: Settings, outcomes: list[Outcome[Plan]], at: str | None, listed: Listed) -> None:
    console, now = results(), production().now()
    show_warnings(console, map(str, settings.warnings))
    for registry in settings.registries:
        for outcome in outcomes:
            if outcome.registry == registry.name and isinstance(outcome.result, Plan):
                as_of = _moment(registry, at) or now
                show_plan(console, outcome.result, listed.of(registry.name), as_of, registry.timezone)
