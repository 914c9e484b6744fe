"""Services on loopback that are told: one that takes messages, one that refuses them, and one that never answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import ClassVar


@dataclass
class Service:
    """A service: where it is, what it was told (a path and a message each), and what it answers.

    It answers nothing while `hangs` is set; the headers of its answers are `headers`.
    """

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    agents: list[str | None] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def url(self, secret: str = "") -> str:
        """Its URL, as apprise has it, with a secret in its path."""
        return f"json://127.0.0.1:{self.port}/{secret}"


class _Handler(BaseHTTPRequestHandler):
    service: ClassVar[Service]

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"]))
        self.service.told.append((self.path, json.loads(sent)))
        self.service.agents.append(self.headers["user-agent"])
        if self.service.hangs:
            self.service.over.wait(60)
            return
        self.send_response(self.service.status)
        for name, value in {**self.service.headers, "content-length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be silent."""


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """The service, on a free port until the end of the block; whoever still waits for it then is cut off."""
    handler = type("Handler", (_Handler,), {"service": service})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        service.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.over.set()
            server.shutdown()
            thread.join(10)
