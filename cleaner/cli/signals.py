"""What a service manager's signals do to a command that is under way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_STOPS = (signal.SIGTERM, signal.SIGHUP)


def stop_on_signals() -> None:
    """Stop as on Ctrl-C, which asyncio sees to by itself: what is in hand is finished and written down."""
    for number in _STOPS:
        if (task := asyncio.current_task()) and _is_heeded(number):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Outside a loop, while a person is asked: they end the command as Ctrl-C does."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _STOPS if _is_heeded(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_heeded(number: signal.Signals) -> bool:
    return signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it
