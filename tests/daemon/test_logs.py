"""The log: one line an event, in a stable order; nothing of a library's or of an error's that could be a secret."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from stamina.instrumentation import RetryDetails

from cleaner.config.settings import LogLevel
from cleaner.daemon.logs import OURS, log_retry, set_level
from cleaner.errors import ServerError, Unreachable
from tests.daemon.logged import Terminal, lines, logging_to

LOUDNESS = {LogLevel.DEBUG: 4, LogLevel.INFO: 3, LogLevel.WARNING: 2, LogLevel.ERROR: 1}
LIBRARIES = ("httpx", "httpcore.http11", "apscheduler.scheduler", "uvicorn.access", "sqlalchemy.engine", "asyncio")
HOSTILE = 'v1\x1b[2J\x07\r\n{"event": "forged"}\u202e\u2028\x9b\x7f\ud800'


def speak() -> None:
    """One line at each level."""
    log = structlog.get_logger(OURS)
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)(f"at {level}")


def fail() -> None:
    """An error whose text nobody foresaw."""
    raise ValueError("dop_v1_in_an_error")


def test_a_line_is_a_document_with_its_keys_in_order() -> None:
    """The time in RFC 3339 and UTC, the level, what happened and where come first; the facts as they were told."""
    east = datetime(2026, 11, 24, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with logging_to(io.StringIO(), now=lambda: east) as log:
        structlog.get_logger(OURS).info("manifest deleted", tags=["v1", "v2"], run="run-1", size=3, registry="acme")
    assert log.getvalue() == (
        '{"timestamp": "2026-11-24T12:00:00.123Z", "level": "info", "event": "manifest deleted", '
        '"registry": "acme", "run": "run-1", "tags": ["v1", "v2"], "size": 3}\n'
    )


@pytest.mark.parametrize(("level", "count"), LOUDNESS.items())
def test_nothing_below_the_level_is_written(level: LogLevel, count: int) -> None:
    """What is as grave as the level, or graver, is."""
    with logging_to(io.StringIO(), level) as log:
        speak()
    assert len(lines(log)) == count


def test_the_level_can_change_while_it_runs() -> None:
    """As a reload changes it; loggers that were made before follow."""
    with logging_to(io.StringIO(), LogLevel.ERROR) as log:
        speak()
        set_level(LogLevel.INFO)
        speak()
    assert [line["level"] for line in lines(log)] == ["error", "info", "warning", "error"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("level", LogLevel)
def test_a_library_speaks_from_warning_on(library: str, level: LogLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the level: what it says below that may hold a URL or a header, and so a secret."""
    monkeypatch.setattr(logging.getLogger(library), "propagate", True)  # a server in this process silences its own
    logging.getLogger(library).setLevel(logging.NOTSET)
    with logging_to(io.StringIO(), level) as log:
        for call in (logging.getLogger(library).debug, logging.getLogger(library).info):
            call("GET %s", "https://switch.example/secret")
        logging.getLogger(library).warning("a job of %s was missed", "acme")
    (line,) = lines(log)
    assert (line["level"], line["event"], line["logger"]) == ("warning", "a job of acme was missed", library)


def test_httpx_names_no_url_in_the_log() -> None:
    """The real client, at debug: its request leaves no line."""
    with logging_to(io.StringIO(), LogLevel.DEBUG) as log:
        transport = httpx.MockTransport(lambda _: httpx.Response(200))
        with httpx.Client(transport=transport) as client:
            client.get("https://switch.example/secret", headers={"Authorization": "Bearer dop_v1_secret"})
    assert log.getvalue() == ""


def test_a_warning_of_python_is_a_line_too() -> None:
    """Whoever reads the log line by line finds nothing else in it."""
    with logging_to(io.StringIO()) as log, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this is\nold", UserWarning, stacklevel=1)
    (line,) = lines(log)
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "this is" in line["event"]


def raised_by(call: Callable[[], None]) -> Exception:
    """What it raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 (any)
        call()
    return caught.value


def test_an_unexpected_error_is_told_by_kind_and_place() -> None:
    """Its text may hold anything; ours or a library's call, the line is the same."""
    error = raised_by(fail)
    line_number = traceback.extract_tb(error.__traceback__)[-1].lineno
    with logging_to(io.StringIO()) as log:
        structlog.get_logger(OURS).error("a task failed", exc_info=error)
        logging.getLogger("apscheduler").error("a job failed", exc_info=error)
        try:
            fail()
        except ValueError:
            structlog.get_logger(OURS).exception("a look failed")
    assert {line["error"] for line in lines(log)} == {f"unexpected ValueError in test_logs.py, line {line_number}"}
    assert "dop_v1" not in log.getvalue()


