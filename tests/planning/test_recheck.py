"""The second judgement (law 1): of what was planned, only what a fresh listing condemns as well goes."""

from __future__ import annotations

from cleaner.model.plan import Deletion, Mode
from cleaner.planning.plan import deletions_of
from cleaner.planning.recheck import Confirmed, confirm
from tests.retention.builders import NOTHING, Repo, judged, manifest, policy, repo, rule


def planned(repository: Repo) -> tuple[Deletion, ...]:
    judgement = judged(repository, NOTHING).judgement
    return deletions_of(Mode.ENFORCE, judgement, sorted(judgement.condemned()))


def reasons(confirmed: Confirmed, repository: Repo) -> dict[str, str]:
    return {repository.names[dropped.deletion.manifest.digest]: dropped.reason for dropped in confirmed.dropped}


def test_what_both_judgements_condemn_goes_in_order() -> None:
    """Nothing changed: the index first, its child after it."""
    repository = repo(manifest("v1", children=["child"]), manifest(name="child"))
    confirmed = confirm(planned(repository), judged(repository, NOTHING).judgement)
    assert [repository.names[d.manifest.digest] for d in confirmed.deletions] == ["v1", "child"]
    assert confirmed.deletions[1].after == (confirmed.deletions[0].manifest.digest,)
    assert confirmed.dropped == ()


def test_what_was_tagged_meanwhile_is_dropped_with_its_family() -> None:
    """A kept tag came onto the index: index and child stay, and the reason says who keeps them."""
    before = repo(manifest("v1", children=["child"]), manifest(name="child"))
    after = repo(manifest("v1", "main", children=["child"]), manifest(name="child"))
    keeps = policy(rule("main"), delete_unmatched=True)
    confirmed = confirm(planned(before), judged(after, keeps).judgement)
    assert confirmed.deletions == ()
    assert "second judgement keeps it" in reasons(confirmed, before)["v1"]
    assert "second judgement keeps it" in reasons(confirmed, before)["child"]


def test_what_is_no_longer_listed_is_dropped() -> None:
    """Somebody else deleted it; no request is spent on it."""
    before = repo(manifest("v1"), manifest("v2"))
    after = repo(manifest("v2"))
    confirmed = confirm(planned(before), judged(after, NOTHING).judgement)
    assert [d.manifest.tags for d in confirmed.deletions] == [("v2",)]
    assert "no longer listed" in reasons(confirmed, before)["v1"]


def test_what_is_newly_condemned_waits_for_a_plan_of_its_own() -> None:
    """Only what was planned goes, whatever else a fresh listing condemns."""
    before = repo(manifest("v1"))
    after = repo(manifest("v1"), manifest("v2"))
    confirmed = confirm(planned(before), judged(after, NOTHING).judgement)
    assert [d.manifest.tags for d in confirmed.deletions] == [("v1",)]


def test_a_child_waits_for_an_index_that_was_not_planned() -> None:
    """A new index lists it and is condemned too: the index goes first, so the child waits, and what hangs on it."""
    before = repo(manifest("v1", children=["grandchild"]), manifest(name="grandchild"))
    after = repo(manifest("v1", children=["grandchild"]), manifest(name="grandchild"), manifest("new", children=["v1"]))
    confirmed = confirm(planned(before), judged(after, NOTHING).judgement)
    assert confirmed.deletions == ()
    assert set(reasons(confirmed, before)) == {"v1", "grandchild"}
    assert all("waits" in reason for reason in reasons(confirmed, before).values())


def test_nothing_planned_is_nothing_confirmed() -> None:
    """A repository without planned deletions confirms none."""
    assert confirm((), judged(repo(manifest("v1")), NOTHING).judgement) == Confirmed((), ())
