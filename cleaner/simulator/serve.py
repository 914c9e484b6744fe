"""Serves both planes on real sockets, in the calling thread until a signal ends it, or in a thread of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from cleaner.simulator.app import control_app, registry_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.contents import Contents
from cleaner.simulator.demo import demo_registry
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.loading import load_file
from cleaner.simulator.world import Account, World

_SHUTDOWN_SECONDS = 2
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 128


class CannotListen(Exception):
    """An address cannot be bound; names it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a plane listens; port 0 takes a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulator serves and how.

    Without `load` it serves the built-in registry; without `registry_listen` the data plane listens on a free
    port of the same host.
    """

    now: Callable[[], datetime]
    new_id: Callable[[], str]
    listen: Address = Address("127.0.0.1", 0)
    registry_listen: Address | None = None
    load: Path | None = None
    collection_duration: timedelta = timedelta(seconds=5)
    behaviour: Behaviour = field(default_factory=Behaviour)


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the planes answer."""

    control: str
    registry: str


def new_world(options: Options) -> World:
    """The world that `options` describe.

    Raises:
        LoadError: the load file cannot be used.
    """
    now = options.now()
    account = Account([demo_registry(now)]) if options.load is None else load_file(options.load, now)
    return World(
        account,
        now=options.now,
        new_id=options.new_id,
        collection_duration=options.collection_duration,
        new_storage=Contents,
    )


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; announces where, one line a plane, once both take connections.

    Raises:
        LoadError: the load file cannot be used.
        CannotListen: an address cannot be bound.
    """
    world = new_world(options)
    with _listening(options) as listeners:
        asyncio.run(_until_signalled(world, options, listeners, announce))


@contextmanager
def serving(options: Options) -> Iterator[Origins]:
    """Both planes, served by a thread of their own until the block ends.

    Raises:
        LoadError: the load file cannot be used.
        CannotListen: an address cannot be bound.
    """
    world, stop = new_world(options), asyncio.Event()
    with _listening(options) as listeners, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        loop = runner.get_loop()
        run = _until(stop, world, options, listeners)
        thread = threading.Thread(target=runner.run, args=(run,), name="simulator", daemon=True)
        thread.start()
        try:
            yield listeners.origins
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()


@dataclass(frozen=True, slots=True)
class _Listeners:
    """The sockets of both planes, bound and taking connections."""

    control: socket.socket
    registry: socket.socket

    @property
    def origins(self) -> Origins:
        return Origins(_origin(self.control), _origin(self.registry))


@contextmanager
def _listening(options: Options) -> Iterator[_Listeners]:
    registry_listen = options.registry_listen or Address(options.listen.host, 0)
    with _bound(options.listen) as control, _bound(registry_listen) as registry:
        yield _Listeners(control, registry)


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen on {address.host}, port {address.port}: {error.strerror}") from error
    # asyncio leaves this to whoever opened the socket; without it an answer waits 40 ms for the client's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _until_signalled(
    world: World, options: Options, listeners: _Listeners, announce: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    announce(f"listening on {listeners.origins.control}")
    announce(f"registry on {listeners.origins.registry}")
    await _until(stop, world, options, listeners)


async def _until(stop: asyncio.Event, world: World, options: Options, listeners: _Listeners) -> None:
    log = RequestLog(options.now)
    control = _server(control_app(world, log, options.behaviour))
    registry = _server(registry_app(world, log, options.behaviour, listeners.origins.control))
    async with asyncio.TaskGroup() as group:
        group.create_task(control.serve(sockets=[listeners.control]))
        group.create_task(registry.serve(sockets=[listeners.registry]))
        await stop.wait()
        control.should_exit = registry.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: there are two of them, and the caller decides when they end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return _Server(config)
