"""The status page: every fact in its place, in words, in bounded length, and harmless whatever the registry holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.cleaning.orders import Mandate
from cleaner.daemon.board import Known
from cleaner.daemon.figures import SENTENCE, moment, shown
from cleaner.daemon.meter import storage_view
from cleaner.daemon.page import Page, page, render
from cleaner.daemon.past import Past, read
from cleaner.figures import size
from cleaner.model.collection import Collection
from cleaner.model.event import (
    CollectionStarted,
    ConfigurationReloaded,
    Planned,
    RegistryWatched,
    RunBegan,
    RunNotBegun,
    StorageSeen,
    Warned,
)
from cleaner.model.registry import Storage
from cleaner.model.run import RunKind
from tests.daemon.boards import (
    BACKWARDS,
    DAY,
    ENDLESS,
    GIB,
    MALICE,
    SCRIPT,
    Scene,
    alarming,
    hostile,
    live,
    plan_of_malice,
    scene,
)
from tests.house import START

HOUR = timedelta(hours=1)
VOID = {"meta", "link"}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """A board over a house, of a daemon that has just started."""
    with scene(tmp_path) as fresh:
        yield fresh


def page_of(at: Scene) -> Page:
    """What the page says now."""
    facts = at.board.registries()
    return page(facts, read(at.history, [one.name for one in facts]), at.board.reloaded, at.house.now())


class Reader(HTMLParser):
    """Reads a page as a browser does: its tags, its attributes, and the text that people see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def attributes(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [value or "" for _, attributes in self.tags for key, value in attributes.items() if key == name]


def read_page(at: Scene) -> Reader:
    return Reader(render(page_of(at)))


def test_a_page_of_nothing_says_so(at: Scene) -> None:
    """Before anything is known each place says that it is empty, and nothing needs attention."""
    text = read_page(at).text
    for words in (
        "not seen yet",
        "none yet",
        "not scheduled",
        "not looked yet",
        "Not worked out yet.",
        "No run is known",
    ):
        assert words in text
    assert "2 registries, nothing needs attention" in text


def test_a_page_of_a_working_life_says_it_all(at: Scene) -> None:
    """Storage, the last run, the next one, the history, and what would go with its reasons."""
    live(at, days=5)
    text = " ".join(read_page(at).text.split())
    for words in (
        "108% of the plan",
        "108 GiB used by the account, 100 GiB included",
        "$0.16 a month of overage",
        "Some held back",
        "9 manifests deleted",
        "in 11 h",
        "none active",
        "The last 5 runs",
        "legacy/report 1 manifest, 0.977 KiB",
        "preview/web reported only 9 to go",
        "rule 2 keeps the 3 newest",
    ):
        assert words in text


@pytest.mark.parametrize("days", [0, 2])
def test_malice_is_harmless(at: Scene, days: int) -> None:
    """The page is well formed with any names, holds no tag that is not its own, and shows the names as text."""
    live(at, days=days)
    for event in (*hostile(), *alarming(at)):
        at.board.hear(event)
    found = read_page(at)
    assert found.open == []
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "iframe", "object", "form", "base"})
    assert [name for _, attributes in found.tags for name in attributes if name.startswith("on")] == []
    assert found.attributes("style") == []
    assert SCRIPT in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert BACKWARDS not in found.text
    assert "\x1b" not in found.text
    assert ENDLESS[: SENTENCE + 1] not in found.text


def test_nothing_comes_from_elsewhere(at: Scene) -> None:
    """Every link leads to this host, and every picture is in the page."""
    for link in read_page(at).attributes("href"):
        assert link.startswith(("#", "?", "/", "data:"))
        assert not link.startswith("//")


def test_no_digest_is_longer_than_its_short_form(at: Scene) -> None:
    """Attachment tags and messages included; the whole one is where a pointer rests."""
    live(at, days=1)
    for event in (*hostile(), *alarming(at)):
        at.board.hear(event)
    whole = at.board.registries()[0].plan
    assert whole is not None
    at.board.hear(Warned("acme", f"{whole.value.deletions[0].manifest.digest} is odd"))
    found = read_page(at)
    assert re.findall(r"[0-9a-f]{13,}", found.text) == []
    assert whole.value.deletions[0].manifest.digest in found.attributes("title")


def test_what_is_too_much_is_counted(at: Scene) -> None:
    """The first ten manifests of a repository, and how many more there are."""
    for event in hostile():
        at.board.hear(event)
    found = read_page(at)
    assert "… and 312 more" in found.text
    plan = page_of(at).registries[1].plan
    assert plan is not None
    assert [len(repository.manifests) for repository in plan.repositories] == [1] * len(MALICE) + [10]
    assert (plan.going, plan.held_back) == (330, 24)


