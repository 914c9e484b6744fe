"""`cleaner run`: the daemon, or one round of what it does."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from cleaner.cli.options import ConfigOption, RegistryOption, chosen, parse_address, reveal_tokens
from cleaner.cli.outcome import worst
from cleaner.cli.signals import stop_on_signals
from cleaner.config.load import find, load
from cleaner.config.settings import LogLevel, Settings
from cleaner.daemon import logs
from cleaner.daemon.heartbeat import insist_on_a_url
from cleaner.daemon.once import one_round
from cleaner.daemon.run import Orders, listeners, serve
from cleaner.daemon.runs import carrying
from cleaner.errors import UsageError
from cleaner.wiring import Application, Edges, production

_log = structlog.get_logger()

OnceOption = Annotated[bool, typer.Option("--once", help="One round of every registry, then exit as apply does.")]
ListenOption = Annotated[
    str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where pages and metrics are served. Else `listen`.")
]
LevelOption = Annotated[
    LogLevel | None, typer.Option("--log-level", help="How much is logged. Else `log.level` of the file.")
]


def run(
    config: ConfigOption = None,
    registry: RegistryOption = None,
    once: OnceOption = False,
    listen: ListenOption = None,
    log_level: LevelOption = None,
) -> None:
    """Keep the timetable: clean each registry when it is due, until stopped. SIGHUP reads the file anew."""
    file = ConfigFile(find(config, os.environ), registry, listen, log_level)
    settings, edges = file.read(), production()
    logs.set_up(settings.log_level, sys.stderr, edges.now)
    for name in (registry.name for registry in settings.registries if not once and registry.schedule is None):
        _log.warning("no schedule", registry=name, next_step="set `schedule`: until then it is cleaned only on demand")
    for warning in settings.warnings:
        _log.warning("configuration", detail=str(warning))
    if once:
        raise typer.Exit(_one_round(settings, edges))
    host, port = parse_address("listen:", settings.listen)
    raise typer.Exit(serve(Orders(settings, host, port, partial(file.read_anew, settings)), edges))


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The configuration file, and what the flags say instead of it."""

    path: Path
    registry: str | None
    listen: str | None
    level: LogLevel | None

    def read(self) -> Settings:
        """The settings, with every secret read once: one that is missing is known before any request.

        Raises:
            ConfigError: the file or a secret cannot be used.
            UsageError: there is no such file, or it has no such registry.
        """
        settings = load(self.path, os.environ)
        registries = chosen(settings, self.registry)
        if settings.admin is not None:
            settings.admin.reveal()
        for heartbeat in [registry.heartbeat for registry in registries if registry.heartbeat is not None]:
            heartbeat.reveal()
            insist_on_a_url(heartbeat)
        reveal_tokens(registries)
        return replace(
            settings,
            registries=registries,
            listen=settings.listen if self.listen is None else self.listen,
            log_level=self.level or settings.log_level,
        )

    def read_anew(self, first: Settings) -> Settings:
        """The settings as they are now.

        Raises:
            UsageError: what only a restart can change is not as it was at `first`.
        """
        settings = self.read()
        moved = [key for key in ("state", "listen") if getattr(settings, key) != getattr(first, key)]
        if moved:
            raise UsageError(f"`{'` and `'.join(moved)}` cannot change while the daemon runs", "Restart it for that")
        logs.set_level(settings.log_level)
        return settings


def _one_round(settings: Settings, edges: Edges) -> int:
    with closing(Application.for_applying(settings, edges)) as application:
        return asyncio.run(_round(application, settings, edges))


async def _round(application: Application, settings: Settings, edges: Edges) -> int:
    stop_on_signals()
    heard = listeners(edges)
    heard.expect(settings.registries)
    async with heard.beating():
        return worst(await one_round(settings.registries, carrying(application, heard.hear), heard.hear))
