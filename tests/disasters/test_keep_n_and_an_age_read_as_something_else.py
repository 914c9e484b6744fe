"""What happened: `keep N` counted only what age had already condemned, or was read as OR where the user meant AND.

To: acr-cli 644, Portus 2241 and 2330. Here: between rules OR; inside a rule AND, each condition over all its members.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shelves import Shelf, house, left, policy, registry


@pytest.mark.parametrize(
    ("keep", "staying"),
    [
        pytest.param('[{tags: ["v*"], last: 3}]', [5, 6, 7], id="the three newest, and nothing else counts"),
        pytest.param('[{tags: ["v*"], within: 30d}]', [4, 5, 6, 7], id="the young"),
        pytest.param('[{tags: ["v*"], last: 3, within: 30d}]', [5, 6, 7], id="both in one rule: AND"),
        pytest.param('[{tags: ["v*"], last: 6, within: 30d}]', [4, 5, 6, 7], id="AND, the other way round"),
        pytest.param('[{tags: ["v*"], last: 6}, {tags: ["v*"], within: 30d}]', [2, 3, 4, 5, 6, 7], id="two rules: OR"),
    ],
)
def test_conditions_mean_what_they_say(tmp_path: Path, keep: str, staying: list[int]) -> None:
    """Eight builds, four of them younger than 30 days: the slots of `last` are counted over all eight."""
    shelf = Shelf()
    ages = (100, 90, 80, 70, 20, 15, 10, 5)
    digests = [shelf.image(f"v{n}", days=age) for n, age in enumerate(ages)]
    with house(registry(shelf), policy(keep), tmp_path) as world:
        world.apply()
        assert left(world) == {digests[n] for n in staying}
