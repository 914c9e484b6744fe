"""Commands of the cleaner as deployment files have them: tried against the command line, not run."""

from __future__ import annotations

from collections.abc import Sequence

from typer.core import TyperGroup
from typer.main import get_command

from cleaner.cli.main import app


def is_understood(arguments: Sequence[str]) -> bool:
    """Whether there is such a command, and it takes these options; a complaint of the command line says what is not."""
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    name, *options = arguments
    command = commands.commands.get(name)
    return command is not None and command.make_context(name, list(options)).command is command
