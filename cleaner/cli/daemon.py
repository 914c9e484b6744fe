"""What `cleaner run` does: the configuration file and its flags become a daemon, or one round of its work."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from cleaner.cli.options import chosen, parse_address, reveal_tokens
from cleaner.cli.outcome import worst
from cleaner.cli.signals import stop_on_signals
from cleaner.config.load import load
from cleaner.config.settings import LogLevel, Settings
from cleaner.daemon import logs
from cleaner.daemon.heartbeat import insist_on_a_url
from cleaner.daemon.once import one_round
from cleaner.daemon.run import Orders, listeners, serve
from cleaner.daemon.runs import carrying
from cleaner.errors import UsageError
from cleaner.wiring import Application, Edges, production

_log = structlog.get_logger()


def keep(file: ConfigFile) -> int:
    """Be the daemon until stopped; gives the exit code."""
    settings, edges = _begin(file)
    for name in (registry.name for registry in settings.registries if registry.schedule is None):
        _log.warning("no schedule", registry=name, next_step="set `schedule`: until then it is cleaned only on demand")
    host, port = parse_address("listen:" if file.listen is None else "--listen", settings.listen)
    return serve(Orders(settings, host, port, partial(file.read_anew, settings)), edges)


def one_round_of_all(file: ConfigFile) -> int:
    """Clean each registry once; gives the exit code that all of them deserve together."""
    settings, edges = _begin(file)
    with closing(Application.for_applying(settings, edges)) as application:
        return asyncio.run(_round(application, settings, edges))


def _begin(file: ConfigFile) -> tuple[Settings, Edges]:
    settings, edges = file.read(), production()
    logs.set_up(settings.log_level, sys.stderr, edges.now)
    for warning in settings.warnings:
        _log.warning("configuration", detail=str(warning))
    return settings, edges


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


async def _round(application: Application, settings: Settings, edges: Edges) -> int:
    stop_on_signals()
    heard = listeners(edges)
    heard.expect(settings.registries)
    async with heard.beating():
        return worst(await one_round(settings.registries, carrying(application, heard.hear), heard.hear))
