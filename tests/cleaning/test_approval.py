"""What a person approved goes beyond share and cap, exactly that, run by run; all else meets the limits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx

from cleaner.model.manifest import Digest
from cleaner.model.plan import HoldReason
from tests.changes import delete, move_tag
from tests.house import House
from tests.shelves import Shelf, house, left, policy, registry

HALF = "share: 50%, keep_at_least: 1"


def releases(count: int) -> tuple[Shelf, list[str]]:
    """A repository of so many releases, the oldest first."""
    shelf = Shelf()
    return shelf, [shelf.image(f"v{number}", days=90 - number) for number in range(count)]


def approve(world: House, digests: Iterable[str]) -> None:
    """`cleaner approve`, of these."""
    with world.application() as application:
        application.approve(world.registry, "shop", [Digest(digest) for digest in digests])


def held(world: House) -> list[tuple[HoldReason, int]]:
    """What a run holds back, and how much."""
    return [(hold.reason, hold.manifests) for hold in world.apply().held_back]


def test_the_approved_go_and_the_others_meet_the_share(tmp_path: Path) -> None:
    """Eight of ten would go, two are approved: those two go, and the six that are more than half stay."""
    shelf, digests = releases(10)
    with house(registry(shelf), policy("[{last: 2}]", limits=HALF), tmp_path) as world:
        assert held(world) == [(HoldReason.SHARE, 8)]
        approve(world, digests[3:5])
        report = world.apply()
        assert {manifest.digest for manifest in report.deleted} == set(digests[3:5])
        assert [(hold.reason, hold.manifests) for hold in report.held_back] == [(HoldReason.SHARE, 6)]
        assert report.exit_code == 3
        assert left(world) == set(digests) - set(digests[3:5])


def test_the_approved_do_not_count_in_the_cap(tmp_path: Path) -> None:
    """One a run may go; three are approved, and the oldest of the others goes beside them."""
    shelf, digests = releases(8)
    limits = "deletions: 1, share: 100%, keep_at_least: 1"
    with house(registry(shelf), policy("[{last: 2}]", limits=limits), tmp_path) as world:
        approve(world, digests[2:5])
        assert held(world) == [(HoldReason.CAP, 2)]
        assert left(world) == set(digests) - {digests[0], *digests[2:5]}
        assert held(world) == [(HoldReason.CAP, 1)]


def test_what_is_kept_by_now_stays_though_it_was_approved(tmp_path: Path) -> None:
    """An approval lifts limits; what keeps a manifest is judged as ever."""
    shelf, digests = releases(6)
    with house(registry(shelf), policy("[{last: 1}, {tags: [stable]}]", limits=HALF), tmp_path) as world:
        approve(world, digests[:5])
        move_tag(world, "v0", digests[1])
        move_tag(world, "stable", digests[1])
        world.apply()
        assert digests[1] in left(world)
        assert digests[2] not in left(world)


def test_an_approval_ends_with_the_manifest(tmp_path: Path) -> None:
    """What is gone is approved no more: nothing of it is left for what may bear its digest later."""
    shelf, digests = releases(6)
    with house(registry(shelf), policy("[{last: 2}]", limits=HALF), tmp_path) as world:
        approve(world, digests[:4])
        world.apply()
        assert left(world) == set(digests[4:])
        with world.application() as application:
            assert application.ledger.approvals.approved("acme") == {}


def test_an_approval_ends_with_a_manifest_that_somebody_else_deleted(tmp_path: Path) -> None:
    """A listing that does not show it ends it: the same digest, pushed again, meets the limits."""
    shelf, digests = releases(6)
    with house(registry(shelf), policy("[{last: 2}]", limits=HALF), tmp_path) as world:
        approve(world, digests[:4])
        delete(world, digests[0])
        world.plan()
        with world.application() as application:
            assert set(application.ledger.approvals.approved("acme")["shop"]) == set(digests[1:4])


def test_at_the_second_look_the_share_holds_back_the_others_alone(tmp_path: Path) -> None:
    """Others took away four that stay, between plan and look: what is not approved waits, what is approved goes."""
    shelf, digests = releases(10)
    configuration = policy("[{within: 87d}]", limits="share: 25%, keep_at_least: 1")
    with house(registry(shelf), configuration, tmp_path) as world:
        approve(world, digests[:2])

        def others(_: httpx.Request) -> None:
            if len(world.network.places("GET", "/digests?")) == 2 and digests[-1] in left(world):
                for digest in digests[6:]:
                    delete(world, digest)

        world.network.before = others
        report = world.apply()
    assert {manifest.digest for manifest in report.deleted} == set(digests[:2])
    assert [(hold.reason, hold.manifests) for hold in report.held_back] == [(HoldReason.SHARE, 2)]
