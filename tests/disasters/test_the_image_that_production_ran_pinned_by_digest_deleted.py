"""What happened: the image that production ran, pinned by digest, was deleted; no rollback target was left.

To: PostHog 83040, Logto's post-mortem, snok 67, MeshWeaver 3438. Here: what runs is kept, by digest as by tag, with its
family; so is what it can be rolled back to, and what ran within `protect.remember`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.changes import move_tag, push
from tests.house import House
from tests.in_use import account, kube_objects
from tests.shelves import Shelf, house, left, policy, registry
from tests.workloads import APP_PLATFORM, KUBERNETES, SOURCES, Workloads

KEEP = '[{tags: ["v*"], last: 2}]'
OURS = "registry.digitalocean.com/acme/shop"
HARSH = "unmatched: delete\n        untagged: {within: 14d}"


def world_of(state: Path, shelf: Shelf, source: str) -> tuple[House, Workloads]:
    """A house whose policy keeps two releases and next to nothing else, and what runs around it."""
    world = house(registry(shelf), policy(KEEP, in_use=f"[{{{SOURCES[source]}}}]", rest=HARSH), state)
    return world, Workloads(world)


def days_pass(world: House, days: float) -> None:
    """So many days pass, half a day at a time."""
    for _ in range(int(2 * days)):
        world.run(asyncio.sleep(timedelta(hours=12).total_seconds()))


@pytest.mark.parametrize("source", SOURCES)
def test_what_runs_by_its_digest_stays_with_all_that_belongs_to_it(tmp_path: Path, source: str) -> None:
    """Nobody tagged it, no rule keeps it: its platforms and its signature stay too; its like that nobody runs goes."""
    shelf = Shelf()
    platforms = [shelf.image(days=200), shelf.image(days=200)]
    running = shelf.index(platforms, days=200)
    family = {*platforms, running, shelf.signature(running, days=200)}
    shelf.index([shelf.image(days=200)], days=200)
    newest = {shelf.image("v1", days=60), shelf.image("v2", days=50)}
    world, around = world_of(tmp_path, shelf, source)
    with world:
        around.deploy(source, "shop", digest=running)
        assert len(world.apply().deleted) == 2
        assert left(world) == family | newest


def test_every_revision_that_a_cluster_can_roll_back_to_stays(tmp_path: Path) -> None:
    """Scaled to zero, kept in a ReplicaSet or a ControllerRevision: `kubectl rollout undo` finds its image."""
    shelf = Shelf()
    releases = [shelf.image(f"v{n}", days=90 - n) for n in range(6)]
    world, around = world_of(tmp_path, shelf, KUBERNETES)
    before = kube_objects.workload("web-6d5f", kube_objects.spec(f"{OURS}:v0"), ("Deployment", "web"))
    patch = kube_objects.patch(kube_objects.spec(f"{OURS}@{releases[2]}"))
    around.cluster.objects["replicasets"] = [before]
    around.cluster.objects["controllerrevisions"] = [kube_objects.revision("db-1", ("StatefulSet", "db"), patch)]
    with world:
        assert {deleted.digest for deleted in world.apply().deleted} == {releases[1], releases[3]}


def test_every_deployment_that_an_app_can_go_back_to_stays(tmp_path: Path) -> None:
    """The pinned one, and as many earlier ones as `deployments` says, each by the digest whose push caused it."""
    shelf = Shelf()
    releases = [shelf.image(f"v{n}", days=90 - n) for n in range(7)]
    world, _ = world_of(tmp_path, shelf, APP_PLATFORM)
    moving = account.service("web", "main", repository="shop")
    deployments = [
        account.deployment(n + 1, moving, **account.pushed(digest, repository="shop"))
        for n, digest in enumerate(releases[:4])
    ]
    pinned = account.deployment(1, moving, **account.pushed(releases[0], repository="shop"))
    with world:
        world.world.apps.append(account.app("web", *deployments, services=[moving], pinned_deployment=pinned))
        assert {deleted.digest for deleted in world.apply().deleted} == {releases[1], releases[4]}


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_moving_tag_pointed_to_stays_as_long_as_it_is_remembered(tmp_path: Path, source: str) -> None:
    """`main` moved on, what runs by it did not pull again: the build stays for `remember`, and goes after that."""
    shelf = Shelf()
    running = shelf.image("main", days=60)
    for n in range(2):
        shelf.image(f"v{n}", days=40 - n)
    world, around = world_of(tmp_path, shelf, source)
    with world:
        around.deploy(source, "shop", tag="main")
        world.apply()
        push_as_main(world, shelf)
        for days in (1, 28):
            days_pass(world, days)
            world.apply()
            assert running in left(world)
        days_pass(world, 3)
        world.apply()
        assert running not in left(world)


def push_as_main(world: House, shelf: Shelf) -> None:
    """Somebody pushes a new build and moves `main` onto it."""
    build = shelf.image(days=1)
    push(world, shelf)
    move_tag(world, "main", build)


def test_what_ran_three_weeks_ago_can_still_be_rolled_back_to(tmp_path: Path) -> None:
    """The deployment is gone from the cluster: its image stays for the thirty days of `protect.remember`."""
    shelf = Shelf()
    releases = [shelf.image(f"v{n}", days=90 - n) for n in range(4)]
    world, around = world_of(tmp_path, shelf, KUBERNETES)
    with world:
        around.deploy(KUBERNETES, "shop", tag="v0")
        world.apply()
        around.cluster.objects.clear()
        days_pass(world, 21)
        world.apply()
        assert left(world) == {releases[0], *releases[-2:]}
        days_pass(world, 10)
        world.apply()
        assert left(world) == set(releases[-2:])


def test_a_rollback_target_is_left_even_where_nothing_is_asked(tmp_path: Path) -> None:
    """Without any source, and every release over the age limit: by default two of them stay."""
    shelf = Shelf()
    releases = [shelf.image(f"v{n}", days=400 - n) for n in range(3)]
    with house(registry(shelf), policy("[{within: 30d}]", limits="share: 100%"), tmp_path) as world:
        world.apply()
        assert left(world) == set(releases[-2:])


def test_what_nobody_tagged_stays_unless_the_policy_says_otherwise(tmp_path: Path) -> None:
    """Without any source: `untagged: keep` is the default, for what nobody tagged can be what somebody runs."""
    shelf = Shelf()
    running = shelf.image(days=200)
    for n in range(5):
        shelf.image(f"v{n}", days=90 - n)
    with house(registry(shelf), policy(KEEP), tmp_path) as world:
        assert world.apply().exit_code == 0
        assert running in left(world)
        assert len(left(world)) == 3


def test_a_protected_digest_stays_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """Named by `protect.digests`: its platforms and its signature stay as well."""
    shelf = Shelf()
    platform = shelf.image(days=200)
    running = shelf.index([platform], days=200)
    family = {platform, running, shelf.signature(running, days=200)}
    newest = {shelf.image("v1", days=60), shelf.image("v2", days=50)}
    configuration = policy("[{last: 2}]", rest="untagged: {within: 14d}")
    protecting = configuration.replace("protect: {", f'protect: {{digests: ["{running}"], ')
    with house(registry(shelf), protecting, tmp_path) as world:
        assert world.apply().deleted == ()
        assert left(world) == family | newest
