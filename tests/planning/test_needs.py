"""The last look before a collection: what of that which was deleted must come back, why, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.model.deletion import Restorable
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, attachment_subject
from cleaner.model.use import NOTHING_SEEN, Pointed, SeenUse, TagMemory, Use
from cleaner.planning.needs import in_order_of_return, needed
from cleaner.retention.words import short
from tests.retention.builders import NOW, Entry, attachment_tag, digest_of, manifest
from tests.worlds import random_registry

HOUR = timedelta(hours=1)
PROD = "kubernetes prod"
WEB = "prod/shop/deployment/web"


def lost(entry: Entry, *, ago: timedelta = 2 * HOUR, number: int = 1) -> Restorable:
    """A manifest that we deleted so long ago."""
    there = entry.manifest
    children = entry.content.children
    return Restorable(number, "run", there.repository, there.digest, there.tags, children, NOW - ago, None)


def needs(
    gone: Sequence[Entry | Restorable],
    there: Sequence[Entry] = (),
    uses: Iterable[Use] = (),
    memory: TagMemory = NOTHING_SEEN,
    unknown: Iterable[str] = (),
) -> dict[str, str]:
    """What must come back and why, by the names of all that is lost; what is `unknown` has left no content."""
    contents = {entry.manifest.digest: entry.content for entry in (*gone, *there) if isinstance(entry, Entry)}
    for name in unknown:
        del contents[digest_of(name)]
    names = {entry.manifest.digest: entry.name for entry in gone if isinstance(entry, Entry)}
    listing = Listing("shop/api", tuple(entry.manifest for entry in there))
    deleted = [lost(entry) if isinstance(entry, Entry) else entry for entry in gone]
    found = needed(deleted, listing, contents, [SeenUse(use) for use in uses], memory, NOW)
    return {names.get(need.digest, need.digest): need.because for need in found}


def use(tag: str | None = None, digest: str | None = None, repository: str | None = "shop/api") -> Use:
    return Use(repository, tag, digest_of(digest) if digest else None, PROD, WEB)


def pointed(tag: str, *names: str) -> TagMemory:
    """What the looks have seen the tag point to earlier, newest first."""
    return replace(NOTHING_SEEN, pointed={tag: tuple(Pointed(digest_of(name), NOW) for name in names)})


AMD, ARM = manifest(name="amd"), manifest(name="arm")
SIGNATURE = manifest(attachment_tag("v1", ".sig"), name="signature")
SBOM = manifest(name="sbom", subject="v1")


def test_what_nothing_needs_may_be_collected() -> None:
    """Neither what is there nor what runs has to do with it."""
    there = (manifest("v2", children=["arm"]), ARM)
    assert needs([manifest("v1", children=["amd"]), AMD], there, [use(tag="v2"), use(digest="arm")]) == {}


def test_a_child_of_an_index_that_was_pushed_since_comes_back() -> None:
    """Without it the index could not be pulled; what else was lost stays so."""
    assert needs([AMD, ARM], [manifest("v2", "stable", children=["amd"])]) == {
        "amd": f"the index {short(digest_of('v2'))} (tags v2, stable) lists it"
    }
    assert needs([AMD], [manifest(name="v2", children=["amd"])]) == {
        "amd": f"the index {short(digest_of('v2'))} lists it"
    }


def test_what_a_lost_index_lists_comes_back_with_it() -> None:
    """At any depth, and with what is attached to any of it; content or ledger tell what that is."""
    inner = manifest(name="inner", children=["amd"])
    scan = manifest(name="scan", subject="sbom")
    family = [inner, AMD, manifest(name="sbom", subject="amd"), scan, ARM]
    found = needs(family, [manifest("v2", children=["inner"])])
    assert found.keys() == {"inner", "amd", "sbom", "scan"}
    assert found["amd"] == f"it belongs to {short(digest_of('inner'))}, which comes back"
    assert needs(family, [manifest("v2", children=["inner"])], unknown=["inner"]).keys() == found.keys()


def test_a_ring_comes_back_whole_and_keeps_its_first_reason() -> None:
    """Attachment tags can close one; the look at it has an end."""
    ring = [manifest("v1", attachment_tag("b"), name="a"), manifest(attachment_tag("a"), name="b")]
    assert needs(ring, uses=[use(tag="v1")]) == {
        "a": f"{PROD}: {WEB} uses its tag v1",
        "b": f"it belongs to {short(digest_of('a'))}, which comes back",
    }


@pytest.mark.parametrize(
    ("attachment", "named"),
    [
        pytest.param(manifest(name="sbom", age="1h", subject="v1"), short(digest_of("sbom")), id="by its subject"),
        pytest.param(
            manifest(attachment_tag("v1"), name="sig", age="1h"),
            f"{short(digest_of('sig'))} (tags {attachment_tag('v1')})",
            id="by an attachment tag",
        ),
    ],
)
def test_a_subject_comes_back_for_what_was_attached_to_it_meanwhile(attachment: Entry, named: str) -> None:
    """Somebody has just signed it: to them it counts."""
    assert needs([manifest("v1")], [attachment]) == {"v1": f"{named} was attached to it meanwhile"}


@pytest.mark.parametrize("age", [2 * HOUR, timedelta(days=9), None, -HOUR])
def test_a_subject_does_not_come_back_for_what_stayed_without_it(age: timedelta | None) -> None:
    """What is attached to what goes may stay by itself: only what surely is newer calls for it."""
    assert needs([manifest("v1")], [manifest("report", age=age, subject="v1")]) == {}


def test_an_attachment_comes_back_where_its_subject_is_there_again() -> None:
    """It went after its subject only: so that came again, by a push or by undo, and its signature belongs to it."""
    found = needs([SIGNATURE, SBOM], [manifest("v1")])
    because = f"it is attached to {short(digest_of('v1'))} (tags v1), which is there again"
    assert found == {"signature": because, "sbom": because}


def test_an_attachment_whose_tag_has_moved_on_does_not_come_back() -> None:
    """Without its tag it would be attached to nothing."""
    again = manifest(attachment_tag("v1", ".sig"), name="signed again")
    assert needs([SIGNATURE], [manifest("v1"), again]) == {}
    earlier, later = lost(SIGNATURE, ago=4 * HOUR), lost(replace(again, name="later"), ago=3 * HOUR, number=2)
    assert needs([later, earlier], [manifest("v1")]).keys() == {later.digest}


@pytest.mark.parametrize("repository", ["shop/api", None])
def test_what_is_used_by_digest_comes_back(repository: str | None) -> None:
    """By its own digest, or by its configuration's, which is all that some runtimes tell."""
    image = manifest("v1")
    image = replace(image, content=replace(image.content, blobs=(Blob(digest_of("configuration"), 7),)))
    for digest in ("v1", "configuration"):
        assert needs([image, manifest("v2")], uses=[use(digest=digest, repository=repository)]) == {
            "v1": f"{PROD}: {WEB} uses it"
        }


