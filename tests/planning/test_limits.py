"""The share and the caps: what they let through, to the last manifest (policy page, "Limits"; law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from fractions import Fraction

import pytest

from cleaner.model.manifest import Digest
from cleaner.planning.limits import Queue, over_share, within_caps
from cleaner.planning.order import Unit
from cleaner.retention.policy import Limits
from tests.planning.builders import keeping, place
from tests.retention.builders import NOW, Entry, digest_of, manifest


def versions(*names: str) -> list[Entry]:
    return [manifest(name) for name in names]


def family(tag: str, children: int) -> list[Entry]:
    """An index with that many children."""
    names = [f"{tag} {number}" for number in range(children)]
    return [manifest(tag, children=names), *(manifest(name=name) for name in names)]


@pytest.mark.parametrize(
    ("entries", "share", "words"),
    [
        pytest.param([], "1/2", None, id="an empty repository"),
        pytest.param(versions("keep-1"), "0", None, id="nothing goes"),
        pytest.param(versions("a", "b", "keep-1", "keep-2"), "1/2", None, id="exactly the share may go"),
        pytest.param(
            versions("a", "b", "c", "keep-1", "keep-2"),
            "1/2",
            "would lose 3 of its 5 versions, more than limits.share 50%",
            id="one more may not",
        ),
        pytest.param(versions("a", "b"), "1", None, id="a share of all lets all go"),
        pytest.param(
            versions("a", "keep-1", "keep-2", "keep-3"),
            "1/5",
            "would lose 1 of its 4 versions, more than limits.share 20%",
            id="a fraction of a version is no version",
        ),
        pytest.param(
            [*family("a", 3), *versions("keep-1")],
            "1/2",
            "would lose 4 of its 5 manifests, more than limits.share 50%",
            id="of manifests too, where versions are within it",
        ),
        pytest.param(
            [*family("keep-1", 9), *versions("a", "b")],
            "1/2",
            "would lose 2 of its 3 versions, more than limits.share 50%",
            id="of versions too, where manifests are within it",
        ),
        pytest.param([*family("a", 1), *family("keep-1", 1)], "1/2", None, id="exactly the share of both"),
    ],
)
def test_a_repository_loses_no_more_than_its_share(entries: list[Entry], share: str, words: str | None) -> None:
    """Of its versions and of its manifests, each counted by itself; what is kept begins with `keep`."""
    judgement = place("shop/api", keeping("keep-*"), *entries).judgement
    assert over_share(judgement, Limits(share=Fraction(share))) == words


@pytest.mark.parametrize(
    ("entries", "approved", "words"),
    [
        pytest.param(
            versions("a", "b", "c"), [], "would lose 3 of its 6 versions, more than limits.share 25%", id="nothing"
        ),
        pytest.param(
            versions("a", "b", "c"),
            ["a"],
            "would lose 2 of its 6 versions, more than limits.share 25%",
            id="too little",
        ),
        pytest.param(versions("a", "b", "c"), ["a", "b"], None, id="all but the share"),
        pytest.param(versions("a", "b", "c"), ["a", "b", "c", "keep-1", "gone"], None, id="all, and what does not go"),
        pytest.param(
            family("a", 2),
            ["a 0", "a 1"],
            "would lose 3 of its 6 manifests, more than limits.share 25%",
            id="children by themselves",
        ),
        pytest.param(family("a", 2), ["a", "a 0"], None, id="an index and a child"),
    ],
)
def test_what_was_approved_does_not_count_in_the_share(
    entries: list[Entry], approved: list[str], words: str | None
) -> None:
    """The rest is measured against the whole repository; a child that is approved waits for its index all the same."""
    judgement = place("shop/api", keeping("keep-*"), *entries, *versions("keep-1", "keep-2", "keep-3")).judgement
    assert over_share(judgement, Limits(share=Fraction(1, 4)), frozenset(map(digest_of, approved))) == words


def queue(units: str, *caps: str) -> Queue:
    """Units such as `9a 3bcd`: one of `a`, nine days old, then one of three manifests; `*` marks an orphan."""
    return Queue(tuple(unit(text) for text in units.split()), caps or ("registry",))


def unit(text: str) -> Unit:
    members = tuple(Digest(letter) for letter in text.lstrip("*0123456789"))
    days = timedelta(days=int(text.strip("*abcdefghijkl")))
    return Unit((text.startswith("*"), NOW - days, members[0]), members)


@pytest.mark.parametrize(
    ("queues", "caps", "going"),
    [
        pytest.param({}, {"registry": 1}, {}, id="no repositories"),
        pytest.param({"x": queue("")}, {"registry": 1}, {"x": ""}, id="nothing condemned"),
        pytest.param({"x": queue("9a 8bc")}, {"registry": 3}, {"x": "a bc"}, id="exactly the cap goes"),
        pytest.param({"x": queue("9a 8bc")}, {"registry": 2}, {"x": "a"}, id="one more waits"),
        pytest.param({"x": queue("9abc 8d")}, {"registry": 2}, {"x": "abc"}, id="the first may exceed the cap alone"),
        pytest.param(
            {"x": queue("9a 8bc 7d"), "y": queue("6e")},
            {"registry": 2},
            {"x": "a", "y": ""},
            id="nothing younger slips past what does not fit",
        ),
        pytest.param(
            {"x": queue("9a 5b"), "y": queue("8c 7d")},
            {"registry": 3},
            {"x": "a", "y": "c d"},
            id="the oldest of all repositories first",
        ),
        pytest.param(
            {"x": queue("*9a"), "y": queue("1b")}, {"registry": 1}, {"x": "", "y": "b"}, id="versions before orphans"
        ),
        pytest.param(
            {"x": queue("9ab 8c", "own", "registry"), "y": queue("7d 6e")},
            {"own": 2, "registry": 3},
            {"x": "ab", "y": "d"},
            id="what waits for one cap uses none of another",
        ),
        pytest.param(
            {"x": queue("9a", "registry"), "y": queue("8bc", "own", "registry"), "z": queue("7d 6e")},
            {"own": 1, "registry": 2},
            {"x": "a", "y": "", "z": ""},
            id="the first of one cap may not exceed another",
        ),
        pytest.param(
            {"x": queue("9a 8b", "own", "registry"), "y": queue("7c 6d")},
            {"own": 1, "registry": 9},
            {"x": "a", "y": "c d"},
            id="a closed cap leaves the others open",
        ),
        pytest.param(
            {"x": Queue(queue("9abc 8d").units, ()), "y": queue("7e 6f")},
            {"registry": 1},
            {"x": "abc d", "y": "e"},
            id="what counts in no cap goes whole and uses none",
        ),
    ],
)
def test_the_oldest_go_first_until_a_cap_is_full(
    queues: Mapping[str, Queue], caps: Mapping[str, int], going: Mapping[str, str]
) -> None:
    """Of each repository a first part of its units goes, none of them in part."""
    granted = within_caps(queues, caps, {})
    assert named(granted) == going


@pytest.mark.parametrize(
    ("used", "going"),
    [
        pytest.param({}, {"x": "a b", "y": "c"}, id="nothing is used"),
        pytest.param({"registry": 2}, {"x": "a", "y": ""}, id="some of it is"),
        pytest.param({"registry": 3}, {"x": "", "y": ""}, id="all of it is"),
        pytest.param({"registry": 7}, {"x": "", "y": ""}, id="more than all of it: no first one may exceed it then"),
        pytest.param({"own": 9}, {"x": "", "y": "c"}, id="another cap's is"),
    ],
)
def test_what_earlier_tries_of_the_run_deleted_counts(used: Mapping[str, int], going: Mapping[str, str]) -> None:
    """Else each try would have the cap anew."""
    queues = {"x": queue("9a 8b", "own", "registry"), "y": queue("7c")}
    assert named(within_caps(queues, {"own": 9, "registry": 3}, used)) == going


def named(granted: Mapping[str, Iterable[Unit]]) -> dict[str, str]:
    """The manifests of each unit, by repository."""
    return {name: " ".join("".join(each.manifests) for each in units) for name, units in granted.items()}
