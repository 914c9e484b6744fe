"""The way to people: a message goes to each URL through apprise, an extra.

Nobody waits long for it, and nothing fails because of it. The URLs are secrets: neither a complaint nor a log holds
any part of one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from cleaner.config.settings import Secret
from cleaner.errors import ConfigError, say_unexpected
from cleaner.notify.message import Message

if TYPE_CHECKING:
    from apprise import NotifyBase

PATIENCE = timedelta(seconds=30)
"""How long all services together have to take a message."""

_MISSING = '`notify` needs apprise; install it: pip install "registry-cleaner[notify]"'
_UNKNOWN = "apprise knows no service for it; its documentation has the form that a service's URL has"
_REFUSED = "its service could not be reached, or did not take the message"

_THEY_LOG_URLS = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
_SILENT = logging.CRITICAL + 1

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def send(urls: tuple[Secret, ...], message: Message, patience: timedelta = PATIENCE) -> tuple[str, ...]:
    """Send the message to each URL, all at once; what did not arrive is told in one complaint each, in their order."""
    if not urls:
        return ()
    if find_spec("apprise") is None:
        return (f"nobody was told: {_MISSING}",)
    whys = await asyncio.gather(*(_send_in_time(url, message, patience) for url in urls))
    return tuple(
        f"nobody was told by the URL in {url.source}: {why}" for url, why in zip(urls, whys, strict=True) if why
    )


def unusable(urls: tuple[Secret, ...]) -> tuple[str, ...]:
    """A complaint for each URL that no message can go to, in their order, as far as that is known without asking."""
    if urls and find_spec("apprise") is None:
        return (f"nobody can be told: {_MISSING}",)
    whys = [(url.source, _tried(url, lambda _: True)) for url in urls]
    return tuple(f"nobody can be told by the URL in {source}: {why}" for source, why in whys if why)


async def _send_in_time(url: Secret, message: Message, patience: timedelta) -> str | None:
    """Why it did not arrive; None where it did."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await asyncio.get_running_loop().run_in_executor(_DaemonThreads(), _deliver, url, message)
    except TimeoutError:
        return f"its service did not take the message within {patience.total_seconds():g} s"


def _deliver(url: Secret, message: Message) -> str | None:
    return _tried(url, partial(_notify, message))


def _tried(url: Secret, ask: Callable[[NotifyBase], bool]) -> str | None:
    """Why the URL names no service, or its service did not do what it was asked; None where it did."""
    try:
        service = _service(url.reveal())
        if service is None:
            return _UNKNOWN
        return None if ask(service) else _REFUSED
    except ConfigError as error:
        return "; ".join(problem.message for problem in error.problems)
    except (Exception, SystemExit) as error:  # a service's code does what it likes, and its words may hold the URL
        return say_unexpected(error)


def _notify(message: Message, service: NotifyBase) -> bool:
    """Ask the service itself: apprise's own dispatch keeps threads that the end of the process waits for."""
    from apprise import NotifyFormat, OverflowMode  # noqa: PLC0415 (extra)

    taken = service.notify(
        title=message.title, body=message.body, body_format=NotifyFormat.TEXT, overflow=OverflowMode.TRUNCATE
    )
    return bool(taken)


def _service(url: str) -> NotifyBase | None:
    """The service of that URL, which is not asked for anything yet."""
    for name in _THEY_LOG_URLS:
        logging.getLogger(name).setLevel(_SILENT)
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415 (extra)

    asset = AppriseAsset(
        app_id="registry-cleaner",
        app_desc="registry-cleaner",
        http_redirects=False,  # nothing of a secret goes where its owner did not send it
        storage_mode=PersistentStoreMode.MEMORY,
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
        language="en",
    )
    return Apprise.instantiate(url, asset=asset)


class _DaemonThreads(Executor):
    """Runs each call in a thread of its own, which the end of the process does not wait for."""

    def submit(
        self, fn: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        """Begin the call at once."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        Thread(target=_settle, args=(future, partial(fn, *args, **kwargs)), name="notify", daemon=True).start()
        return future


def _settle(future: Future[Result], call: Callable[[], Result]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # whoever awaits it gets it
        future.set_exception(error)
