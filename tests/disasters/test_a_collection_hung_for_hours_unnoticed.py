"""What happened: the garbage collection hung for hours, the registry read-only, and nobody noticed.

To: doctl 1464 (four hours in the status `waiting for delete requests`), harbor 8946 and 16132. Here: law 12.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cleaner.cli.outcome import exit_code
from cleaner.model.event import CollectionPolled
from cleaner.simulator.collection import CANCELLED
from tests.shelves import Shelf, house, policy, registry


def test_it_is_seen_cancelled_and_told(tmp_path: Path) -> None:
    """Followed look by look, cancelled after `timeout`, exit code 1; the history has it as ours, and how it ended."""
    shelf = Shelf()
    for n in range(4):
        shelf.image(f"v{n}", days=40 - n)
    configuration = policy('[{tags: ["v*"], last: 2}]', collection="min_freed: 0B, timeout: 1h")
    with house(registry(shelf), configuration, tmp_path, collection_duration=timedelta(hours=40)) as world:
        report = world.apply()
        assert exit_code(report) == 1
        assert len(report.deleted) == 2
        assert sum(isinstance(event, CollectionPolled) for event in world.events) > 100
        assert world.registry_of_the_world().active_collection is None
        assert world.loop.time() < timedelta(minutes=62).total_seconds()
        with world.application() as application:
            (past,) = application.ledger.history.collections(10)
        assert (past.ours, past.status) == (True, CANCELLED)
