"""What happened: afterwards nobody could say what had been deleted, when and why.

To: island.is 10926, containers-roadmap 1665. Here: law 8; the history has every deletion with its tags and reasons.
"""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.house import START
from tests.shelves import Shelf, house, policy, registry


def test_the_history_tells_each_deletion_with_its_reasons(tmp_path: Path) -> None:
    """Digest, tags, moment, outcome and every reason in words, by run, also after a restart and for what failed."""
    shelf = Shelf()
    child = shelf.image(days=90)
    index = shelf.index([child], "v1", days=90)
    refused = shelf.image("v2", days=80)
    for n in (3, 4):
        shelf.image(f"v{n}", days=30 - n)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(403) if request.method == "DELETE" and refused in request.url.path else None

    with house(registry(shelf), policy('[{tags: ["v*"], last: 2}]'), tmp_path) as world:
        world.network.before = refuse
        world.apply()
        with world.application() as application:
            history = application.ledger.history
            (run,) = history.runs(10)
            done = {str(past.digest): past for past in history.deletions(10, run=run.id)}
    assert {digest: past.outcome for digest, past in done.items()} == {
        index: "deleted",
        child: "deleted",
        refused: "failed",
    }
    assert done[index].tags == ("v1",)
    assert any("2 newest" in reason for reason in done[index].reasons)
    assert any("child of" in reason for reason in done[child].reasons)
    assert "403" in str(done[refused].error)
    assert min(past.intended_at for past in done.values()) >= START
    assert (run.deleted, run.failed) == (2, 1)
