"""The provider's control plane in front of something real, on loopback."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import uvicorn

from cleaner.simulator.app import control_app
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.edge import RequestLog
from cleaner.simulator.storage import Storage
from cleaner.simulator.world import Account, Registry, World


@contextmanager
def provider(name: str, storage: Storage) -> Iterator[str]:
    """Serve the control plane of an account whose one registry holds `storage`; gives its origin."""
    now = _utc_now
    world = World(
        Account([Registry(name, "fra1", now(), storage)]),
        now=now,
        new_id=map(str, itertools.count(1)).__next__,
        collection_duration=timedelta(0),
        new_storage=lambda: storage,
    )
    # The socket listens before the server runs: whoever connects early waits in its queue.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = control_app(world, RequestLog(now), Behaviour())
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def _utc_now() -> datetime:
    return datetime.now(UTC)
