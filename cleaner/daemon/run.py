"""The process around the keeper: its signals, its socket, the service manager, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import structlog

from cleaner.clock import monotonic_microseconds
from cleaner.config.settings import Settings
from cleaner.daemon.board import Board
from cleaner.daemon.heartbeat import Heartbeats
from cleaner.daemon.keeper import Keeper, Listeners, Reread
from cleaner.daemon.logbook import Logbook
from cleaner.daemon.metrics import Metrics
from cleaner.daemon.serving import serving
from cleaner.daemon.site import Site, site
from cleaner.daemon.systemd import Notifier, feed_watchdog, notifier
from cleaner.wiring import Application, Edges

_STATUS_EACH = timedelta(seconds=10)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Orders:
    """How a person wants the daemon: under which settings, where it listens, and how it reads them anew."""

    settings: Settings
    host: str
    port: int
    reread: Reread


def serve(orders: Orders, edges: Edges) -> int:
    """Be the daemon until SIGTERM or SIGINT; gives the exit code.

    Raises:
        StateError: the state cannot be opened or written.
        UsageError: the address cannot be listened on.
    """
    with closing(Application.for_applying(orders.settings, edges)) as application, asyncio.Runner() as runner:
        try:
            return runner.run(_serve(application, orders, edges))
        except BaseExceptionGroup as group:
            raise _first(group) from group


def _first(error: BaseException) -> BaseException:
    """What went wrong first among tasks that work side by side."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def listeners(edges: Edges) -> Listeners:
    """All who hear what happens in a daemon."""
    metrics, board, logbook = Metrics(edges.now, version("registry-cleaner")), Board(edges.now), Logbook()
    return Listeners(board, metrics, logbook, Heartbeats(edges.http, logbook.hear))


async def _serve(application: Application, orders: Orders, edges: Edges) -> int:
    keeper = Keeper(application, edges, listeners(edges), orders.reread)
    manager, stop = notifier(os.environ), asyncio.Event()
    async with serving(site(_site(keeper, edges)), orders.host, orders.port) as url, asyncio.TaskGroup() as group:
        _log.info("listening", url=url)
        helpers = [
            group.create_task(feed_watchdog(manager, os.environ)),
            group.create_task(_report_status(manager, keeper)),
        ]
        with _signals(_stopper(manager, stop), lambda: group.create_task(_reload(manager, keeper))):
            in_time = await keeper.keep(stop, lambda: manager.ready(keeper.status()))
        for helper in helpers:
            helper.cancel()
    if not in_time:
        _log.error("stopped before all was finished", next_step="the next run looks what became of what was open")
    return 0 if in_time else 1


def _site(keeper: Keeper, edges: Edges) -> Site:
    return Site(
        board=keeper.listeners.board,
        history=keeper.application.ledger.history,
        metrics=keeper.listeners.metrics.exposition,
        now=edges.now,
        is_ready=lambda: keeper.is_ready,
        is_alive=lambda: keeper.timetable.is_running,
        admin=lambda: keeper.application.settings.admin,
        reload=keeper.reload,
        start_run=keeper.start_run,
    )


def _stopper(manager: Notifier, stop: asyncio.Event) -> Callable[[], None]:
    def stop_now() -> None:
        _log.info("stopping", next_step="what is in hand is finished; nothing more is begun")
        manager.stopping()
        stop.set()

    return stop_now


@contextmanager
def _signals(stop: Callable[[], None], reload: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


async def _reload(manager: Notifier, keeper: Keeper) -> None:
    manager.reloading(monotonic_microseconds())
    await keeper.reload()
    if keeper.is_ready:  # else it is being stopped, and has said so
        manager.ready(keeper.status())


async def _report_status(manager: Notifier, keeper: Keeper) -> None:
    while True:
        await asyncio.sleep(_STATUS_EACH.total_seconds())
        keeper.timetable.wake()
        manager.status(keeper.status())