def test_an_error_of_ours_is_told_in_its_own_words() -> None:
    """They were written to be read."""
    with logging_to(io.StringIO()) as log:
        structlog.get_logger(OURS).error("a look failed", exc_info=Unreachable("no connection", "look at the network"))
    assert lines(log)[0]["error"] == "no connection. look at the network"


def test_a_trace_is_shown_at_debug_only() -> None:
    """Then it is whole, and still in one line."""
    with logging_to(io.StringIO(), LogLevel.DEBUG) as log:
        structlog.get_logger(OURS).error("a task failed", exc_info=raised_by(fail))
    assert "in fail" in lines(log)[0]["exception"]


def test_what_asyncio_adds_of_an_error_is_left_out() -> None:
    """The lines below its first hold the error's text."""
    with logging_to(io.StringIO()) as log:
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception='dop_v1'>")
    assert lines(log)[0]["event"] == "Task exception was never retrieved"


def test_a_retry_is_told_without_its_arguments() -> None:
    """Which trouble, how many tries, how long a pause: the arguments may be secrets."""
    cause = ServerError("the provider answered 503", status=503)
    with logging_to(io.StringIO()) as log:
        log_retry(RetryDetails("send", ("dop_v1_secret",), {"token": "dop_v1_secret"}, 1, 0.25, 0.0, cause))
        log_retry(RetryDetails("send", (), {}, 2, 0.5, 0.25, raised_by(fail)))
    first, second = lines(log)
    assert (first["level"], first["error"], first["tries"], first["wait_seconds"]) == ("warning", str(cause), 1, 0.25)
    assert second["error"].startswith("unexpected ValueError in ")
    assert "dop_v1" not in log.getvalue()


def test_what_is_bound_to_a_task_is_on_its_lines() -> None:
    """A library's line during the work on a registry tells of which."""
    with logging_to(io.StringIO()) as log, structlog.contextvars.bound_contextvars(registry="acme"):
        logging.getLogger("httpx").warning("odd")
        structlog.get_logger(OURS).info("looked")
    assert [line["registry"] for line in lines(log)] == ["acme", "acme"]


@given(st.text() | st.just(HOSTILE))
def test_no_name_breaks_a_line(name: str) -> None:
    """A value comes back as it was, and the line is one line of printable ASCII."""
    with logging_to(io.StringIO()) as log:
        structlog.get_logger(OURS).info("manifest deleted", repository=name, tags=[name])
    assert log.getvalue().endswith("}\n")
    assert log.getvalue()[:-1].isascii()
    assert log.getvalue()[:-1].isprintable()
    assert (lines(log)[0]["repository"], lines(log)[0]["tags"]) == (name, [name])


def test_a_terminal_gets_colours_and_no_document() -> None:
    """For people: the time, the level, what happened, and the facts by name."""
    with logging_to(Terminal()) as log:
        structlog.get_logger(OURS).info("manifest deleted", registry="acme", tags=["v1", "v2"])
    assert "\x1b[" in log.getvalue()
    plain = _without_colours(log.getvalue())
    assert plain.startswith("2026-11-24T12:00:00.000Z [info     ] manifest deleted")
    assert plain.endswith("registry=acme tags='v1, v2'\n")


@given(st.text(min_size=1) | st.just(HOSTILE))
def test_no_name_commands_a_terminal(name: str) -> None:
    """What it might obey is shown escaped, and an error's trace is no way around that."""
    with logging_to(Terminal(), LogLevel.DEBUG) as log:
        structlog.get_logger(OURS).info("manifest deleted", repository=name, tags=[name])
        structlog.get_logger(OURS).error(name, exc_info=raised_by(lambda: _raise(name)))
        logging.getLogger("httpx").warning("%s", name)
    assert all(line.isprintable() for line in _without_colours(log.getvalue()).split("\n"))


def _raise(text: str) -> None:
    raise ValueError(text)


def _without_colours(text: str) -> str:
    """What is left when the colours that the log itself puts are taken away."""
    dev = structlog.dev
    for colour in (dev.RESET_ALL, dev.BRIGHT, dev.DIM, dev.RED, dev.BLUE, dev.CYAN, dev.MAGENTA, dev.YELLOW, dev.GREEN):
        text = text.replace(colour, "")
    return text
