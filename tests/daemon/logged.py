"""The log of a test: what was written, and the process's logging put back as it was."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from stamina.instrumentation import set_on_retry_hooks

from cleaner.clock import Now
from cleaner.config.settings import LogLevel
from cleaner.daemon.logs import OURS, set_up
from tests.daemon.events import MOMENT

Line = dict[str, Any]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def logging_to(
    stream: io.StringIO, level: LogLevel = LogLevel.INFO, now: Now = lambda: MOMENT
) -> Iterator[io.StringIO]:
    """The log of this process goes to `stream` inside the block."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    before = root.level
    try:
        set_up(level, stream, now)
        yield stream
    finally:
        logging.captureWarnings(capture=False)
        root.handlers = handlers
        root.setLevel(before)
        logging.getLogger(OURS).setLevel(logging.NOTSET)
        structlog.reset_defaults()
        set_on_retry_hooks(None)


def lines(stream: io.StringIO) -> list[Line]:
    """What was written: one document a line, each with a time, a level and an event."""
    written: list[Line] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all({"timestamp", "level", "event"} <= line.keys() for line in written)
    return written
