"""What the ledger's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cleaner.ledger.ledger import Ledger
from tests.ledger.blank import lay_blank
from tests.ledger.samples import opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may lie."""
    return tmp_path / "state.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A new ledger in a file."""
    lay_blank(path)
    with closing(opened(path)) as new:
        yield new
