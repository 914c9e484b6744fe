"""A blank ledger: brought up to date once, and laid wherever a test would have its first opening make the same."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cleaner.clock import new_id, utc_now
from cleaner.ledger.opening import open_ledger


def lay_blank(file: Path) -> None:
    """A ledger without a record, for its owner alone, where nothing is yet."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as laid:
            laid.write(_blank())


@cache
def _blank() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        open_ledger(f"sqlite:///{file}", now=utc_now, new_id=new_id).close()
        return file.read_bytes()