def test_many_repositories_are_cut_and_counted(at: Scene) -> None:
    """The first twenty."""
    plan = plan_of_malice()
    names = [f"repository-{number}" for number in range(25)]
    deletions = tuple(
        replace(plan.deletions[0], manifest=replace(plan.deletions[0].manifest, repository=name)) for name in names
    )
    at.board.hear(Planned(replace(plan, deletions=deletions), START))
    text = read_page(at).text
    assert "repository-19" in text
    assert "repository-20" not in text
    assert "… and 5 more repositories" in text


@pytest.mark.parametrize(
    ("age", "overdue"), [(HOUR, False), (2 * HOUR - timedelta(seconds=1), False), (3 * HOUR, True), (30 * DAY, True)]
)
def test_a_collection_that_takes_too_long_needs_attention(at: Scene, age: timedelta, *, overdue: bool) -> None:
    """Longer than `garbage_collection.timeout` (law 12); any that is active is shown with its status and age."""
    stuck = Collection("c-1", "waiting for delete requests", created_at=at.house.now() - age)
    at.board.hear(RegistryWatched("acme", stuck))
    text = read_page(at).text
    assert "waiting for delete requests" in text
    assert "read-only" in text
    assert ("longer than garbage_collection.timeout (2 h)" in text) is overdue
    assert ("1 of 2 registries needs attention" in text) is overdue


@pytest.mark.parametrize(
    ("storage", "words", "attention"),
    [
        (Storage(GIB, 50 * GIB, 100 * GIB, 2), "50% of the plan", False),
        (Storage(GIB, GIB, 300 * GIB, 2), "0.3% of the plan", False),
        (Storage(GIB, 95 * GIB, 100 * GIB, 2), "95% of the plan", False),
        (Storage(GIB, 150 * GIB, 100 * GIB, 2), "$1.00 a month of overage", True),
        (Storage(GIB, 150 * GIB, 100 * GIB, None), "overage cost unknown", True),
        (Storage(GIB, GIB, 0, 2), "1 GiB used", False),
        (Storage(GIB, None, None, None), "what is included is not stated", False),
        (Storage(None, None, None, None), "not stated", False),
    ],
)
def test_storage_is_told_as_far_as_it_is_known(at: Scene, storage: Storage, words: str, *, attention: bool) -> None:
    """Beyond the plan it costs money, and needs attention."""
    at.board.hear(StorageSeen("acme", storage))
    text = read_page(at).text
    assert words in text
    assert ("needs attention" in text and "nothing needs attention" not in text) is attention


@given(
    used=st.none() | st.integers(0, 2**50),
    account=st.none() | st.integers(0, 2**50),
    included=st.none() | st.integers(0, 2**50),
)
def test_the_storage_bar_is_never_longer_than_itself(
    used: int | None, account: int | None, included: int | None
) -> None:
    """Whatever the provider says, and however its numbers contradict each other."""
    storage = storage_view(Known(Storage(used, account, included, 2), START), START, UTC)
    assert (storage.bar is None) is (not included or account is None)
    if storage.bar is not None:
        assert storage.bar.own + storage.bar.others <= 100.02
        assert 0 <= storage.bar.limit <= 100


def _refuse_deletions(request: httpx.Request) -> httpx.Response | None:
    return httpx.Response(403, json={"id": "forbidden"}) if request.method == "DELETE" else None


def test_a_run_under_way_is_told_with_its_stage(at: Scene) -> None:
    """What it does now, and since when."""
    at.board.hear(RunBegan("acme", "run-1", RunKind.CLEAN))
    at.board.hear(CollectionStarted("acme", Collection("c-1", "requested"), adopted=False))
    assert "Cleaning: collecting, since" in " ".join(read_page(at).text.split())


def test_a_failed_run_needs_attention(at: Scene) -> None:
    """With the error that ended it."""
    live(at, days=4)
    at.board.hear(StorageSeen("acme", Storage(1, 1, 100, 2)))
    text = read_page(at).text
    assert "The last run failed:" in text
    assert "HTTP 500" in text


def test_what_failed_is_told(at: Scene) -> None:
    """The first deletions that failed, with their errors."""
    live(at, days=1)
    facts = at.board.registries()[0]
    assert facts.plan is not None
    with at.house.application() as application:
        at.house.network.before = _refuse_deletions
        at.house.run(application.clean(at.house.registry, Mandate(), at.board.hear))
    text = read_page(at).text
    assert "A deletion in api failed:" in text or "A deletion in shop/web failed:" in text


