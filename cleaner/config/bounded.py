"""Files from outside: no pipe is waited for, and no more is read than is needed to know that it is too much."""

from __future__ import annotations

from pathlib import Path


class NotRegular(Exception):
    """What stands there is no regular file: a pipe would be waited for without an end (law 12)."""


def read_at_most(path: Path, most: int) -> bytes:
    """The content of a regular file; of one above `most` bytes, one byte more than that.

    Raises:
        NotRegular: it is a folder, a pipe, a device.
        OSError: it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise NotRegular
    with path.open("rb") as file:
        return file.read(most + 1)
