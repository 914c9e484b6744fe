"""A plan's parts: what goes with what it says of itself, what is held back and why, and numbers that add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from cleaner.model.deletion import Gone
from cleaner.model.manifest import Blob, Content
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Unmanaged
from cleaner.planning.plan import deletions_of, make_plan
from cleaner.planning.survey import LeftAlone, Survey
from cleaner.planning.terms import Terms
from tests.planning.builders import PLENTY, keeping, listed, place, planned, survey, tags
from tests.retention.builders import IMAGE, NOW, Entry, digest_of, manifest

ENFORCED, PLANNED = keeping("main"), keeping("main", mode=Mode.PLAN)


def aged(**ages: str) -> list[Entry]:
    return [manifest(tag, age=age) for tag, age in ages.items()]


def test_a_deletion_says_all_there_is_to_know_of_it() -> None:
    """Its manifest, mode, reasons and children, and the deletions that must precede it."""
    repository = place(
        "shop/api",
        ENFORCED,
        manifest("v1", children=["amd", "arm"]),
        manifest(name="amd"),
        manifest(name="arm"),
        manifest(name="sbom", subject="amd"),
    )
    verdicts = repository.judgement.condemned()

    def deletion(name: str, after: tuple[str, ...] = (), children: tuple[str, ...] = ()) -> Deletion:
        verdict = verdicts[digest_of(name)]
        before, below = tuple(map(digest_of, after)), tuple(sorted(map(digest_of, children)))
        return Deletion(verdict.manifest, Mode.PLAN, verdict.reasons, before, below)

    going = deletions_of(Mode.PLAN, repository.judgement, verdicts)
    assert going[0] == deletion("v1", children=("amd", "arm"))
    assert set(going[1:]) == {deletion("amd", ("v1",)), deletion("arm", ("v1",)), deletion("sbom", ("amd",))}


def test_a_deletion_waits_for_those_alone_that_go_as_well() -> None:
    """Where an index is not among them, its child names nothing that precedes it."""
    repository = place("shop/api", ENFORCED, manifest("v1", children=["amd"]), manifest(name="amd"))
    [deletion] = deletions_of(Mode.ENFORCE, repository.judgement, [digest_of("amd")])
    assert deletion.after == ()


def test_repositories_stand_by_name_and_each_in_its_order_of_deletion() -> None:
    """Whatever their order in the survey and the modes of their policies."""
    plan = planned(
        place("web", ENFORCED, *aged(new="1d", old="9d")),
        place("base", ENFORCED, *aged(c="5d")),
        place("api", PLANNED, *aged(a="3d", b="2d")),
    )
    assert tags(plan) == ["api:a", "api:b", "base:c", "web:old", "web:new"]
    assert [d.mode for d in plan.deletions] == [Mode.PLAN, Mode.PLAN, *(Mode.ENFORCE,) * 3]


def test_a_plan_works_on_its_modes_alone() -> None:
    """What stands under another mode counts as kept: nothing of it goes, nothing is held back."""
    places = place("api", PLANNED, *aged(a="3d", main="1d")), place("web", ENFORCED, *aged(b="3d"))
    plan = planned(*places, terms=replace(PLENTY, modes=(Mode.ENFORCE,)))
    assert (tags(plan), plan.manifests, plan.kept, plan.held_back) == (["web:b"], 3, 2, ())
    assert tags(planned(*places)) == ["api:a", "web:b"]


def test_the_cap_counts_enforced_and_planned_policies_apart() -> None:
    """Each may use the whole of it, and each says what waits."""
    places = place("api", PLANNED, *aged(a="3d", b="2d")), place("web", ENFORCED, *aged(c="9d", d="8d", e="7d"))
    plan = planned(*places, terms=replace(PLENTY, deletions=1))
    past = "past limits.deletions in this run; the rest waits for the next"
    assert tags(plan) == ["api:a", "web:c"]
    assert plan.held_back == (HeldBack("api", HoldReason.CAP, past, 1), HeldBack("web", HoldReason.CAP, past, 2))


def test_a_policys_cap_is_named_by_its_place_in_the_file() -> None:
    """What waits may wait for the policy's cap or for the registry's: both are named, with what they count."""
    first, second = keeping("main"), keeping("main", deletions=1)
    places = place("api", first, *aged(a="9d", b="8d")), place("web", second, *aged(c="7d", d="6d"))
    plan = planned(*places)
    past = "past policies[1].limits.deletions or limits.deletions in this run; the rest waits for the next"
    assert tags(plan) == ["api:a", "api:b", "web:c"]
    assert plan.held_back == (HeldBack("web", HoldReason.CAP, past, 1),)


def test_equal_policies_count_in_caps_of_their_own() -> None:
    """Two policies that say the same are still two: each has its own cap."""
    first, second = keeping("main", deletions=1), keeping("main", deletions=1)
    places = place("api", first, *aged(a="9d", b="8d")), place("web", second, *aged(c="7d", d="6d"))
    plan = make_plan(survey(*places), (first, second), PLENTY)
    assert tags(plan) == ["api:a", "web:c"]
    assert [h.detail.partition(" or ")[0] for h in plan.held_back] == [
        "past policies[0].limits.deletions",
        "past policies[1].limits.deletions",
    ]


def test_what_would_lose_more_than_its_share_is_left_whole() -> None:
    """It uses none of the cap, and says what it would lose."""
    careful = keeping("main", share="1/2")
    places = place("api", careful, *aged(a="9d", b="8d", main="1d")), place("web", ENFORCED, *aged(c="7d"))
    plan = planned(*places, terms=replace(PLENTY, deletions=1))
    detail = "would lose 2 of its 3 versions, more than limits.share 50%"
    assert tags(plan) == ["web:c"]
    assert plan.held_back == (HeldBack("api", HoldReason.SHARE, detail, 2),)
    assert (plan.manifests, plan.kept) == (4, 1)


def test_a_repository_that_a_person_lets_through_passes_share_and_cap() -> None:
    """It counts in neither for the others."""
    careful = keeping("main", share="1/2")
    places = place("api", careful, *aged(a="9d", b="8d")), place("web", ENFORCED, *aged(c="7d", d="6d"))
    plan = planned(*places, terms=replace(PLENTY, deletions=1, allowed=frozenset(["api"])))
    assert tags(plan) == ["api:a", "api:b", "web:c"]
    assert [(h.repository, h.reason, h.manifests) for h in plan.held_back] == [("web", HoldReason.CAP, 1)]


def test_a_repository_that_was_not_read_is_held_back_whole() -> None:
    """One that could not be listed counts none, one with an unread manifest all; under another mode neither counts."""
    left = (
        LeftAlone("web", ENFORCED, HoldReason.MANIFEST, "a digest", listed("web", *aged(a="1d", b="1d"))),
        LeftAlone("api", None, HoldReason.LISTING, "a page"),
        LeftAlone("base", PLANNED, HoldReason.LISTING, "another page"),
    )
    plan = planned(place("ci", ENFORCED, *aged(c="1d")), left_alone=left)
    assert plan.held_back == (
        HeldBack("api", HoldReason.LISTING, "a page", 0),
        HeldBack("base", HoldReason.LISTING, "another page", 0),
        HeldBack("web", HoldReason.MANIFEST, "a digest", 2),
    )
    assert (tags(plan), plan.manifests, plan.kept, plan.freed) == (["ci:c"], 3, 0, None)
    enforced = planned(left_alone=left, terms=replace(PLENTY, modes=(Mode.ENFORCE,)))
    assert [h.repository for h in enforced.held_back] == ["api", "web"]


LAYER = Blob(digest_of("layer"), 100)


def sized(entry: Entry, *blobs: Blob) -> Entry:
    return replace(entry, manifest=replace(entry.manifest, blobs=blobs))


def sized_survey() -> Survey:
    """`api` loses a manifest with 7 bytes of its own and a shared layer, which `old` still refers to."""
    going = sized(manifest("v1"), Blob(digest_of("own"), 7), LAYER)
    return survey(
        place("api", ENFORCED, going, sized(manifest("main"))),
        unmanaged=[listed("old", sized(manifest("x"), LAYER), sized(manifest("y"), LAYER))],
    )


def test_what_is_under_no_policy_is_counted_as_kept_and_told_with_its_bytes() -> None:
    """Its blobs hold what others refer to, too."""
    plan = make_plan(sized_survey(), (ENFORCED,), PLENTY)
    assert plan.registry == "acme"
    assert (plan.manifests, plan.kept, len(plan.deletions)) == (4, 3, 1)
    assert plan.unmanaged == (Unmanaged("old", 2, 100),)
    assert plan.freed == Freed(7, 1)


def test_what_is_freed_cannot_be_told_where_one_repository_was_not_read() -> None:
    """It may hold what the others let go."""
    unread = replace(sized_survey(), left_alone=(LeftAlone("base", None, HoldReason.LISTING, "a page"),))
    assert make_plan(unread, (ENFORCED,), PLENTY).freed is None


def test_what_was_deleted_before_and_not_collected_is_freed_too() -> None:
    """The collection that follows frees it with the rest."""
    left = Gone("api", digest_of("v0"), (), (Blob(digest_of("left"), 30), LAYER), NOW)
    plan = make_plan(sized_survey(), (ENFORCED,), replace(PLENTY, uncollected=(left,)))
    assert plan.freed == Freed(37, 2)


@pytest.mark.parametrize(
    ("contents", "freed"),
    [
        ((), None),
        ([Content(digest_of("v1"), IMAGE, blobs=(Blob(digest_of("own"), 9),))], Freed(9, 1)),
    ],
)
def test_blobs_that_no_listing_states_come_from_the_manifests(contents: Iterable[Content], freed: Freed | None) -> None:
    """Where neither says what a manifest refers to, what is freed cannot be told."""
    bare = survey(place("api", ENFORCED, manifest("v1")), contents={content.digest: content for content in contents})
    assert make_plan(bare, (ENFORCED,), PLENTY).freed == freed


def test_a_plan_carries_the_warnings_of_its_survey() -> None:
    """A person who reads the plan sees them."""
    plan = planned(place("api", ENFORCED, manifest("v1")))
    assert plan.warnings == (
        "policy 1, rule 1 (main) selects nothing",
        "api: no rule selects 1 tag (v1), which `unmatched` deletes, if nothing else keeps it",
    )


def test_both_modes_are_planned_and_nothing_is_let_through_unless_terms_say_so() -> None:
    """The defaults of the terms: everything is shown, nobody is allowed past a limit, no source objects."""
    terms = Terms(1000, NOW)
    assert (terms.modes, terms.allowed, terms.vetoes, terms.uncollected) == (
        (Mode.ENFORCE, Mode.PLAN),
        frozenset(),
        (),
        (),
    )
    assert (terms.deleted, terms.since, terms.approved, terms.only) == ({}, {}, {}, None)
