"""How long the window is between the look at a repository and the DELETEs that rely on it.

`python -m tests.bench.window` prints the table of docs/safety.md: the window of each deletion, from the last answer of
the listing to the DELETE's arrival, in a simulated registry that takes 30 ms for each answer, in virtual time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.house import House
from tests.shelves import LATENCY, Shelf, house, policy, registry

SCHEDULES = ("after-clean", "before-clean")
DELETIONS = (1, 10, 100, 1000)
LISTING = "/digests?page="


@dataclass(frozen=True, slots=True)
class Window:
    """Of one deletion: seconds, and the requests that were sent within them."""

    seconds: float
    requests: int


def windows(schedule: str, deletions: int, state: Path, top: str = "") -> list[Window]:
    """Those of a run that deletes so many manifests of one repository, in the order of the DELETEs."""
    shelf = Shelf()
    for n in range(deletions + 1):
        shelf.image(f"v{n}", days=2000 - n)
    limits = f"share: 100%, keep_at_least: 1, deletions: {deletions}"
    collection = f"min_freed: 0B, schedule: {schedule}"
    configuration = policy('[{tags: ["v*"], last: 1}]', limits=limits, collection=collection, top=top)
    with house(registry(shelf), configuration, state) as world:
        world.plan()
        assert len(world.apply().deleted) == deletions
        return list(_windows(world))


def _windows(world: House) -> Sequence[Window]:
    looks = world.network.places("GET", LISTING)
    moments = world.network.moments
    measured = []
    for delete in world.network.places("DELETE"):
        look = max(place for place in looks if place < delete)
        answered = moments[look] + LATENCY.total_seconds()
        measured.append(Window(max(0.0, moments[delete] - answered), delete - look - 1))
    return measured


def row(schedule: str, deletions: int, measured: Sequence[Window]) -> str:
    """A line of the table."""
    seconds = sorted(window.seconds for window in measured)
    first, middle, last = (_told(each) for each in (seconds[0], median(seconds), seconds[-1]))
    return f"| {deletions:,} | `{schedule}` | {first} | {middle} | {last} | {max(w.requests for w in measured):,} |"


def _told(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def main() -> None:
    """Print the table."""
    for deletions in DELETIONS:
        for schedule in SCHEDULES:
            with tempfile.TemporaryDirectory() as state:
                sys.stdout.write(f"{row(schedule, deletions, windows(schedule, deletions, Path(state)))}\n")


if __name__ == "__main__":
    main()
