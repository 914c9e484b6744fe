"""A file of image references, one a line: for whatever runs images and has no source of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cleaner.config.bounded import NotRegular, read_at_most
from cleaner.config.settings import ImagesFile
from cleaner.errors import SourceUnreadable
from cleaner.in_use.references import Home, UnparsableReference, parse_line
from cleaner.model.use import Use

FILE_BYTES = 16 * 1024 * 1024
"""No larger file is read."""

_WRITE_IT = "Write one image reference a line; blank lines and what follows a # do not count"


async def read(place: ImagesFile, home: Home) -> tuple[Use, ...]:
    """What the file says is in use.

    Raises:
        SourceUnreadable: it is missing, unreadable, no regular file or above 16 MiB; a line is no reference, or there
            is none at all: most likely, what wrote the file failed.
    """
    return await asyncio.to_thread(_read, place, home)


def _read(place: ImagesFile, home: Home) -> tuple[Use, ...]:
    lines = _lines(place.path)
    if not lines:
        raise SourceUnreadable(f"the file {place.path} names no image at all", "Look at what writes it, or remove it")
    return tuple(use for number, line in lines for use in _uses(place, number, line, home))


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers from 1."""
    plain = ((number, line.partition("#")[0].strip()) for number, line in enumerate(_text(path).split("\n"), 1))
    return [(number, line) for number, line in plain if line]


def _text(path: Path) -> str:
    content = _content(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceUnreadable(
            f"line {line} of the file {path}: expected UTF-8, got something else", _WRITE_IT
        ) from None


def _content(path: Path) -> bytes:
    try:
        content = read_at_most(path, FILE_BYTES)
    except NotRegular:
        raise SourceUnreadable(f"the file {path} is no regular file", "Name a file of image references") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SourceUnreadable(
            f"the file {path} cannot be read: {why}", "Create it, or let this user read it"
        ) from None
    if len(content) > FILE_BYTES:
        raise SourceUnreadable(f"the file {path} is above 16 MiB", "Name each image once")
    return content


def _uses(place: ImagesFile, number: int, line: str, home: Home) -> list[Use]:
    try:
        found = parse_line(line, home)
    except UnparsableReference as error:
        raise SourceUnreadable(f"line {number} of the file {place.path}: {error}", _WRITE_IT) from None
    where = f"{place.path.name}:{number}"
    return [Use(reference.repository, reference.tag, reference.digest, place.name, where) for reference in found]
