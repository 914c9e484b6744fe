"""`cleaner run`: the daemon, or one round of what it does."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cleaner.cli.options import ConfigOption, RegistryOption, among, word_of
from cleaner.config.load import find
from cleaner.config.settings import LogLevel

OnceOption = Annotated[bool, typer.Option("--once", help="One round of every registry, then exit as apply does.")]
ListenOption = Annotated[
    str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where pages and metrics are served. Else `listen`.")
]
LevelOption = Annotated[
    LogLevel | None,
    typer.Option(
        "--log-level",
        parser=word_of(LogLevel),
        metavar=among(LogLevel),
        help="How much is logged. Else `log.level` of the file.",
    ),
]


def run(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    once: OnceOption = False,
    listen: ListenOption = None,
    log_level: LevelOption = None,
) -> None:
    """Keep the timetable: clean each registry when it is due, until stopped. SIGHUP reads the file anew."""
    from cleaner.cli import daemon  # noqa: PLC0415 (late: no other command waits for the pages' libraries)

    file = daemon.ConfigFile(find(config, os.environ), registry, listen, log_level)
    raise typer.Exit(daemon.one_round_of_all(file) if once else daemon.keep(file))
