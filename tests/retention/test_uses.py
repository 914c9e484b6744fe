"""What is in use, and which manifests that keeps: now, remembered, and by a tag that moved on (laws 1 and 6)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.model.reason import ChildOf, InUse, TagMovedOn, WasInUse
from cleaner.model.use import NOTHING_SEEN, SeenUse, TagMemory, Use
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.uses import NOTHING_IN_USE, Usage, UseReason, Veto, in_use
from tests.retention.builders import NOTHING, Repo, ago, case, digest_of, judged, manifest, repo, seen

SHELF = repo(
    manifest("v1", "stable", blobs=["config v1", "layer"]),
    manifest("v2", "latest", blobs=["config v2", "layer"]),
    manifest("v3", children=["amd"]),
    manifest(name="amd", blobs=["config amd"]),
    manifest(name="untagged"),
)
THEN = ago("20d")


def use(
    tag: str | None = None, digest: str | None = None, where: str = "prod/shop/deployment/web", anywhere: bool = False
) -> Use:
    """A use of this repository's image, by these names."""
    return Use(
        repository=None if anywhere else "shop/api",
        tag=tag,
        digest=digest_of(digest) if digest else None,
        source="kubernetes prod",
        where=where,
    )


def now(each: Use) -> SeenUse:
    return SeenUse(each)


def then(each: Use) -> SeenUse:
    return SeenUse(each, last_seen=THEN)


def is_used(each: Use) -> InUse:
    return InUse(each.source, each.where)


def was_used(each: Use) -> WasInUse:
    return WasInUse(each.source, each.where, THEN)


def found(*uses: SeenUse, memory: TagMemory = NOTHING_SEEN, shelf: Repo = SHELF) -> dict[str, tuple[UseReason, ...]]:
    """Why which manifests are kept, by their names."""
    kept = in_use(shelf.listing, shelf.contents, uses, memory)
    return {shelf.names[digest]: reasons for digest, reasons in kept.items()}


@pytest.mark.parametrize(
    ("used", "kept"),
    [
        pytest.param(use(tag="v1"), {"v1"}, id="by tag: what has the tag"),
        pytest.param(use(tag="stable"), {"v1"}, id="by any of its tags"),
        pytest.param(use(digest="v2"), {"v2"}, id="by digest: what has the digest"),
        pytest.param(use(digest="untagged"), {"untagged"}, id="a digest that nobody tagged"),
        pytest.param(use(digest="amd"), {"amd"}, id="a digest of one platform"),
        pytest.param(use(tag="v1", digest="v1"), {"v1"}, id="by both, the same"),
        pytest.param(use(tag="v1", digest="v2"), {"v1", "v2"}, id="by both, which differ: both count"),
        pytest.param(use(tag="v1", digest="absent"), {"v1"}, id="by both, one of which is not here"),
        pytest.param(use(), {"v2"}, id="by neither: latest"),
        pytest.param(use(tag="v9"), set(), id="a tag that is not here"),
        pytest.param(use(tag="V1"), set(), id="tags are case-sensitive"),
        pytest.param(use(digest="absent"), set(), id="a digest that is not here"),
        pytest.param(use(digest="v2", anywhere=True), {"v2"}, id="a bare digest: the manifest's own"),
        pytest.param(use(digest="config v2", anywhere=True), {"v2"}, id="a bare digest: its configuration's"),
        pytest.param(use(digest="config amd", anywhere=True), {"amd"}, id="a bare digest: a platform's configuration"),
        pytest.param(use(digest="layer", anywhere=True), {"v1", "v2"}, id="a bare digest: a blob that two share"),
        pytest.param(use(digest="absent", anywhere=True), set(), id="a bare digest that is not here"),
        pytest.param(use(digest="config v1"), {"v1"}, id="a configuration's digest beside the repository's name"),
    ],
)
def test_a_use_keeps_what_it_names(used: Use, kept: set[str]) -> None:
    """By tag, by digest, by both, by neither, or by a digest that names no repository; now or as remembered."""
    assert found(now(used)) == {name: (is_used(used),) for name in kept}
    assert found(then(used)) == {name: (was_used(used),) for name in kept}


MOVED = seen(pointed={"stable": {"v2": "1h", "untagged": "9d"}, "gone": {"v3": "2d", "absent": "3d"}})


@pytest.mark.parametrize(
    ("used", "moved_on"),
    [
        pytest.param(use(tag="stable"), {"v2": ("stable", "1h"), "untagged": ("stable", "9d")}, id="all it pointed to"),
        pytest.param(use(tag="gone"), {"v3": ("gone", "2d")}, id="a tag that is gone, and what is still here"),
        pytest.param(use(tag="stable", digest="v3"), {"v2": ("stable", "1h"), "untagged": ("stable", "9d")}, id="both"),
        pytest.param(use(digest="v1"), {}, id="by digest, whatever its tags did"),
        pytest.param(use(tag="v1"), {}, id="by a tag that never moved"),
    ],
)
@pytest.mark.parametrize("at", [now, then])
def test_a_use_by_tag_also_keeps_what_the_tag_pointed_to(
    used: Use, moved_on: dict[str, tuple[str, str]], at: Callable[[Use], SeenUse]
) -> None:
    """A workload that started before the tag moved still runs what it pointed to then; so does one remembered."""
    kept = found(at(used), memory=MOVED)
    past = {name: [each for each in reasons if isinstance(each, TagMovedOn)] for name, reasons in kept.items()}
    assert {name: reasons for name, reasons in past.items() if reasons} == {
        name: [TagMovedOn(tag, used.source, used.where, ago(age))] for name, (tag, age) in moved_on.items()
    }


