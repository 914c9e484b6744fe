"""The second judgement (law 1): of what was planned, only what a fresh listing condemns as well goes."""

from __future__ import annotations

from cleaner.model.plan import Deletion, Mode
from cleaner.planning.plan import deletions_of
from cleaner.planning.recheck import Confirmed, confirm
from cleaner.retention.words import short
from tests.retention.builders import NOTHING, Repo, digest_of, judged, manifest, policy, protections, repo, rule


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
    assert [d.mode for d in confirmed.deletions] == [Mode.ENFORCE, Mode.ENFORCE]
    assert confirmed.deletions[1].after == (confirmed.deletions[0].manifest.digest,)
    assert confirmed.dropped == ()


def test_what_was_tagged_meanwhile_is_dropped_with_its_family() -> None:
    """A kept tag came onto the index: index and child stay, and the reasons say all that keeps them."""
    before = repo(manifest("v1", children=["child"]), manifest(name="child"))
    after = repo(manifest("v1", "main", children=["child"]), manifest(name="child"))
    keeps = policy(rule("main"), delete_unmatched=True)
    confirmed = confirm(planned(before), judged(after, keeps, protections(digests=["child"])).judgement)
    assert confirmed.deletions == ()
    bond = f"child of {short(digest_of('v1'))}, tags v1, main"
    assert reasons(confirmed, before) == {
        "v1": "the second judgement keeps it: always kept with a tag main (rule 1: main)",
        "child": f"the second judgement keeps it: its digest is protected; {bond}",
    }


def test_what_is_no_longer_listed_is_dropped() -> None:
    """Somebody else deleted it; no request is spent on it."""
    before = repo(manifest("v1"), manifest("v2"))
    after = repo(manifest("v2"))
    confirmed = confirm(planned(before), judged(after, NOTHING).judgement)
    assert [d.manifest.tags for d in confirmed.deletions] == [("v2",)]
    assert reasons(confirmed, before) == {"v1": "no longer listed: somebody else deleted it"}


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
    waits = "an index that lists it, or its subject, waits for the next run"
    assert reasons(confirmed, before) == {"v1": waits, "grandchild": waits}


def test_nothing_planned_is_nothing_confirmed() -> None:
    """A repository without planned deletions confirms none."""
    assert confirm((), judged(repo(manifest("v1")), NOTHING).judgement) == Confirmed((), ())
