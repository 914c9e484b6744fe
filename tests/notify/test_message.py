"""What people are told of a run: each thing once, what matters most first, in bounded and harmless plain text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.model.manifest import Blob, Manifest
from cleaner.model.plan import Deletion, Freed, HeldBack, HoldReason, Mode, Plan, Waiting
from cleaner.model.report import DeletedManifest, FailedDeletion, Report
from cleaner.model.run import STOPPED
from cleaner.notify.message import LIMIT, Message, News, message
from cleaner.retention.policy import Policy
from tests.planning.builders import keeping
from tests.retention.builders import NOW, attachment_tag, digest_of

DAY = timedelta(days=1)
ENFORCED, PLANNED = replace(keeping(), notice=DAY), replace(keeping(mode=Mode.PLAN), notice=DAY)
QUIET = Report("acme", None, 0, (), (), (), (), None, None, ())
SHARE = HeldBack("shop/web", HoldReason.SHARE, "would lose 30 of its 40 versions", 30)
PIECES = [Blob(digest_of("base"), 2048), Blob(digest_of("top"), 1024)]


def waits(*tags: str, repository: str = "shop/web", goes_in: timedelta = DAY, mode: Mode = Mode.ENFORCE) -> Waiting:
    """A condemned manifest that waits for its notice; by default this run was the first to condemn it."""
    manifest = Manifest(repository, digest_of(repository + "".join(tags)), NOW, tags)
    return Waiting(Deletion(manifest, mode, ()), HoldReason.NOTICE, NOW + goes_in)


def goes(name: str, *blobs: Blob) -> Deletion:
    """A deletion of shop/web whose manifest refers to these blobs; it is not known to which where none are given."""
    return Deletion(Manifest("shop/web", digest_of(name), NOW, (name,), blobs or None), Mode.ENFORCE, ())


def plan(*waiting: Waiting, deletions: tuple[Deletion, ...] = (), held_back: tuple[HeldBack, ...] = ()) -> Plan:
    return Plan("acme", 100, 90, deletions, held_back, None, (), (), waiting)


def gone(*names: str, repository: str = "shop/web") -> tuple[DeletedManifest, ...]:
    return tuple(DeletedManifest(repository, digest_of(name)) for name in names)


def failed(*names: str, error: str = "the provider answered 500") -> tuple[FailedDeletion, ...]:
    return tuple(FailedDeletion("shop/web", digest_of(name), error) for name in names)


def told(plan: Plan | None = None, report: Report | None = None, policy: Policy = ENFORCED) -> Message | None:
    """The message of a run that began now, under this policy for every repository."""
    return message(News("acme", (policy,), ZoneInfo("Europe/Berlin"), NOW, plan, report))


def body(plan: Plan | None = None, report: Report | None = None) -> list[str]:
    """The lines of its body."""
    said = told(plan, report)
    assert said is not None
    return said.body.split("\n")


CAP = HeldBack("shop/web", HoldReason.CAP, "the rest waits for the next run", 5)


@pytest.mark.parametrize(
    ("plan", "report", "policy"),
    [
        (None, None, ENFORCED),
        (plan(), QUIET, ENFORCED),
        (plan(deletions=(goes("v1"),)), None, ENFORCED),
        (plan(waits("v1", goes_in=DAY - timedelta(seconds=1))), QUIET, ENFORCED),
        (plan(waits("v1", mode=Mode.PLAN)), QUIET, PLANNED),
        (plan(replace(waits("v1"), reason=HoldReason.CAP, goes_at=None)), QUIET, ENFORCED),
        (plan(waits("v1")), QUIET, replace(ENFORCED, repositories=())),
        (None, replace(QUIET, held_back=(SHARE,)), PLANNED),
        (None, replace(QUIET, held_back=(SHARE,)), replace(ENFORCED, repositories=())),
        (None, replace(QUIET, held_back=(CAP, replace(CAP, repository=None, reason=HoldReason.SOURCE))), ENFORCED),
        (None, replace(QUIET, error="stopped; the next run goes on from here", exit_code=STOPPED), ENFORCED),
        (None, replace(QUIET, warnings=("something",)), ENFORCED),
    ],
    ids=[
        "nothing ran",
        "nothing came of it",
        "planned, and no run",
        "announced by an earlier run",
        "a policy in mode plan",
        "waits for the next run",
        "under no policy any more",
        "a share in mode plan",
        "a share under no policy any more",
        "held back by a cap and by a source",
        "stopped",
        "a warning",
    ],
)
def test_an_ordinary_run_tells_nobody(plan: Plan | None, report: Report | None, policy: Policy) -> None:
    """There is a message only where a person would want to know."""
    assert told(plan, report, policy) is None


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            replace(QUIET, error="the list of repositories could not be read", exit_code=1),
            Message("acme: the run failed", "The run ended early: the list of repositories could not be read"),
        ),
        (
            replace(QUIET, failed=failed("a", "b", error="500")),
            Message(
                "acme: 2 not deleted",
                f"Could not be deleted:\n- shop/web: 2 manifests, the first {digest_of('a')[:19]}: 500",
            ),
        ),
        (
            replace(QUIET, held_back=(SHARE, CAP)),
            Message(
                "acme: 1 repository held back",
                "Held back, for more would go than limits.share allows:\n"
                "- shop/web: 30 manifests; `cleaner approve shop/web` lets them go: would lose 30 of its 40 versions",
            ),
        ),
        (
            replace(QUIET, restored=gone("a") + gone("b", "c", repository="api")),
            Message(
                "acme: 3 brought back",
                "Brought back, for it was needed again before a garbage collection took it:\n"
                "- shop/web: 1 manifest\n- api: 2 manifests",
            ),
        ),
        (
            replace(QUIET, deleted=gone("a"), predicted=Freed(3 * 1024**3, 7, unsized=1)),
            Message("acme: 1 deleted", "Deleted (a garbage collection frees at least 3 GiB):\n- shop/web: 1 manifest"),
        ),
    ],
    ids=["failed", "not deleted", "held back", "brought back", "deleted"],
)
def test_what_a_run_came_to_is_told(report: Report, said: Message) -> None:
    """Repository by repository, in the order of the run."""
    assert told(None, report) == said


def test_a_plan_without_a_run_tells_what_it_holds_back() -> None:
    """Where a run reports, its report speaks: it knows more."""
    held_back = plan(held_back=(SHARE,))
    assert told(held_back) == told(None, replace(QUIET, held_back=(SHARE,)))
    assert told(held_back, QUIET) is None


def test_an_announcement_says_what_goes_and_when_the_first_does() -> None:
    """By version tags, in the registry's time zone; what goes on without a tag is counted."""
    waiting = [waits("v2", "next", attachment_tag("v0"), goes_in=2 * DAY), waits("v1"), waits(goes_in=3 * DAY)]
    assert told(plan(*waiting, waits(repository="api"))) == Message(
        "acme: 4 announced",
        "Announced, to go when the notice has run out and nothing keeps it by then (times in Europe/Berlin):\n"
        "- shop/web: 3 manifests, the first goes at 2026-11-25 13:00: v2, next, v1\n"
        "- api: 1 manifest, the first goes at 2026-11-25 13:00",
    )


