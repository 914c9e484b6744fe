"""A deletion whose answer is lost: until it is settled for good, its record is open and its bytes are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.changes import move_tag
from tests.cleaning.undoing import Family, condemning, snapshot, undo
from tests.house import CONTROL, House
from tests.shelves import Shelf, left, policy


@dataclass(slots=True)
class Lagging:
    """A registry that carries out deletions and loses its first answers, and whose listings lag behind.

    They are those of the beginning until so many deletions were `sent`.
    """

    world: House
    lost: int
    sent: int
    listings: dict[str, httpx.Response] = field(default_factory=dict)

    def after(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        """An answer on its way back."""
        if request.method == "DELETE" and self.lost:
            self.lost -= 1
            raise httpx.ReadError("cut")
        if request.method != "GET" or request.url.host != CONTROL or "/digests" not in request.url.path:
            return None
        known = self.listings.setdefault(str(request.url), answer)
        lags = len(self.world.network.places("DELETE")) < self.sent
        return httpx.Response(known.status_code, headers=known.headers, content=known.content) if lags else None


def lagging(world: House, lost: int, sent: int = 999) -> None:
    """Have the registry lose so many answers, and lag until so many deletions were sent."""
    world.network.after = Lagging(world, lost, sent).after


def in_time(world: House) -> None:
    """Nothing is lost any more, nor late."""
    world.network.before, world.network.after = lambda _request: None, lambda _request, _answer: None


def outcomes(world: House) -> dict[str, list[str | None]]:
    """What became of each deletion that was written down, by its digest."""
    with world.application() as application:
        told: dict[str, list[str | None]] = {}
        for deletion in application.ledger.history.deletions(99):
            told.setdefault(deletion.digest, []).append(deletion.outcome)
        return told


def doomed() -> tuple[Shelf, str]:
    """A `main` that is kept, and a version that goes."""
    shelf = Shelf()
    shelf.image("main", days=2)
    return shelf, shelf.image("v1")


def test_a_deletion_that_a_listing_does_not_show_yet_is_ours_all_the_same(tmp_path: Path) -> None:
    """Sent again, it is answered with 404: it counts as deleted, is reported so, and can be brought back."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        before = snapshot(world)
        lagging(world, lost=1)
        report = world.apply()
        assert ([gone.digest for gone in report.deleted], report.failed, report.skipped) == ([version], (), ())
        assert report.exit_code == 0
        assert outcomes(world) == {version: ["deleted"]}
        assert len(world.network.places("DELETE")) == 2
        in_time(world)
        assert [manifest.digest for manifest in undo(world).restored] == [version]
        assert snapshot(world) == before


def test_what_is_sent_again_is_the_same_deletion(tmp_path: Path) -> None:
    """One that was never carried out has one record, and its bytes are read once."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        lost = iter([True])
        world.network.before = lambda request: (
            httpx.Response(502) if request.method == "DELETE" and next(lost, None) else None
        )
        assert [gone.digest for gone in world.apply().deleted] == [version]
        assert outcomes(world) == {version: ["deleted"]}
        assert len(world.network.places("DELETE")) == 2
        assert max(world.network.places("GET", f"/manifests/{version}")) < world.network.places("DELETE")[0]


def test_after_three_tries_that_a_listing_does_not_confirm_it_has_failed(tmp_path: Path) -> None:
    """It is still there as far as anybody can see; there is one record of it."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:
        world.network.before = lambda request: httpx.Response(502) if request.method == "DELETE" else None
        report = world.apply()
        assert [failed.digest for failed in report.failed] == [version]
        assert outcomes(world) == {version: ["failed"]}
        assert len(world.network.places("DELETE")) == 3


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_of_what_is_sent_again_says_nothing_of_the_first_time(tmp_path: Path, status: int) -> None:
    """Nobody knows yet: it fails, or waits, and its record stays open until the next run has looked."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path, collection="schedule: never") as world:
        before = snapshot(world)
        lagging(world, lost=1)
        world.network.before = lambda request: (
            httpx.Response(status, headers={"retry-after": "9999"}, json={})
            if request.method == "DELETE" and len(world.network.places("DELETE")) == 2
            else None
        )
        world.apply()
        in_time(world)
        world.apply()
        assert outcomes(world) == {version: ["deleted"]}
        assert [manifest.digest for manifest in undo(world).restored] == [version]
        assert snapshot(world) == before


def test_what_the_second_judgement_keeps_meanwhile_stays_open(tmp_path: Path) -> None:
    """It is not sent again; the next run's look says what became of the first time."""
    shelf, version = doomed()
    with condemning(shelf, tmp_path) as world:

        def cut_and_held(request: httpx.Request) -> None:
            if request.method == "DELETE":
                move_tag(world, "hold-it", version)
                raise httpx.ReadError("cut")

        world.network.before = cut_and_held
        report = world.apply()
        assert ([skipped.digest for skipped in report.skipped], report.failed) == ([version], ())
        assert outcomes(world) == {version: [None]}
        in_time(world)
        world.apply()
        assert outcomes(world) == {version: ["failed"]}
        assert version in left(world)


def test_where_too_many_answers_are_lost_in_a_row_the_next_run_looks(tmp_path: Path) -> None:
    """The run asks no further, and a listing that lags behind proves nothing: nothing of it is lost."""
    shelf = Shelf()
    shelf.image("main", days=2)
    versions = {shelf.image(f"v{number}", days=90 - number) for number in range(20)}
    with condemning(shelf, tmp_path) as world:
        before = snapshot(world)
        lagging(world, lost=99)
        report = world.apply()
        assert 5 <= len(report.failed) <= 8
        assert all("the next run looks" in failed.error for failed in report.failed)
        assert len(report.failed) + len(report.skipped) == 20
        gone = versions - left(world)
        assert gone == {failed.digest for failed in report.failed}
        in_time(world)
        world.settings = world.configured(policy("[{last: 99}]", collection="schedule: never"))
        world.apply()
        assert outcomes(world) == {digest: ["deleted"] for digest in gone}
        assert {manifest.digest for manifest in undo(world).restored} == gone
        assert snapshot(world) == before


def test_a_404_still_proves_nothing_to_what_comes_after(tmp_path: Path) -> None:
    """A child waits for a listing without its index, also where the index was sent twice (law 10)."""
    shelf = Shelf()
    shelf.image("main", days=2)
    family = Family(shelf)
    with condemning(shelf, tmp_path) as world:
        lagging(world, lost=1, sent=2)
        assert {gone.digest for gone in world.apply().deleted} == family.digests
        assert {outcome for told in outcomes(world).values() for outcome in told} == {"deleted"}
        again = world.network.places("DELETE", family.index)[-1]
        child = min(world.network.places("DELETE", digest)[0] for digest in (family.amd, family.arm))
        assert any(again < look < child for look in world.network.places("GET", "/digests?"))