def test_a_remembered_use_by_tag_keeps_what_has_the_tag_now() -> None:
    """A rollback by that name would pull what has it now, and may need what had it then."""
    used = use(tag="stable")
    assert found(then(used), memory=seen(pointed={"stable": {"v2": "10d"}})) == {
        "v1": (was_used(used),),
        "v2": (TagMovedOn("stable", used.source, used.where, ago("10d")),),
    }


def test_without_tag_and_digest_the_past_of_latest_counts() -> None:
    """`latest` is a tag like any other."""
    used = use()
    kept = found(now(used), memory=seen(pointed={"latest": {"v1": "10d"}}))
    assert kept == {"v2": (is_used(used),), "v1": (TagMovedOn("latest", used.source, used.where, ago("10d")),)}


def test_every_use_of_a_manifest_is_a_reason_and_each_only_once() -> None:
    """What is in use now stands first, then what was; each by its place; a use by tag and by digest is one."""
    web, worker = use(tag="v1", where="web"), use(digest="v1", where="worker")
    again = use(digest="v1", where="web")
    reasons = (is_used(web), is_used(worker), was_used(worker))
    assert found(then(worker), now(worker), now(web), now(again)) == {"v1": reasons}


OF_ONE_KIND = [now(use(tag=tag, where=where)) for tag in ("stable", "gone", None) for where in "ba"]
PAST_OF_ALL = seen(pointed={tag: {"v3": "2d", "v1": "1d"} for tag in ("stable", "gone", "latest")})


@given(st.permutations([then(use(tag="v1")), *(now(use(digest="v1", where=w)) for w in "cab"), *OF_ONE_KIND]))
def test_the_order_of_the_uses_plays_no_part(uses: list[SeenUse]) -> None:
    """Sources answer in any order; the reasons read the same, and so do the manifests."""
    kept = found(*uses, memory=PAST_OF_ALL)
    assert list(kept.items()) == list(found(*sorted(uses, key=repr), memory=PAST_OF_ALL).items())
    assert [digest_of(name) for name in kept] == sorted(digest_of(name) for name in kept)


def test_nothing_is_in_use_where_nothing_is_said() -> None:
    """Tags that moved keep nothing by themselves."""
    assert found(memory=MOVED) == {}


def test_what_cannot_be_told_is_not_guessed() -> None:
    """A manifest whose content nobody read could have the digest that runs: that is an error, not a no (law 2)."""
    with pytest.raises(KeyError):
        in_use(SHELF.listing, {}, (now(use(digest="config v1", anywhere=True)),), NOTHING_SEEN)


def test_what_is_in_use_stays_with_its_family_under_a_policy_that_keeps_nothing() -> None:
    """The judge keeps what was found, now or remembered, and what is below it."""
    memory = seen(pointed={"stable": {"v2": "10d"}})
    kept = in_use(SHELF.listing, SHELF.contents, (now(use(tag="v3")), then(use(tag="stable"))), memory)
    outcome = judged(SHELF, NOTHING, at=case(in_use={SHELF.names[d]: reasons[0] for d, reasons in kept.items()}))
    assert outcome.kept == {"v1", "v2", "v3", "amd", "untagged"}
    assert ChildOf(digest_of("v3"), ("v3",)) in outcome.reasons("amd")


def test_ten_thousand_uses_are_found_among_ten_thousand_manifests() -> None:
    """Each is looked up, never searched for: so many against so many are a moment's work."""
    rng = random.Random(5)
    shelf = repo(*(manifest(f"v{n}", blobs=[f"config {n}", "layer"]) for n in range(10_000)))
    names = ("v{}", "config {}")
    uses = [
        now(use(digest=rng.choice(names).format(n), where=f"{n}", anywhere=True))
        if n % 2
        else then(use(tag=f"v{n}", where=f"{n}"))
        for n in range(10_000)
    ]
    memory = TagMemory({}, {}, seen(pointed={f"v{n}": {f"v{n + 1}": "1d"} for n in range(0, 10_000, 100)}).pointed)
    kept = found(*uses, memory=memory, shelf=shelf)
    assert len(kept) == 10_000
    assert sum(map(len, kept.values())) == 10_100


VETOES = (Veto("kubernetes prod", "no answer", (compile_pattern("shop/*"),)), Veto("app_platform", "403"))


@pytest.mark.parametrize(
    ("vetoes", "repository", "first"),
    [
        pytest.param(VETOES[:1], "shop/api", VETOES[0], id="it speaks for this repository"),
        pytest.param(VETOES[:1], "base", None, id="it does not"),
        pytest.param(VETOES[1:], "base", VETOES[1], id="it speaks for all"),
        pytest.param(VETOES, "shop/api", VETOES[0], id="the first of two"),
        pytest.param((), "base", None, id="all could be read"),
    ],
)
def test_a_source_that_cannot_be_read_vetoes_where_it_speaks(
    vetoes: tuple[Veto, ...], repository: str, first: Veto | None
) -> None:
    """While a source is silent, what it could have vetoed is not deleted: there, and nowhere else (law 6)."""
    assert Usage({}, vetoes=vetoes).veto(repository) == first


def test_a_repository_is_told_of_its_own_uses_and_of_those_that_name_none() -> None:
    """A bare digest may be anywhere; a repository's name is matched whole."""
    own, other, bare = now(use(tag="v1")), now(use(tag="v2")), now(use(digest="v1", anywhere=True))
    usage = Usage({"shop/api": (own,), "shop/api/worker": (other,)}, (bare,))
    assert usage.of("shop/api") == (own, bare)
    assert usage.of("shop") == (bare,)
    assert NOTHING_IN_USE.of("shop/api") == ()
