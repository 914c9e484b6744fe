"""What holds condemned manifests back: the notice, a source that cannot be read, what no person has reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cleaner.model.manifest import Digest
from cleaner.model.plan import HeldBack, HoldReason, Plan
from cleaner.planning.survey import Judged, LeftAlone
from cleaner.planning.terms import Terms
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.uses import Veto
from tests.planning.builders import PLENTY, keeping, listed, place, planned, tags
from tests.retention.builders import NOW, Entry, digest_of, manifest, span

FREE, ANNOUNCED = keeping("main"), keeping("main", notice="24h")
DAY = timedelta(days=1)


def aged(**ages: str) -> list[Entry]:
    return [manifest(tag, age=age) for tag, age in ages.items()]


def since(repository: str = "api", **ages: str) -> dict[str, dict[Digest, datetime]]:
    """Since when the looks condemned the manifests of a repository."""
    return {repository: {digest_of(name): NOW - span(age) for name, age in ages.items()}}


def holds(plan: Plan) -> list[tuple[str | None, str, int]]:
    return [(held.repository, held.reason.value, held.manifests) for held in plan.held_back]


def waits(plan: Plan) -> dict[str, tuple[str, datetime | None]]:
    """What each waiting manifest waits for, by its first tag, else by the start of its digest."""
    return {
        _called(w.deletion.manifest.tags, w.deletion.manifest.digest): (w.reason.value, w.goes_at) for w in plan.waiting
    }


def _called(tags: tuple[str, ...], digest: Digest) -> str:
    names = {digest_of(name): name for name in ("amd", "arm", "sbom")}
    return tags[0] if tags else names[digest]


def veto(source: str, *repositories: str) -> Veto:
    return Veto(source, f"{source}: no answer", tuple(map(compile_pattern, repositories)))


def approving(repository: str, *names: str, terms: Terms = PLENTY) -> Terms:
    return replace(terms, approved={repository: frozenset(map(digest_of, names))})


def reviewed(*names: str, repository: str = "api") -> Terms:
    return replace(PLENTY, only=frozenset((repository, digest_of(name)) for name in names))


@pytest.mark.parametrize(
    ("condemned_for", "goes"),
    [
        pytest.param("25h", True, id="longer than the notice"),
        pytest.param("24h", True, id="exactly as long"),
        pytest.param("23h", False, id="not yet so long"),
        pytest.param("0s", False, id="since now"),
        pytest.param(None, False, id="never before"),
        pytest.param("-1h", False, id="by a look whose clock was ahead"),
    ],
)
def test_a_manifest_goes_once_it_was_condemned_for_as_long_as_the_notice(
    condemned_for: str | None, *, goes: bool
) -> None:
    """What no look before has condemned is announced by this one."""
    seen = since(a=condemned_for) if condemned_for else {}
    plan = planned(place("api", ANNOUNCED, *aged(a="9d")), terms=replace(PLENTY, since=seen))
    assert (tags(plan), len(plan.waiting)) == ((["api:a"], 0) if goes else ([], 1))


def test_without_a_notice_nothing_waits_for_one() -> None:
    """Not even where a look, by a clock that was ahead, condemned it later than now."""
    plan = planned(place("api", FREE, *aged(a="9d")), terms=replace(PLENTY, since=since(a="-9h")))
    assert tags(plan) == ["api:a"]


def test_a_notice_that_a_clock_ahead_has_given_is_not_shortened() -> None:
    """Its time is told as it will be; whatever waits for it waits as long."""
    plan = planned(place("api", ANNOUNCED, *aged(a="9d")), terms=replace(PLENTY, since=since(a="-3h")))
    assert waits(plan) == {"a": ("notice", NOW + DAY + timedelta(hours=3))}


def test_a_look_of_another_repository_announces_nothing() -> None:
    """The same digest may have been condemned there for long."""
    terms = replace(PLENTY, since=since("web", a="9d"))
    assert waits(planned(place("api", ANNOUNCED, *aged(a="9d")), terms=terms)) == {"a": ("notice", NOW + DAY)}


def test_a_plan_says_what_goes_when() -> None:
    """The notice is counted once a repository, with the moment of the first; each waiting manifest has its own."""
    terms = replace(PLENTY, since=since(a="20h", b="25h"))
    plan = planned(place("api", ANNOUNCED, *aged(a="9d", b="8d", c="7d", main="1d")), terms=terms)
    assert tags(plan) == ["api:b"]
    detail = "2 go from 2026-11-24 16:00 UTC on, after the notice of 1 d"
    assert plan.held_back == (HeldBack("api", HoldReason.NOTICE, detail, 2),)
    assert waits(plan) == {"a": ("notice", NOW + timedelta(hours=4)), "c": ("notice", NOW + DAY)}
    assert (plan.manifests, plan.kept) == (4, 1)


def test_one_manifest_goes_in_the_singular() -> None:
    """A sentence for people."""
    [held] = planned(place("api", keeping(notice="36h"), *aged(a="9d"))).held_back
    assert held.detail == "1 goes from 2026-11-26 00:00 UTC on, after the notice of 36 h"


def test_a_notice_is_no_trouble_and_everything_else_is() -> None:
    """It runs out by itself: nobody needs to look."""
    assert [reason for reason in HoldReason if not reason.is_trouble] == [HoldReason.NOTICE]


def test_nothing_goes_before_an_index_or_a_subject_whose_notice_has_not_run_out() -> None:
    """It waits as long, at any remove; a sibling does not."""
    family = place(
        "api",
        ANNOUNCED,
        manifest("v1", children=["amd"]),
        manifest("old", children=["arm"]),
        manifest(name="amd"),
        manifest(name="arm"),
        manifest(name="sbom", subject="amd"),
    )
    plan = planned(family, terms=replace(PLENTY, since=since(v1="4h", old="30h", amd="30h", arm="30h", sbom="29h")))
    until = ("notice", NOW + timedelta(hours=20))
    assert [d.manifest.digest for d in plan.deletions] == [digest_of("old"), digest_of("arm")]
    assert waits(plan) == {"v1": until, "amd": until, "sbom": until}


def test_what_waits_is_a_deletion_like_any_other() -> None:
    """With its reasons and what must precede it, repository by repository, each in order of deletion."""
    family = place("web", ANNOUNCED, manifest("v1", children=["amd"]), manifest(name="amd"), *aged(old="200d"))
    first = place("api", ANNOUNCED, *aged(new="1d", old="9d"))
    plan = planned(family, first)
    assert [w.deletion.manifest.digest for w in plan.waiting] == [*map(digest_of, ("old", "new", "old", "v1", "amd"))]
    last = plan.waiting[-1].deletion
    assert (last.after, last.mode) == ((digest_of("v1"),), ANNOUNCED.mode)
    assert last.reasons == family.judgement.verdicts[digest_of("amd")].reasons


def test_the_share_is_measured_on_what_waits_for_its_notice_too() -> None:
    """More than the share is condemned, though little of it could go by now: all of it waits for a person."""
    careful = keeping("main", share="1/2", notice="24h")
    plan = planned(place("api", careful, *aged(a="9d", b="8d", main="1d")), terms=replace(PLENTY, since=since(a="25h")))
    assert holds(plan) == [("api", "share", 2)]
    assert waits(plan) == {"a": ("share", None), "b": ("share", None)}
    assert plan.kept == 1


def test_the_cap_counts_only_what_could_go() -> None:
    """What waits for its notice uses none of it, however old it is."""
    terms = replace(PLENTY, deletions=1, since=since(b="25h", c="25h"))
    plan = planned(place("api", ANNOUNCED, *aged(a="9d", b="8d", c="7d")), terms=terms)
    assert tags(plan) == ["api:b"]
    assert holds(plan) == [("api", "cap", 1), ("api", "notice", 1)]
    assert waits(plan) == {"a": ("notice", NOW + DAY), "c": ("cap", None)}


def test_a_repository_that_is_let_through_still_waits_for_its_notice() -> None:
    """A person lets it past share and cap alone."""
    careful = keeping("main", share="1/2", deletions=1, notice="24h")
    terms = replace(PLENTY, allowed=frozenset(["api"]), since=since(a="25h", b="25h"))
    plan = planned(place("api", careful, *aged(a="9d", b="8d", c="7d")), terms=terms)
    assert tags(plan) == ["api:a", "api:b"]
    assert holds(plan) == [("api", "notice", 1)]


def test_a_source_that_speaks_for_all_stops_all_deletions() -> None:
    """All that would go or wait is held back by it; the share and the unread are named beside it (law 6)."""
    places = (
        place("api", FREE, *aged(a="9d", b="8d", c="7d")),
        place("ci", ANNOUNCED, *aged(d="6d")),
        place("web", keeping("main", share="1/2"), *aged(e="5d")),
    )
    left = (LeftAlone("2048", None, HoldReason.LISTING, "a page"),)
    plan = planned(*places, terms=replace(PLENTY, deletions=2, vetoes=(veto("cluster"),)), left_alone=left)
    assert plan.deletions == ()
    assert holds(plan) == [(None, "source", 4), ("2048", "listing", 0), ("web", "share", 1)]
    assert plan.held_back[0].detail == "cluster: no answer"
    assert (plan.manifests, plan.kept) == (5, 0)


def test_a_source_that_speaks_for_all_is_named_though_nothing_would_go() -> None:
    """Else a run that it could have stopped would look as if all were well."""
    plan = planned(place("api", FREE, *aged(main="9d")), terms=replace(PLENTY, vetoes=(veto("cluster"),)))
    assert holds(plan) == [(None, "source", 0)]


def test_a_source_that_speaks_for_some_repositories_stops_those_alone() -> None:
    """The others go on; what is stopped uses none of the cap."""
    places = (
        place("shop/api", ANNOUNCED, *aged(a="9d", b="8d")),
        place("shop/web", FREE, *aged(main="9d")),
        place("tools", FREE, *aged(c="7d", d="6d")),
    )
    terms = replace(PLENTY, deletions=1, vetoes=(veto("cluster", "shop/*"),))
    plan = planned(*places, terms=terms)
    assert tags(plan) == ["tools:c"]
    assert holds(plan) == [("shop/api", "source", 2), ("tools", "cap", 1)]
    assert plan.held_back[0].detail == "cluster: no answer"
    assert waits(plan) == {"a": ("source", None), "b": ("source", None), "d": ("cap", None)}


@pytest.mark.parametrize("share", ["1", "0"], ids=["nothing is condemned", "its share holds it back already"])
def test_a_source_that_holds_nothing_back_is_named_all_the_same(share: str) -> None:
    """With the repositories that it speaks for, and 0 manifests: whoever reads the plan sees that it is silent."""
    entries = aged(main="9d") if share == "1" else aged(a="9d", main="8d")
    terms = replace(PLENTY, vetoes=(veto("cluster", "shop/*", "api"),))
    plan = planned(place("shop/api", keeping("main", share=share), *entries), terms=terms)
    named = HeldBack(None, HoldReason.SOURCE, "cluster: no answer (it speaks for shop/*, api)", 0)
    assert [held for held in plan.held_back if held.reason is HoldReason.SOURCE] == [named]
    assert (plan.manifests, plan.kept) == (len(entries), 1)


def test_every_source_that_stops_a_repository_is_named() -> None:
    """Where one speaks for all, those that speak for some hold back nothing more; what does so counts 0."""
    places = place("api", FREE, *aged(a="9d")), place("web", FREE, *aged(b="9d"))
    some = (veto("east", "api"), veto("west", "*"), veto("south", "tools"))
    plan = planned(*places, terms=replace(PLENTY, vetoes=some))
    idle = "south: no answer (it speaks for tools)"
    assert [held.detail for held in plan.held_back] == [idle, "east: no answer; west: no answer", "west: no answer"]
    plan = planned(*places, terms=replace(PLENTY, vetoes=(*some, veto("north"), veto("apps"))))
    assert holds(plan) == [(None, "source", 2), *[(None, "source", 0)] * 3]
    assert [held.detail for held in plan.held_back] == [
        "north: no answer; apps: no answer",
        "east: no answer (it speaks for api)",
        "west: no answer (it speaks for *)",
        idle,
    ]


def test_what_was_approved_counts_in_neither_share_nor_cap() -> None:
    """It goes first; what was not approved in the same repository meets both by itself."""
    careful = keeping("main", share="1/2")
    entries = aged(a="9d", b="8d", c="7d", d="6d", main="1d")
    assert holds(planned(place("api", careful, *entries))) == [("api", "share", 4)]
    plan = planned(
        place("api", careful, *entries), terms=approving("api", "c", "d", terms=replace(PLENTY, deletions=1))
    )
    assert tags(plan) == ["api:a", "api:c", "api:d"]
    assert holds(plan) == [("api", "cap", 1)]


def test_what_was_approved_goes_though_the_rest_is_past_its_share() -> None:
    """Run by run, until it is gone; whatever else is condemned waits for a person again."""
    careful = keeping("main", share="1/4")
    plan = planned(place("api", careful, *aged(a="9d", b="8d", c="7d", main="1d")), terms=approving("api", "b"))
    assert tags(plan) == ["api:b"]
    detail = "would lose 2 of its 4 versions, more than limits.share 25%"
    assert plan.held_back == (HeldBack("api", HoldReason.SHARE, detail, 2),)


def test_an_approval_leaves_the_notice_and_the_sources_as_they_are() -> None:
    """A person has seen what goes, not what runs, and not for how long the others knew."""
    plan = planned(place("api", ANNOUNCED, *aged(a="9d", b="8d")), terms=approving("api", "a", "b"))
    assert holds(plan) == [("api", "notice", 2)]
    careful = keeping("main", share="1/4")
    terms = approving("api", "a", terms=replace(PLENTY, vetoes=(veto("cluster", "api"),)))
    assert holds(planned(place("api", careful, *aged(a="9d", b="8d")), terms=terms)) == [
        ("api", "share", 1),
        ("api", "source", 1),
    ]


@pytest.mark.parametrize(
    ("approved", "going"),
    [
        pytest.param(["amd"], [], id="a child alone"),
        pytest.param(["v1"], ["v1"], id="an index alone"),
        pytest.param(["v1", "amd"], ["v1", "amd"], id="both"),
        pytest.param(["v1", "sbom"], ["v1"], id="not what is attached to a child that is not"),
        pytest.param(["v1", "amd", "main", "unheard-of"], ["v1", "amd"], id="with what is kept or was never there"),
    ],
)
def test_what_was_approved_waits_with_what_must_precede_it(approved: Iterable[str], going: Iterable[str]) -> None:
    """An index or a subject that nobody approved is condemned too: it goes first."""
    careful = keeping("main", share="0")
    family = (manifest("v1", children=["amd"]), manifest(name="amd"), manifest(name="sbom", subject="amd"))
    plan = planned(place("api", careful, *family, manifest("main")), terms=approving("api", *approved))
    assert [d.manifest.digest for d in plan.deletions] == [*map(digest_of, going)]
    assert sum(held.manifests for held in plan.held_back) == 3 - len(plan.deletions)


def test_a_repositorys_approval_says_nothing_of_another() -> None:
    """The same digest in another repository is another manifest."""
    careful = keeping("main", share="0")
    plan = planned(place("api", careful, *aged(a="9d")), terms=approving("web", "a"))
    assert holds(plan) == [("api", "share", 1)]


def test_what_nobody_reviewed_counts_as_kept() -> None:
    """It does not go and it is not held back, in other repositories either."""
    places = place("api", FREE, *aged(a="9d", b="8d", main="1d")), place("web", FREE, *aged(a="9d"))
    plan = planned(*places, terms=reviewed("a", "main", "gone"))
    assert (tags(plan), plan.held_back, plan.waiting) == (["api:a"], (), ())
    assert (plan.manifests, plan.kept) == (4, 3)


@pytest.mark.parametrize(
    ("names", "going"), [(["amd"], []), (["v1"], ["v1"]), (["v1", "amd"], ["v1", "amd"]), (["v1", "sbom"], ["v1"])]
)
def test_what_was_reviewed_does_not_go_before_what_was_not(names: Iterable[str], going: Iterable[str]) -> None:
    """An index that was pushed since lists it: that goes first, another time."""
    family = (manifest("v1", children=["amd"]), manifest(name="amd"), manifest(name="sbom", subject="amd"))
    plan = planned(place("api", FREE, *family), terms=reviewed(*names))
    assert [d.manifest.digest for d in plan.deletions] == [*map(digest_of, going)]
    assert (plan.held_back, plan.kept) == ((), 3 - len(plan.deletions))


def test_what_was_reviewed_meets_every_limit_all_the_same() -> None:
    """The share is that of all that is condemned; what of it was reviewed is held back."""
    careful = keeping("main", share="1/2")
    plan = planned(place("api", careful, *aged(a="9d", b="8d", main="1d")), terms=reviewed("a"))
    assert (holds(plan), plan.kept) == ([("api", "share", 1)], 2)
    plan = planned(place("api", ANNOUNCED, *aged(a="9d", b="8d")), terms=reviewed("a"))
    assert holds(plan) == [("api", "notice", 1)]
    assert planned(place("api", careful, *aged(a="9d", b="8d")), terms=reviewed("c")).held_back == ()


@pytest.mark.parametrize(
    ("names", "held"),
    [
        pytest.param({"a", "gone"}, [("web", "manifest", 1)], id="of it what was reviewed"),
        pytest.param({"gone"}, [("web", "manifest", 0)], id="what was reviewed is gone"),
        pytest.param(set(), [], id="nothing of it was reviewed"),
    ],
)
def test_a_repository_that_was_not_read_holds_back_what_was_reviewed(
    names: Iterable[str], held: list[tuple[str, str, int]]
) -> None:
    """Else it is no part of what a person asked for."""
    left = (LeftAlone("web", FREE, HoldReason.MANIFEST, "a digest", listed("web", *aged(a="1d", b="1d"))),)
    plan = planned(place("api", FREE, *aged(a="9d")), terms=reviewed(*names, repository="web"), left_alone=left)
    assert (tags(plan), holds(plan)) == ([], held)
    assert plan.kept == 3 - sum(manifests for _, _, manifests in held)


def test_what_earlier_tries_deleted_is_counted_under_its_policy() -> None:
    """The caps are for all tries together."""
    places: Mapping[str, Judged] = {name: place(name, FREE, *aged(a="9d", b="8d")) for name in ("api", "web")}
    plan = planned(*places.values(), terms=replace(PLENTY, deletions=3, deleted={"api": 2, "gone": 7}))
    assert tags(plan) == []
    plan = planned(*places.values(), terms=replace(PLENTY, deletions=3, deleted={"api": 2}))
    assert tags(plan) == ["api:a"]