def test_what_was_used_and_is_remembered_comes_back_too() -> None:
    """It may be rolled back to."""
    image, seen = manifest("v1"), SeenUse(use(digest="v1"), NOW - HOUR)
    [need] = needed([lost(image)], Listing("shop/api", ()), {}, [seen], NOTHING_SEEN, NOW)
    assert need.because == f"{PROD}: {WEB} used it until 2026-11-24 11:00 UTC"


@pytest.mark.parametrize(
    ("there", "memory", "back"),
    [
        pytest.param([], NOTHING_SEEN, {"v1"}, id="it carried the tag"),
        pytest.param([], pointed("v1", "other", "older"), {"v1", "other"}, id="a look saw the tag on another last"),
        pytest.param([], pointed("v2", "other"), {"v1"}, id="another tag's past"),
        pytest.param([manifest("v1", name="new")], pointed("v1", "other"), set(), id="the tag stands on something"),
    ],
)
def test_what_is_used_by_a_tag_comes_back_unless_the_tag_stands_on_something(
    there: list[Entry], memory: TagMemory, back: set[str]
) -> None:
    """What carried it last, by its deletion and by the looks."""
    gone = [manifest("v1", name="v1"), manifest(name="other"), manifest(name="older")]
    found = needs(gone, there, [use(tag="v1")], memory)
    assert found == dict.fromkeys(back, f"{PROD}: {WEB} uses its tag v1")


def test_of_several_that_carried_a_tag_the_last_one_comes_back() -> None:
    """The tag was on one at a time."""
    first, second = lost(manifest("v1", name="first"), ago=3 * HOUR), lost(manifest("v1", name="second"), number=2)
    for gone in ([first, second], [second, first]):
        assert needs(gone, uses=[use(tag="v1")]).keys() == {second.digest}


