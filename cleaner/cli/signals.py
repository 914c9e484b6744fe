"""What a service manager's signals do to a command that is under way."""

from __future__ import annotations

import asyncio
import signal


def stop_on_signals() -> None:
    """Stop as on Ctrl-C, which asyncio sees to by itself: what is in hand is finished and written down."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if (task := asyncio.current_task()) and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
