"""Where output goes: results to stdout, everything else to stderr; colours on terminals only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

import typer
from rich.console import Console
from stamina.instrumentation import RetryDetails

from cleaner.errors import CleanerError, ConfigError
from cleaner.retention.words import safe

_UNFOLDED = 1000


def results() -> Console:
    """The console on stdout. Where nobody looks at a screen, a table's row stays on one line."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _UNFOLDED
    return Console(width=width, highlight=False, markup=False, emoji=False)


def messages() -> Console:
    """The console on stderr."""
    width = None if sys.stderr.isatty() or "COLUMNS" in os.environ else _UNFOLDED
    return Console(stderr=True, width=width, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """A line for people on stderr; what a terminal might obey in it is shown escaped."""
    typer.echo(safe(text), err=True)


def ask(question: str) -> bool:
    """Ask on stderr; only `y` or `yes` is a yes, and the end of the input is a no."""
    typer.echo(f"{safe(question)} [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def complaint(error: CleanerError) -> list[str]:
    """What went wrong and what to do; of a configuration file, each problem on a line of its own."""
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    return [f"error: {error}"]


def say_retry(details: RetryDetails) -> None:
    """A request that met trouble is sent again: said on stderr, since it may take a while."""
    say(f"{details.caused_by}; the next try comes in {details.wait_for:.0f} s")


def write_json(document: Mapping[str, object]) -> None:
    """A document on stdout, in ASCII, whatever characters a registry put into it."""
    typer.echo(json.dumps(document, indent=2))


def escape_what_cannot_be_encoded() -> None:
    """Where stdout or stderr is no Unicode, show what it lacks escaped instead of breaking off."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
