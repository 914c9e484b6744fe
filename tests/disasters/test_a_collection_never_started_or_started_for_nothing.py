"""What happened: the collection never started although much was deleted, or started although nothing was.

To: killbridge (its flag is set in a subshell), underskog (both measured). Here: it is started if and only if it frees
something, and enough.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import LAYER_BYTES, Shelf, house, policy, registry

BUILDS = 6


@pytest.mark.parametrize(
    ("keep", "min_freed", "started"),
    [
        pytest.param(BUILDS, "0B", False, id="nothing deleted"),
        pytest.param(4, "0B", True, id="two deleted"),
        pytest.param(4, f"{2 * LAYER_BYTES}B", True, id="exactly enough"),
        pytest.param(4, f"{2 * LAYER_BYTES + 1}B", False, id="a byte too little"),
    ],
)
def test_it_starts_if_and_only_if_it_is_worth_it(tmp_path: Path, keep: int, min_freed: str, *, started: bool) -> None:
    """By what was deleted and what that frees, not by a flag."""
    shelf = Shelf()
    for n in range(BUILDS):
        shelf.image(f"v{n}", days=40 - n)
    configuration = policy(f'[{{tags: ["v*"], last: {keep}}}]', collection=f"min_freed: {min_freed}")
    with house(registry(shelf), configuration, tmp_path) as world:
        report = world.apply()
        assert len(world.network.places("POST")) == started
        assert (report.collection is not None) is started
        assert report.exit_code == 0


def test_layers_that_are_still_used_elsewhere_free_nothing(tmp_path: Path) -> None:
    """Everything that was deleted shares its layers with what stays, in another repository: no collection."""
    gone, kept = Shelf("gone"), Shelf("kept")
    for n in range(4):
        gone.image(f"v{n}", days=40 - n)
    for manifest in gone.manifests:
        kept.manifests.append({**manifest, "tags": []})
    kept.image("v1", days=30)
    configuration = policy('[{tags: ["v*"], last: 1}]')
    with house(registry(gone, kept), configuration, tmp_path) as world:
        report = world.apply()
        assert len(report.deleted) == 3
        assert report.predicted is not None
        assert report.predicted.bytes == 0
        assert world.network.places("POST") == []


def test_where_what_it_frees_cannot_be_told_it_starts(tmp_path: Path) -> None:
    """One repository could not be read: the sum is unknown, and space that is paid for is not left behind."""
    readable, blind = Shelf("readable"), Shelf("blind")
    for shelf in (readable, blind):
        for n in range(4):
            shelf.image(f"v{n}", days=40 - n)
    blind.manifests[0].pop("body")
    configuration = policy('[{tags: ["v*"], last: 1}]', collection="min_freed: 100GiB")
    with house(registry(readable, blind), configuration, tmp_path) as world:
        report = world.apply()
        assert report.predicted is None
        assert report.collection is not None
        assert report.collection.freed_bytes == 3 * LAYER_BYTES
