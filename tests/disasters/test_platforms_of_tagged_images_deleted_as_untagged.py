"""What happened: "untagged" manifests were deleted that were the platforms of tagged images, and all images broke.

To: acr-cli 131, snok 43 and 97, distribution 3178, chizkiyahu 45, actions/delete-package-versions (100 of 100 indexes).
Here: children of an index share its fate, tagged or not (law 2).
"""

from __future__ import annotations

from pathlib import Path

from tests.shelves import Shelf, house, left, policy, registry
from tests.wholeness import Wholeness


def test_platforms_of_kept_images_stay_and_real_leftovers_go(tmp_path: Path) -> None:
    """Ten multi-platform releases with provenance, and three builds whose tag moved on: only these three go."""
    shelf = Shelf()
    for n in range(10):
        platforms = [shelf.image(days=400) for _ in ("amd64", "arm64", "unknown/unknown")]
        shelf.index(platforms, f"v{n}", days=400)
    leftovers = {shelf.image(days=400) for _ in range(3)}
    configuration = policy('[{tags: ["v*"]}]', rest="untagged: {within: 14d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        wholeness = Wholeness(world)
        report = world.apply()
        assert {deleted.digest for deleted in report.deleted} == leftovers
        assert len(left(world)) == 40
        assert wholeness.lacking_children() == []


def test_a_single_platform_push_is_an_index_too(tmp_path: Path) -> None:
    """Build tools attach provenance: `latest` is an index, and its image is untagged in the listing."""
    shelf = Shelf()
    kept = {shelf.index([shelf.image(days=90), shelf.image(days=90)], "latest", days=90)}
    configuration = policy('[{tags: ["v*"]}]', rest="untagged: {within: 14d}\n        unmatched: delete")
    with house(registry(shelf), configuration, tmp_path) as world:
        assert world.apply().deleted == ()
        assert kept < left(world)
