"""The command line: every command in one place, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Annotated

import typer
from stamina.instrumentation import set_on_retry_hooks
from typer.main import get_command

from cleaner.cli import gc, history
from cleaner.cli.apply import apply
from cleaner.cli.approve import approve
from cleaner.cli.audit import audit
from cleaner.cli.check import check, schema
from cleaner.cli.console import complaint, give_up_stdout, prepare_streams, say, say_retry
from cleaner.cli.demo import demo
from cleaner.cli.explain import explain
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption
from cleaner.cli.plan import plan
from cleaner.cli.run import run
from cleaner.cli.simulator import simulator
from cleaner.cli.undo import undo
from cleaner.errors import CleanerError, say_unexpected

app = typer.Typer(
    name="cleaner",
    help="Keeps DigitalOcean Container Registries inside a retention policy, and deletes nothing you still need.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
for command in (plan, apply, approve, run, explain, audit, undo, check, schema, simulator, demo):
    app.command()(command)
app.add_typer(gc.app, name="gc")
app.add_typer(history.app, name="history")


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    prepare_streams()
    sys.excepthook = _unexpected
    set_on_retry_hooks([say_retry])
    try:
        get_command(app)()
    except CleanerError as error:
        for line in complaint(error):
            say(line)
        sys.exit(error.exit_code)
    except OSError as error:
        give_up_stdout(error)
        sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("registry-cleaner"))
        raise typer.Exit


def _show_tracebacks(wanted: bool) -> None:
    if wanted:
        sys.excepthook = sys.__excepthook__


@app.callback()
def options(
    context: typer.Context,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", callback=_show_tracebacks, help="Show the traceback of an unexpected error.")
    ] = False,
) -> None:
    """What stands before the command is the default of what may stand after it."""
    given = {"config": config, "registry": registry, "output": output}
    context.default_map = _everywhere(context.command, given)


def _everywhere(command: object, given: Mapping[str, object]) -> dict[str, object]:
    """These defaults for a command and for every command below it."""
    inner = getattr(command, "commands", {})
    return {**given, **{name: _everywhere(below, given) for name, below in inner.items()}}


def _unexpected(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """An error that nobody expected is shown without its text."""
    say(f"error: {say_unexpected(error)}. This is a bug; `cleaner --debug …` shows where it comes from")