def test_a_reload_that_failed_stands_at_the_top(at: Scene) -> None:
    """Each of its problems on a line of its own."""
    at.board.hear(ConfigurationReloaded("config.yaml:3:5: odd\nconfig.yaml:4:1: odder"))
    assert [words for words in page_of(at).notices if "config.yaml" in words] == [
        "config.yaml:3:5: odd",
        "config.yaml:4:1: odder",
    ]
    assert page_of(at).troubled
    assert page_of(at).summary == "the daemon needs attention"


def test_a_run_that_could_not_begin_needs_attention_until_one_can(at: Scene) -> None:
    """It has no line in the history; nor may it hide among the warnings."""
    at.board.hear(RunNotBegun("acme", RunKind.CLEAN, "the disk is full"))
    page = page_of(at)
    assert page.summary == "1 of 2 registries needs attention"
    assert page.registries[0].troubles == ("A run could not begin: the disk is full",)
    at.board.hear(RunBegan("acme", "run-1", RunKind.CLEAN))
    assert page_of(at).registries[0].troubles == ()


def test_a_forecast_says_for_when_it_is(at: Scene) -> None:
    """Ages are those of that moment too, as the reasons have them."""
    at.board.hear(Planned(plan_of_malice(), START + timedelta(days=37)))
    hostile = next(one for one in page_of(at).registries if one.plan is not None)
    assert hostile.plan is not None
    assert hostile.plan.as_of is not None
    assert "in 36 d" in hostile.plan.as_of.distance
    assert "As it will be" in read_page(at).text


def test_a_plan_from_before_the_last_run_says_so(at: Scene) -> None:
    """What it names may be gone by now."""
    live(at, days=1)
    assert "before the last run ended" not in read_page(at).text
    with at.house.application() as application:
        at.house.run(application.clean(at.house.registry, Mandate(), at.board.hear))
    assert "before the last run ended" in read_page(at).text


def test_the_page_refreshes_unless_it_is_told_not_to(at: Scene) -> None:
    """Who reads slowly can keep it still."""
    shown_now = page_of(at)
    assert 'http-equiv="refresh" content="60"' in render(shown_now)
    assert "http-equiv" not in render(replace(shown_now, refreshes=False))


def test_it_can_be_read_without_seeing_it(at: Scene) -> None:
    """One first heading, every picture named or left out, every table captioned, every time machine-readable."""
    live(at, days=2)
    found = read_page(at)
    tags = [tag for tag, _ in found.tags]
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption") > 0
    for tag, attributes in found.tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
        if tag == "time":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", attributes["datetime"] or "")
        if tag == "html":
            assert attributes["lang"] == "en"
    names = found.attributes("id")
    assert len(names) == len(set(names))
    assert set(found.attributes("aria-labelledby")) <= set(names)


STYLE = (files("cleaner.daemon") / "templates" / "style.css").read_text(encoding="utf-8")
SCHEMES = [
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in STYLE.split("@media (prefers-color-scheme")
]
READABLE = [
    ("ink", "ground"), ("ink", "sheet"), ("ink", "sunk"),
    ("soft", "ground"), ("soft", "sheet"),
    ("accent", "ground"), ("accent", "sheet"), ("accent", "accent-sheet"),
    ("good", "sheet"), ("warn", "sheet"), ("warn", "warn-sheet"), ("bad", "sheet"), ("bad", "bad-sheet"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), READABLE)
def test_every_text_stands_out_from_its_paper(scheme: dict[str, str], ink: str, paper: str) -> None:
    """By day and by night, at least 4.5 to 1 (WCAG 2.2, level AA)."""
    bright, dark = sorted((luminance(scheme[ink]), luminance(scheme[paper])), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """The relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "unknown"), (0, "0 B"), (999, "999 B"), (2048, "2 KiB"), (5 * GIB, "5 GiB"), (2**60, "1,024 PiB")],
)
def test_sizes_in_three_digits(count: int | None, words: str) -> None:
    """In the unit that suits them."""
    assert size(count) == words


@pytest.mark.parametrize(
    ("away", "words"),
    [(timedelta(0), "just now"), (timedelta(minutes=-5), "5 min ago"), (3 * HOUR, "in 3 h"), (-40 * DAY, "40 d ago")],
)
def test_moments_are_told_from_now(away: timedelta, words: str) -> None:
    """And when they are, on the registry's clock."""
    assert moment(START + away, START, UTC).distance == words


@given(st.text(max_size=3000))
def test_what_is_shown_is_printable_and_short(text: str) -> None:
    """Whatever comes in."""
    out = shown(text)
    assert len(out) <= SENTENCE
    assert out.isprintable()


def test_an_unknown_past_is_no_error() -> None:
    """A page of no registries at all is a page."""
    assert "the state is gone" in render(page((), Past(error="the state is gone"), None, START))
