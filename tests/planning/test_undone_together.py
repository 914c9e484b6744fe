"""What comes back together by an undo: all that we deleted below what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cleaner.model.manifest import Digest
from cleaner.planning.needs import rests_on, with_all_below
from tests.planning.test_needs import lost
from tests.retention.builders import Entry, attachment_tag, digest_of, manifest

AMD, ARM = manifest(name="amd"), manifest(name="arm")
INNER = manifest(name="inner", children=["amd"])
OUTER = manifest("v1", name="outer", children=["inner", "arm"])
BILL = manifest(name="bill", subject="amd")
SIGNATURE = manifest(attachment_tag("bill", ".sig"), name="signature")
FAMILY = (AMD, ARM, INNER, OUTER, BILL, SIGNATURE)


def together(chosen: Sequence[Entry], gone: Sequence[Entry] = FAMILY) -> set[str]:
    """The names of all that comes back with the chosen."""
    contents = {entry.manifest.digest: entry.content for entry in gone}
    names = {entry.manifest.digest: entry.name for entry in gone}
    found = with_all_below([lost(entry) for entry in chosen], [lost(entry) for entry in gone], contents)
    digests = [each.digest for each in found]
    assert digests == sorted(set(digests))
    return {names[digest] for digest in digests}


def test_an_index_brings_all_below_it() -> None:
    """Children at any depth, what is attached to any of them, and what is attached to that."""
    assert together([OUTER]) == {entry.name for entry in FAMILY}
    assert together([INNER]) == {"inner", "amd", "bill", "signature"}


def test_nothing_above_comes_along() -> None:
    """Who asks for a child or a signature gets no index and no subject."""
    assert together([AMD]) == {"amd", "bill", "signature"}
    assert together([SIGNATURE]) == {"signature"}
    assert together([]) == set()


def test_what_is_not_gone_stays_out_of_it() -> None:
    """A child that is still there needs no return; one that is asked for and is back already, neither."""
    assert together([OUTER], [OUTER, INNER, ARM]) == {"outer", "inner", "arm"}
    assert together([AMD, ARM], [ARM]) == {"arm"}


def test_what_is_chosen_comes_back_as_it_was_chosen() -> None:
    """By an earlier deletion than its last; what is below it as it was last, and each of them once."""
    first, last = lost(OUTER, ago=timedelta(days=2), number=1), lost(OUTER, ago=timedelta(days=1), number=7)
    arm_first, arm_last = lost(ARM, ago=timedelta(days=2), number=2), lost(ARM, ago=timedelta(days=1), number=8)
    contents = {OUTER.manifest.digest: OUTER.content}
    everything = [first, last, arm_first, arm_last]
    assert set(with_all_below([first], everything, contents)) == {first, arm_last}


def test_a_long_chain_has_an_end() -> None:
    """Ten thousand manifests, each attached to the one before: a moment, not minutes."""
    chain = [manifest(name="0"), *(manifest(name=str(n), subject=str(n - 1)) for n in range(1, 10_000))]
    assert len(together(chain[:1], chain)) == 10_000


def test_what_something_rests_on() -> None:
    """An index on its children, an attachment on its subjects, by content or tag; an image on nothing."""
    contents = {entry.manifest.digest: entry.content for entry in FAMILY}

    def named(*names: str) -> set[Digest]:
        return {digest_of(name) for name in names}

    assert rests_on(lost(OUTER), contents) == named("inner", "arm")
    assert rests_on(lost(BILL), contents) == named("amd")
    assert rests_on(lost(SIGNATURE), contents) == named("bill")
    assert rests_on(lost(AMD), contents) == set()
    assert rests_on(lost(OUTER), {}) == named("inner", "arm")
