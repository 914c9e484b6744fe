"""The log: JSON lines, or colours on a terminal; what libraries log goes the same way, at warning and above only.

What a library logs below that is not for a log: httpx names whole URLs and httpcore headers, and those hold secrets.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, TextIO

import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks
from structlog.typing import EventDict, Processor

from cleaner.clock import Now
from cleaner.config.settings import LogLevel
from cleaner.errors import CleanerError, say_unexpected
from cleaner.retention.words import safe

OURS = "cleaner"
"""The logger above all of ours; its level is the configured one."""

_FIRST = ("timestamp", "level", "event", "registry", "run")


def set_up(level: LogLevel, stream: TextIO, now: Now) -> None:
    """Write the log of this process to `stream`, one line an event, its time by `now`."""
    shared: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, _stamp(now)]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _from_a_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _tell_what_was_raised,
                _in_order,
                *(_for_a_terminal() if stream.isatty() else [_json_line]),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    set_on_retry_hooks([log_retry])
    set_level(level)


def set_level(level: LogLevel) -> None:
    """From now on our own lines below this level are not written."""
    logging.getLogger(OURS).setLevel(level.upper())


def log_retry(details: RetryDetails) -> None:
    """Stamina's hook: a request that met trouble is sent again. Its arguments are not told: they may be secrets."""
    structlog.get_logger(OURS).warning(
        "request tried again",
        error=_say_error(details.caused_by),
        tries=details.retry_num,
        wait_seconds=round(details.wait_for, 3),
    )


def _stamp(now: Now) -> Processor:
    """Adds the time, RFC 3339, UTC."""

    def stamp(_logger: object, _method: str, event: EventDict) -> EventDict:
        text = now().astimezone(UTC).isoformat(timespec="milliseconds")
        return {**event, "timestamp": text.replace("+00:00", "Z")}

    return stamp


def _from_a_library(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A library's line: its first one only, since asyncio puts the text of what was raised into those that follow."""
    lines = str(event["event"]).splitlines() or [""]
    return {**event, "event": lines[0], "logger": event["_record"].name}


def _tell_what_was_raised(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An exception in one line; its trace is told at debug only."""
    raised = _raised(event.pop("exc_info", None))
    if raised is None:
        return event
    told = {"error": _say_error(raised), **event}
    if logging.getLogger(OURS).isEnabledFor(logging.DEBUG):
        told["exception"] = "".join(traceback.format_exception(raised)).rstrip()
    return told


def _raised(exc_info: object) -> BaseException | None:
    """What the `exc_info` of a log call stands for; None where nothing was raised."""
    match exc_info:
        case BaseException() as error:
            return error
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _say_error(error: BaseException) -> str:
    """An error of ours in its own words; of any other the kind and place, for its text may hold anything."""
    if isinstance(error, CleanerError):
        return str(error)
    return say_unexpected(error)


def _in_order(_logger: object, _method: str, event: EventDict) -> EventDict:
    """What every line has comes first; the rest follows as it was told."""
    first = {key: event[key] for key in _FIRST if key in event}
    return {**first, **event}


def _json_line(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    """The event as one line of JSON, in ASCII: neither a line end nor a control character of a name is left in it."""
    return json.dumps(event, default=str).replace("\x7f", r"\u007f")


def _for_a_terminal() -> list[Processor]:
    return [_harmless, structlog.dev.ConsoleRenderer(sort_keys=False, pad_event_to=28)]


def _harmless(_logger: object, _method: str, event: EventDict) -> EventDict:
    """What a terminal might obey is shown escaped; a trace keeps its lines."""
    return {key: _shown(value, _lines if key == "exception" else safe) for key, value in event.items()}


def _lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.splitlines())


def _shown(value: object, harmless: Callable[[str], str]) -> object:
    match value:
        case str():
            return harmless(value)
        case list():
            return ", ".join(harmless(str(each)) for each in value)
        case _:
            return value
