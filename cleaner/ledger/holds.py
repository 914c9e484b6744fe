"""One run a registry at a time: a lock file beside the ledger's file, held by the kernel (law 8)."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleaner.errors import RunInProgress, StateError

_REGISTRY = re.compile(r"[a-z0-9-]{1,63}")


@contextmanager
def held(state: Path, registry: str) -> Iterator[None]:
    """Hold the registry for as long as the block runs; the kernel lets go of it when the process dies.

    The lock file is left behind: were it removed, two processes could each lock a file of that name.

    Raises:
        RunInProgress: another run holds it, in this process or another.
        StateError: the lock file cannot be made or locked.
    """
    lock = _lock_file(state, registry)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(lock, error) from error
    try:
        _take(descriptor, lock, registry)
        yield
    finally:
        os.close(descriptor)


def _lock_file(state: Path, registry: str) -> Path:
    if not _REGISTRY.fullmatch(registry):
        raise StateError(
            f"No lock file can be named after the registry {registry!r}",
            "Expected 1 to 63 of the characters a-z, 0-9 and -",
        )
    return state.with_name(f"{state.name}.{registry}.lock")


def _take(descriptor: int, lock: Path, registry: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunInProgress(
            f"Another run holds the registry {registry}",
            f"Wait for its end; `fuser {lock}` names its process",
        ) from error
    except OSError as error:
        raise _unusable(lock, error) from error


def _unusable(lock: Path, error: OSError) -> StateError:
    return StateError(
        f"The lock file {lock} cannot be used: {error.strerror}",
        "Let this user write it and its directory, on a file system that has locks",
    )
