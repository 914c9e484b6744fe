"""What the service manager is told, over a real socket: sd_notify(3) and sd_watchdog_enabled(3)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import async_solipsism
import pytest

from cleaner.clock import monotonic_microseconds, utc_now
from cleaner.daemon import systemd
from cleaner.daemon.systemd import Notifier, feed_watchdog, notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end: a socket in the file system, or in the abstract namespace."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name if request.param == "path" else f"\0{name}")
        manager.setblocking(False)
        yield manager


def environment(manager: socket.socket) -> dict[str, str]:
    """What the service manager puts into a service's environment."""
    name = manager.getsockname()
    return {"NOTIFY_SOCKET": name if isinstance(name, str) else f"@{name[1:].decode()}"}


def heard(manager: socket.socket) -> list[str]:
    """The messages that have come in, in their order."""
    messages = []
    while True:
        try:
            messages.append(manager.recv(65_536).decode())
        except BlockingIOError:
            return messages


@pytest.mark.parametrize(
    ("tell", "message"),
    [
        (lambda to: to.ready("keeps acme"), "READY=1\nSTATUS=keeps acme"),
        (lambda to: to.reloading(12_345), "RELOADING=1\nMONOTONIC_USEC=12345"),
        (lambda to: to.status("cleans acme"), "STATUS=cleans acme"),
        (lambda to: to.stopping(), "STOPPING=1"),
        (lambda to: to.watchdog(), "WATCHDOG=1"),
        (lambda to: to.status("keeps\nMAINPID=1\r\n\tacme"), "STATUS=keeps MAINPID=1 acme"),
        (lambda to: to.status("möglich \udcff"), "STATUS=möglich ?"),
        (lambda to: to.status("x" * 10_000), "STATUS=" + "x" * 500),
    ],
    ids=["ready", "reloading", "status", "stopping", "watchdog", "line ends", "no UTF-8", "too long"],
)
def test_one_datagram_a_message(manager: socket.socket, tell: Callable[[Notifier], None], message: str) -> None:
    """As the protocol has it; a status is one line, and short enough to be taken."""
    tell(notifier(environment(manager)))
    assert heard(manager) == [message]


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_service_manager_nothing_is_sent(env: Mapping[str, str]) -> None:
    """Nor where it is of a kind that no service on this machine can have."""
    assert notifier(env) == Notifier(None)
    notifier(env).ready("keeps acme")


def test_a_service_manager_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    """The service works on, whoever listens."""
    notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).watchdog()
    notifier({"NOTIFY_SOCKET": "/" + "long" * 100}).watchdog()


def test_a_service_manager_that_does_not_listen_is_not_waited_for(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue is full after so many messages; the rest is left out."""
    monkeypatch.setattr(systemd, "_SEND_SECONDS", 0.001)
    longest = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for _ in range(longest + 10):
        notifier(environment(manager)).watchdog()
    assert 0 < len(heard(manager)) < longest + 10


def pings(manager: socket.socket, env: Mapping[str, str], duration: timedelta) -> int:
    """How often the service says that it is alive in that time."""

    async def story() -> None:
        feeding = asyncio.create_task(feed_watchdog(notifier(env), env))
        await asyncio.sleep(duration.total_seconds())
        feeding.cancel()

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.run(story())
    messages = heard(manager)
    assert set(messages) <= {"WATCHDOG=1"}
    return len(messages)


@pytest.mark.parametrize(
    ("watchdog", "expected"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 3),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 3),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getppid())}, 0),
        ({"WATCHDOG_USEC": "0"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({}, 0),
    ],
    ids=["for anybody", "for us", "for another process", "off", "garbled", "absent"],
)
def test_the_loop_says_twice_an_interval_that_it_is_alive(
    manager: socket.socket, watchdog: Mapping[str, str], expected: int
) -> None:
    """From the beginning on, where the service manager asked this process to: in 25 s, at 0, 10 and 20 s."""
    assert pings(manager, {**environment(manager), **watchdog}, timedelta(seconds=25)) == expected


def test_a_loop_that_is_stuck_is_silent(manager: socket.socket) -> None:
    """The pings come from the loop that does the work, so that it is restarted where it hangs."""
    env = {**environment(manager), "WATCHDOG_USEC": "20000"}
    until = utc_now() + timedelta(milliseconds=200)

    async def story() -> None:
        feeding = asyncio.create_task(feed_watchdog(notifier(env), env))
        await asyncio.sleep(0)
        while utc_now() < until:
            pass
        feeding.cancel()

    asyncio.run(story())
    assert heard(manager) == ["WATCHDOG=1"]


def test_the_monotonic_clock_is_the_machines() -> None:
    """In microseconds, as the service manager reads it: a loop's time on Linux is the same clock in seconds."""
    with closing(asyncio.new_event_loop()) as loop:
        before, told, after = loop.time(), monotonic_microseconds(), loop.time()
    assert before - 0.001 <= told / 1e6 <= after
