"""The command line: every command in one place, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from typer.main import get_command

from cleaner.cli import gc, history
from cleaner.cli.apply import apply
from cleaner.cli.check import check, schema
from cleaner.cli.console import complaint, escape_what_cannot_be_encoded, say
from cleaner.cli.demo import demo
from cleaner.cli.explain import explain
from cleaner.cli.options import ConfigOption, Format, RegistryOption
from cleaner.cli.plan import plan
from cleaner.cli.simulator import simulator
from cleaner.errors import CleanerError

app = typer.Typer(
    name="cleaner",
    help="Keeps DigitalOcean Container Registries inside a retention policy, and deletes nothing you still need.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
for command in (plan, apply, explain, check, schema, simulator, demo):
    app.command()(command)
app.add_typer(gc.app, name="gc")
app.add_typer(history.app, name="history")


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    escape_what_cannot_be_encoded()
    sys.excepthook = _unexpected
    try:
        get_command(app)()
    except CleanerError as error:
        for line in complaint(error):
            say(line)
        sys.exit(error.exit_code)


@app.callback()
def options(
    context: typer.Context,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: Annotated[Format | None, typer.Option("--format", help="A table for people, or JSON for machines.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error nobody expected.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """What is given before the command is the default of what may be given after it."""
    if show_version: ...
