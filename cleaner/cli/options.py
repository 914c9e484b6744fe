"""What every command takes: the configuration file, the registries, the form of the answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cleaner.cli.console import write_json
from cleaner.config.load import find, load
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError, StateError, UsageError
from cleaner.ledger.database import engine_at
from cleaner.retention.words import safe

_PORT_MOST = 65535


Word = TypeVar("Word", bound=StrEnum)


class Format(StrEnum):
    """How results are written on stdout."""

    TABLE = "table"
    JSON = "json"


def word_of(words: type[Word]) -> Callable[[str], Word]:
    """Reads one of a few words, in place of the library's own reading, whose message begins with its error's kind."""

    def read(text: str) -> Word:
        try:
            return words(text)
        except ValueError:
            known = ", ".join(f"'{word}'" for word in words)
            raise typer.BadParameter(f"'{safe(text)}' is not one of {known}.") from None

    return read


def among(words: type[StrEnum]) -> str:
    """These words as a help text shows them."""
    return f"[{'|'.join(words)}]"


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration. Else CLEANER_CONFIG, ./config.yaml, /etc/registry-cleaner/config.yaml.",
    ),
]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", metavar="NAME", help="Only this registry, of several in the file.")
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format", parser=word_of(Format), metavar=among(Format), help="A table for people, or JSON for machines."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def load_settings(config: Path | None) -> Settings:
    """The settings of the file that the option, the environment or the usual places name.

    Raises:
        ConfigError: the file cannot be used; carries all that is wrong with it.
        UsageError: there is no file.
    """
    return load(find(config, os.environ), os.environ)


def chosen(settings: Settings, name: str | None) -> tuple[RegistrySettings, ...]:
    """The registry of that name, or all of the file.

    Raises:
        UsageError: the file has none of that name.
    """
    if name is None:
        return settings.registries
    found = tuple(registry for registry in settings.registries if registry.name == name)
    if not found:
        raise UsageError(f"{settings.path} has no registry {safe(name)}", f"It has: {_names(settings)}")
    return found


def the_one(settings: Settings, name: str | None) -> RegistrySettings:
    """The registry of that name, or the only one of the file.

    Raises:
        UsageError: the file has none of that name, or several and none was named.
    """
    registries = chosen(settings, name)
    if len(registries) > 1:
        raise UsageError(
            f"{settings.path} has several registries, and this command speaks of one",
            f"Name it: --registry with one of {_names(settings)}",
        )
    return registries[0]


def changeable(settings: Settings, name: str | None) -> RegistrySettings:
    """The registry of that name, or the only one of the file, if anything in it may be changed.

    Raises:
        UsageError: as `the_one`, or no policy of it is in mode enforce.
    """
    registry = the_one(settings, name)
    if not registry.enforces:
        raise nothing_enforced(settings, [registry])
    return registry


def insist_on_a_terminal(next_step: str) -> None:
    """Nothing, where a person can be asked.

    Raises:
        UsageError: stdin is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", next_step)


def nothing_enforced(settings: Settings, registries: Iterable[RegistrySettings]) -> UsageError:
    """Why these registries may not be changed, and which key to set."""
    names = ", ".join(registry.name for registry in registries)
    return UsageError(
        f"no policy of {names} is in mode enforce, so nothing may be changed there",
        f"When `cleaner plan` shows what you want, set `mode: enforce` in {settings.path}: for the file, for the "
        "registry, or for single policies",
    )


def insist_on_state(settings: Settings) -> None:
    """Whoever only looks back makes no state where there is none.

    Raises:
        StateError: the file that it lies in is not there.
    """
    file = Path(engine_at(settings.state).url.database or "")
    if not _is_there(file):
        made = "" if _is_there(file.parent) else f"Make its directory: install -d -m 0700 {file.parent}. "
        raise StateError(f"There is no state at {file}", f"{made}The first `cleaner apply` makes it")


@contextmanager
def answering(output: Format) -> Iterator[None]:
    """Where a command cannot give the document that it owes, one that says why takes its place."""
    try:
        yield
    except CleanerError as error:
        if output is Format.JSON:
            write_json({"error": str(error)})
        raise


def reveal_tokens(registries: Iterable[RegistrySettings]) -> None:
    """Read every registry's token once, so that one that is missing is known before any request.

    Raises:
        ConfigError: a token's variable or file is missing or cannot be used.
    """
    for registry in registries:
        registry.api.token.reveal()


def parse_address(where: str, text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT, an IPv6 host in brackets; `where` says who gave it.

    Raises:
        UsageError: it is no such address.
    """
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > _PORT_MOST:
        raise UsageError(f"{where} {text}: expected HOST:PORT", "For instance 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a folder that is closed to us: opening says so
        return True


def _names(settings: Settings) -> str:
    return ", ".join(registry.name for registry in settings.registries)
