"""What systemd is told about the service, where it asked to be told (sd_notify(3), sd_watchdog_enabled(3)).

One datagram of a few lines each time. There is no library for it worth a dependency: the pure one has had no release
since 2017, the others bind libsystemd and need its headers to be installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_STATUS_CHARACTERS = 500
"""A datagram above 4 KiB is dropped whole."""

_SEND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells the service manager at `address`; does nothing where that is None.

    A message that cannot be sent is left out: the service manager then does what it does with a silent service.
    """

    address: str | None

    def ready(self, status: str) -> None:
        """The service has started, or has reloaded its configuration."""
        self._send("READY=1", _status(status))

    def reloading(self, since: int) -> None:
        """The configuration is read anew; `since` is the monotonic clock in microseconds. `ready` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={since}")

    def status(self, text: str) -> None:
        """What the service is about, in a line, as `systemctl status` shows it."""
        self._send(_status(text))

    def stopping(self) -> None:
        """The service finishes what is in hand, and ends."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The service is alive."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.settimeout(_SEND_SECONDS)
            way.sendto("\n".join(lines).encode(errors="replace"), self.address)


def notifier(env: Mapping[str, str]) -> Notifier:
    """The way to the service manager, by `NOTIFY_SOCKET`: a path, or `@` and a name in the abstract namespace."""
    named = env.get("NOTIFY_SOCKET", "")
    if named.startswith("@"):
        return Notifier("\0" + named[1:])
    return Notifier(named if named.startswith("/") else None)


async def feed_watchdog(notifier: Notifier, env: Mapping[str, str]) -> None:
    """Say that the loop is alive, twice in each interval of the service manager's; returns where it set none."""
    interval = _watchdog_interval(env)
    while interval is not None:
        notifier.watchdog()
        await asyncio.sleep(interval.total_seconds() / 2)


def _watchdog_interval(env: Mapping[str, str]) -> timedelta | None:
    """How long the service may be silent; None where nobody waits for this process."""
    ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = env.get("WATCHDOG_USEC", "")
    if not ours or not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    return timedelta(microseconds=int(microseconds))


def _status(text: str) -> str:
    """A status in one line: a second one would be an order of its own."""
    return f"STATUS={' '.join(text.split())[:_STATUS_CHARACTERS]}"
