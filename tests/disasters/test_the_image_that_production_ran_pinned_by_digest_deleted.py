"""What happened: the image that production ran, pinned by digest, was deleted; no rollback target was left.

To: PostHog 83040, Logto's post-mortem, snok 67, MeshWeaver 3438. Here: what nobody tagged is kept unless a policy
says otherwise, a digest can be protected with its whole family, and `keep_at_least` leaves something to roll back to.
"""

from __future__ import annotations

from pathlib import Path

from tests.shelves import Shelf, house, left, policy, registry


def test_what_nobody_tagged_stays_unless_the_policy_says_otherwise(tmp_path: Path) -> None:
    """The tag moved on, the deployment did not: the manifest is untagged, and `untagged: keep` is the default."""
    shelf = Shelf()
    running = shelf.image(days=200)
    for n in range(5):
        shelf.image(f"v{n}", days=90 - n)
    with house(registry(shelf), policy('[{tags: ["v*"], last: 2}]'), tmp_path) as world:
        assert world.apply().exit_code == 0
        assert running in left(world)
        assert len(left(world)) == 3


def test_a_protected_digest_stays_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """Untagged, old, and not kept by any rule: its platforms and its signature stay as well; its like without it go."""
    shelf = Shelf()
    platforms = [shelf.image(days=200), shelf.image(days=200)]
    running = shelf.index(platforms, days=200)
    family = {*platforms, running, shelf.signature(running, days=200)}
    shelf.index([shelf.image(days=200)], days=200)
    newest = {shelf.image("v1", days=60), shelf.image("v2", days=50)}
    configuration = policy("[{last: 2}]", rest="untagged: {within: 14d}")
    protecting = configuration.replace("protect: {", f'protect: {{digests: ["{running}"], ')
    with house(registry(shelf), protecting, tmp_path) as world:
        assert len(world.apply().deleted) == 2
        assert left(world) == family | newest


def test_a_rollback_target_is_left(tmp_path: Path) -> None:
    """The youngest release is over the age limit: by default it stays, and so does the one before it."""
    shelf = Shelf()
    releases = [shelf.image(f"v{n}", days=400 - n) for n in range(3)]
    with house(registry(shelf), policy("[{within: 30d}]", limits="share: 100%"), tmp_path) as world:
        world.apply()
        assert left(world) == set(releases[-2:])