def test_only_news_is_announced() -> None:
    """What an earlier run announced is not told again beside what is new."""
    (_, line) = body(plan(waits("old", goes_in=DAY / 2), waits("new")))
    assert line == "- shop/web: 1 manifest, the first goes at 2026-11-25 13:00: new"


def test_of_many_tags_ten_are_named() -> None:
    """The others are counted."""
    (_, line) = body(plan(*[waits(f"v{number}") for number in range(1200)]))
    assert line.endswith("13:00: v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, and 1,190 more")


@pytest.mark.parametrize(("count", "last"), [(20, "- r19: 1 manifest"), (21, "- and 1 more"), (32, "- and 12 more")])
def test_of_many_repositories_twenty_are_named(count: int, last: str) -> None:
    """The others are counted."""
    deleted = [gone("v1", repository=f"r{number}")[0] for number in range(count)]
    said = body(None, replace(QUIET, deleted=tuple(deleted)))
    assert (len(said), said[-1]) == (min(count, 21) + 1, last)


@pytest.mark.parametrize(
    ("deletions", "said"),
    [
        ((goes("a", *PIECES), goes("b", PIECES[0])), "2 manifests of 3 KiB"),
        ((goes("a", *PIECES), goes("b")), "2 manifests"),
        ((goes("a", *PIECES), goes("b", Blob(digest_of("unstated"), None))), "2 manifests"),
        ((goes("a", *PIECES),), "2 manifests"),
    ],
    ids=["stated", "blobs not stated", "a size not stated", "not planned"],
)
def test_what_was_deleted_is_told_with_its_bytes(deletions: tuple[Deletion, ...], said: str) -> None:
    """Each blob once; nothing of bytes where the listing left one out."""
    assert body(plan(deletions=deletions), replace(QUIET, deleted=gone("a", "b")))[-1] == f"- shop/web: {said}"