def test_a_tag_that_nothing_ever_carried_brings_nothing_back() -> None:
    """An audit tells of it."""
    assert needs([manifest("v1")], uses=[use(tag="v9")], memory=pointed("v9", "unheard-of")) == {}


def test_a_use_by_tag_and_digest_counts_by_both() -> None:
    """The tag may have been pushed anew since the workload was started."""
    gone = [manifest("v1", name="tagged"), manifest(name="running"), AMD]
    assert needs(gone, uses=[use("v1", "running")]).keys() == {"tagged", "running"}


def test_what_is_there_again_is_not_needed() -> None:
    """Somebody pushed it, or undo has brought it back."""
    assert needs([manifest("v1", children=["amd"])], [manifest("v1", children=["amd"]), AMD], [use("v1", "v1")]) == {}
    inner = manifest(name="inner", children=["amd"])
    assert needs([inner, AMD], [manifest("v2", children=["inner"]), inner]).keys() == {"amd"}


def test_what_was_deleted_twice_is_needed_once() -> None:
    """It was pushed again in between; tags of either time count."""
    first, second = lost(manifest("v1"), ago=3 * HOUR), lost(manifest(name="v1"), number=2)
    assert needs([first, second], uses=[use(tag="v1")]).keys() == {digest_of("v1")}


def test_the_first_reason_speaks_and_names_are_safe_to_print() -> None:
    """What comes from outside may hold anything."""
    hostile = Use("shop/api", "v1\x1b", None, "a\nb", "c\u202ed")
    assert needs([manifest("v1\x1b", name="x")], uses=[hostile, use(digest="x")]) == {
        "x": "a\\nb: c\\u202ed uses its tag v1\\x1b"
    }


def test_what_is_listed_and_not_known_is_never_guessed() -> None:
    """It may be an index that lists what was deleted (law 2)."""
    with pytest.raises(KeyError):
        needs([AMD], [manifest("v2")], unknown=["v2"])


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        pytest.param([manifest("v1", children=["amd"]), AMD], ["amd", "v1"], id="a child before its index"),
        pytest.param(
            [manifest(name="sbom", subject="amd"), AMD], ["amd", "sbom"], id="a subject before its attachment"
        ),
        pytest.param([manifest("v1"), SIGNATURE], ["v1", "signature"], id="by attachment tag, too"),
        pytest.param(
            [manifest("v1", children=["in"]), manifest(name="in", children=["amd"]), AMD],
            ["amd", "in", "v1"],
            id="nested",
        ),
        pytest.param(
            [manifest("v1", children=["amd"]), SIGNATURE, AMD], ["amd", "v1", "signature"], id="a signed index"
        ),
        pytest.param(
            [manifest("v1", attachment_tag("amd"), children=["amd"]), manifest(name="amd", subject="v1")],
            ["amd", "v1"],
            id="in a ring a child still comes before its index",
        ),
    ],
)
def test_things_return_so_that_each_finds_what_it_needs(entries: list[Entry], order: list[str]) -> None:
    """Whatever the order in which they are named."""
    contents = {entry.manifest.digest: entry.content for entry in entries}
    for named in (entries, entries[::-1]):
        back = in_order_of_return([lost(entry) for entry in named], contents)
        assert [each.digest for each in back] == [*map(digest_of, order)]


def test_what_is_not_known_returns_by_what_the_ledger_has_of_it() -> None:
    """Its children, and the tags that attach it."""
    entries = [manifest("v1", children=["amd"]), AMD, SIGNATURE]
    back = in_order_of_return(map(lost, entries), {})
    assert [each.digest for each in back] == [*map(digest_of, ("amd", "v1", "signature"))]


def test_the_unrelated_and_rings_return_by_digest() -> None:
    """A ring of attachments has no first: nothing waits for ever."""
    ring = [manifest(attachment_tag("b"), name="a"), manifest(attachment_tag("a"), name="b")]
    plain = [manifest(name=name) for name in "cde"] + [manifest(name) for name in "fg"]
    assert [each.digest for each in in_order_of_return(map(lost, plain), {})] == sorted(digest_of(n) for n in "cdefg")
    assert [each.digest for each in in_order_of_return(map(lost, ring), {})] == sorted(digest_of(n) for n in "ab")


