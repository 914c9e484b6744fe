"""Where output goes: results to stdout, everything else to stderr; colours on terminals only."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import typer
from rich.console import Console
from stamina.instrumentation import RetryDetails

from cleaner.cli.signals import interrupted_by_signals
from cleaner.errors import CleanerError, ConfigError, RateLimited
from cleaner.retention.words import safe

_UNFOLDED = 200


def results() -> Console:
    """The console on stdout. Where nobody looks at a screen it is so wide that an ordinary row stays on one line."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _UNFOLDED
    return Console(width=width, highlight=False, markup=False, emoji=False)


def messages() -> Console:
    """The console on stderr."""
    width = None if sys.stderr.isatty() or "COLUMNS" in os.environ else _UNFOLDED
    return Console(stderr=True, width=width, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """A line for people on stderr; what a terminal might obey in it is shown escaped."""
    typer.echo(safe(text), err=True)


def say_notes(notes: Iterable[str]) -> None:
    """What a person should know about how the answer came about."""
    for note in notes:
        say(f"note: {note}")


def ask(question: str) -> bool:
    """Ask on stderr; only `y` or `yes` is a yes, and the end of the input is a no."""
    with interrupted_by_signals():
        typer.echo(f"{safe(question)} [y/N] ", err=True, nl=False)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def complaint(error: CleanerError) -> list[str]:
    """What went wrong and what to do; of a configuration file, each problem on a line of its own."""
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    return [f"error: {error}"]


def say_retry(details: RetryDetails) -> None:
    """A request that met trouble is sent again: said on stderr, since it may take a while."""
    limited = isinstance(details.caused_by, RateLimited)
    when = "as soon as the rate limit allows" if limited else f"in {details.wait_for:.0f} s"
    say(f"{details.caused_by}; the next try comes {when}")


def write_json(document: Mapping[str, object]) -> None:
    """A document on stdout, in ASCII, whatever characters a registry put into it."""
    typer.echo(json.dumps(document, indent=2))


class _Unheard:
    """A stream that cannot fail: what nobody can be told any more must not stop what is under way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, if it can be written."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush it, if it can be flushed."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare_streams() -> None:
    """Whatever stdout and stderr are: characters that they lack are escaped, and a closed one takes what is written.

    Messages that cannot be written, for the log's disk is full or its reader gone, are lost in silence.
    """
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stderr = cast("TextIO", _Unheard(sys.stderr))


@contextmanager
def presenting() -> Iterator[None]:
    """Write results inside. Where stdout takes no more, that is said, and changes nothing of what was done."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def give_up_stdout(error: OSError) -> None:
    """Say why stdout takes no more, and write nothing more to it; raises an error of any other kind again."""
    if error.errno not in {errno.EPIPE, errno.ENOSPC}:
        raise error
    if error.errno != errno.EPIPE:  # else whoever closed the pipe has seen enough
        say(f"error: the result cannot be written to stdout: {error.strerror}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