def test_what_matters_most_comes_first() -> None:
    """What failed and what waits for a person stands above what was done: services cut what is long at its end."""
    report = replace(
        QUIET,
        error="a deletion failed",
        exit_code=1,
        failed=failed("a"),
        held_back=(SHARE,),
        restored=gone("b"),
        deleted=gone("c", "d"),
    )
    said = told(plan(waits("v1")), report)
    assert said is not None
    assert said.title == (
        "acme: the run failed, 1 not deleted, 1 repository held back, 1 announced, 1 brought back, 2 deleted"
    )
    sections = [section.split()[0] for section in said.body.split("\n\n")]
    assert sections == ["The", "Could", "Held", "Announced,", "Brought", "Deleted:"]


def test_a_stopped_run_still_tells_what_it_deleted() -> None:
    """That it was stopped is no trouble: the next one goes on."""
    said = told(None, replace(QUIET, error="stopped", exit_code=STOPPED, deleted=gone("a")))
    assert said == Message("acme: 1 deleted", "Deleted:\n- shop/web: 1 manifest")


def test_what_is_too_long_ends_after_a_whole_line() -> None:
    """The cut shows, and what was first said stays."""
    report = replace(
        QUIET, failed=tuple(replace(each, repository=each.digest) for each in failed(*map(str, range(20))))
    )
    whole = body(None, report)
    many = body(None, replace(report, deleted=tuple(gone("v", repository=f"r{n}" + "x" * 200)[0] for n in range(20))))
    assert many[: len(whole)] == whole
    assert many[-1] == "…"
    assert many[-2].endswith("x: 1 manifest")


def test_hostile_names_are_made_harmless() -> None:
    """What a terminal or a chat might obey is shown escaped, and a command is quoted as a shell wants it."""
    held_back = replace(SHARE, repository="a; rm -rf\n*", detail="\x1b[2J")
    report = replace(QUIET, held_back=(held_back,), failed=failed("a", error="two\nlines"))
    said = told(plan(waits("\u202ev1")), report)
    assert said is not None
    assert r"`cleaner approve 'a; rm -rf\n*'` lets them go: \x1b[2J" in said.body
    assert r": two\nlines" in said.body
    assert r": \u202ev1" in said.body


@given(st.text(max_size=2000), st.lists(st.text(max_size=500), max_size=40), st.text(max_size=9000))
def test_a_message_is_bounded_whatever_the_names(registry: str, names: list[str], error: str) -> None:
    """One printable line of title, and a body of printable lines that is no longer than its limit."""
    report = replace(
        QUIET,
        error=error,
        exit_code=1,
        failed=tuple(FailedDeletion(name, digest_of("a"), error) for name in names),
        held_back=tuple(HeldBack(name, HoldReason.SHARE, error, 1) for name in names),
        deleted=tuple(DeletedManifest(name, digest_of("a")) for name in names),
    )
    announced = plan(*[waits(name, name + "x", repository=name) for name in names])
    said = message(News(registry, (ENFORCED,), ZoneInfo("UTC"), NOW, announced, report))
    if said is None:
        assert (names, error) == ([], "")
        return
    assert len(said.title) <= 600
    assert len(said.body) <= LIMIT
    assert all(line.isprintable() for line in [said.title, *said.body.split("\n")])
