"""What happened: a digest carried two tags; deleting it for the one took the other with it.

To: harbor 2663, 6994, 8717. Here: a manifest that any rule keeps by any of its tags stays.
"""

from __future__ import annotations

from pathlib import Path

from tests.shelves import Shelf, house, left, policy, registry


def test_any_kept_tag_keeps_the_manifest(tmp_path: Path) -> None:
    """`v1` is past its rule on both; on the manifest that is `stable` too, that does not count."""
    shelf = Shelf()
    both = shelf.image("build-1", "stable", days=90)
    one = shelf.image("build-0", days=91)
    newest = shelf.image("build-2", days=60)
    configuration = policy('[{tags: ["build-*"], last: 1}, {tags: [stable]}]')
    with house(registry(shelf), configuration, tmp_path) as world:
        assert [deleted.digest for deleted in world.apply().deleted] == [one]
        assert left(world) == {both, newest}


def test_a_tag_that_no_rule_speaks_of_keeps_it_too(tmp_path: Path) -> None:
    """What is deleted for one tag would take the unknown one along: so it stays, and is reported."""
    shelf = Shelf()
    both = shelf.image("build-1", "customer-demo", days=90)
    shelf.image("build-2", days=60)
    with house(registry(shelf), policy('[{tags: ["build-*"], last: 1}]'), tmp_path) as world:
        report = world.apply()
        assert both in left(world)
        assert any("customer-demo" in warning for warning in report.warnings)