def test_what_was_deleted_twice_returns_as_often_the_earlier_first() -> None:
    """Each deletion is settled by itself, and the tags of the later one are put last."""
    first, second = lost(manifest("v1"), ago=3 * HOUR), lost(manifest("v1", "v2"), number=2)
    for gone in ([first, second], [second, first]):
        assert in_order_of_return(gone, {}) == (first, second)


World = tuple[Listing, list[Restorable], Mapping[Digest, Content]]


def _world(rng: random.Random) -> World:
    """A repository some of whose manifests we deleted."""
    repository = rng.choice(random_registry(rng).repositories)
    likely = rng.choice((0.2, 0.5, 0.9))
    gone = {entry.digest for entry in repository.entries if rng.random() < likely}
    there = tuple(m for m in repository.listing().manifests if m.digest not in gone)
    deleted = [
        Restorable(n, "run", repository.name, e.digest, e.tags, e.content.children, NOW - rng.randrange(9) * HOUR, None)
        for n, e in enumerate(repository.entries)
        if e.digest in gone
    ]
    return Listing(repository.name, there), deleted, repository.contents()


@given(st.randoms(use_true_random=False))
def test_after_the_return_nothing_that_is_there_lacks_what_was_deleted(rng: random.Random) -> None:
    """Every index finds its children, everything that came back its attachments; no need calls for another look."""
    listing, deleted, contents = _world(rng)
    back = {need.digest for need in needed(deleted, listing, contents, (), NOTHING_SEEN, NOW)}
    assert back <= {each.digest for each in deleted}
    there = back | {m.digest for m in listing.manifests}
    still = {each.digest for each in deleted} - back
    assert not still & {child for digest in there for child in contents[digest].children}
    assert not {digest for digest in still if contents[digest].subject in there}


def _before(deleted: Sequence[Restorable], contents: Mapping[Digest, Content]) -> dict[Digest, set[Digest]]:
    """For each of the lost the lost children and subjects that come before it, by one step."""
    gone = {each.digest for each in deleted}
    named = {each.digest: {attachment_subject(tag) for tag in each.tags} for each in deleted}
    above = {d: {*contents[d].children, contents[d].subject, *named[d]} & gone - {d} for d in gone}
    return {digest: {each for each in found if each is not None} for digest, found in above.items()}


def _reached(start: Digest, before: Mapping[Digest, set[Digest]]) -> set[Digest]:
    found: set[Digest] = set()
    while more := {earlier for digest in {start, *found} for earlier in before[digest]} - found:
        found |= more
    return found


@given(st.randoms(use_true_random=False))
def test_the_order_of_return_puts_children_and_subjects_first(rng: random.Random) -> None:
    """In any world all return, a child always before its index, a subject before its attachment but in a ring."""
    _, deleted, contents = _world(rng)
    back = in_order_of_return(deleted, contents)
    assert sorted(back, key=lambda each: each.deletion) == deleted
    place, before = {each.digest: number for number, each in enumerate(back)}, _before(deleted, contents)
    for digest, earlier in ((each.digest, earlier) for each in back for earlier in before[each.digest]):
        in_a_ring = digest in _reached(earlier, before) and earlier not in contents[digest].children
        assert in_a_ring or place[earlier] < place[digest]


@pytest.mark.parametrize(
    ("gone", "there", "must"),
    [
        pytest.param(
            [manifest("sig", subject="v2")], [manifest("v2")], {"sig": False}, id="a signature of what came again"
        ),
        pytest.param([manifest("v1")], [manifest("list", children=["v1"])], {"v1": True}, id="a child"),
        pytest.param(
            [manifest("v1"), manifest("sig", subject="v1")],
            [manifest("list", children=["v1"])],
            {"v1": True, "sig": False},
            id="a child and its signature",
        ),
    ],
)
def test_an_attachment_keeps_nothing_from_being_pulled(
    gone: Sequence[Entry], there: Sequence[Entry], must: dict[str, bool]
) -> None:
    """It comes back if it can; where it cannot, no collection waits for it."""
    contents = {entry.manifest.digest: entry.content for entry in (*gone, *there)}
    listing = Listing("shop/api", tuple(entry.manifest for entry in there))
    found = needed([lost(entry) for entry in gone], listing, contents, (), NOTHING_SEEN, NOW)
    assert {need.digest: need.must for need in found} == {digest_of(name): value for name, value in must.items()}
