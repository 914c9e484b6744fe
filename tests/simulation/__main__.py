"""`make worlds`: five hundred random worlds, how often what came to pass in them, and every objection of the witness.

Seeds may be given as `first:end`, to look into those alone. The exit code is 1 where there is any objection.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import stamina
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.weeks import Past, live

_WORLDS = 500


def main(arguments: Sequence[str]) -> int:
    """Live through the worlds of these seeds, a few at a time; the exit code."""
    seeds = _seeds(arguments)
    messages = Console(stderr=True)
    with ProcessPoolExecutor(initializer=_quietly) as processes:
        past = [*track(processes.map(_lived, seeds), "worlds", len(seeds), console=messages)]
    objections = [f"seed {seed}: {what}" for seed, each in zip(seeds, past, strict=True) for what in each.objections]
    requests = sum(len(each.trace) for each in past)
    results = Console(highlight=False, markup=False, soft_wrap=True)
    results.print(_table(past), *objections, sep="\n")
    results.print(f"{len(past):,} worlds, {requests:,} requests, {len(objections):,} objections")
    return 1 if objections else 0


def _seeds(arguments: Sequence[str]) -> range:
    if not arguments:
        return range(_WORLDS)
    first, _, end = arguments[0].partition(":")
    return range(int(first), int(end or int(first) + 1))


def _quietly() -> None:
    stamina.instrumentation.set_on_retry_hooks([])


def _lived(seed: int) -> Past:
    with TemporaryDirectory() as folder:
        return live(seed, Path(folder))


def _table(past: Sequence[Past]) -> Table:
    table = Table("what came to pass", "times", "in so many worlds")
    for name, times, worlds in _sums(past):
        table.add_row(name, f"{times:,}", f"{worlds:,}")
    return table


def _sums(past: Sequence[Past]) -> Iterator[tuple[str, int, int]]:
    total = sum((each.counts for each in past), Counter[str]())
    for name, times in total.most_common():
        yield name, times, sum(each.counts[name] > 0 for each in past)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
