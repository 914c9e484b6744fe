"""A process of its own that uses a ledger until it is killed: `python -m tests.ledger.child PATH delete|hold`.

It says on stdout, line by line, what has returned; `hold` then waits for the end of its stdin.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from cleaner.clock import new_id, utc_now
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.opening import open_ledger
from cleaner.model.deletion import Deleted
from cleaner.model.run import RunKind
from tests.ledger.samples import BLOBS, deletion, url_of


def say(*words: str) -> None:
    """A line on stdout, at once."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def delete(ledger: Ledger) -> None:
    """Intend and settle, one manifest after the other, without end."""
    run = ledger.begin_run("acme", RunKind.CLEAN)
    for number in count():
        intent = ledger.intend(run, "acme", deletion(number), BLOBS)
        say("intended", intent.digest)
        ledger.settle(intent, Deleted())
        say("settled", intent.digest)


def hold(ledger: Ledger) -> None:
    """Hold a registry."""
    with ledger.hold("acme"):
        say("held")
        sys.stdin.read()


if __name__ == "__main__":
    _, path, deed = sys.argv
    {"delete": delete, "hold": hold}[deed](open_ledger(url_of(Path(path)), now=utc_now, new_id=new_id))
