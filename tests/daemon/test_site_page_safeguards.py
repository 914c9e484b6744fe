"""What guards against a loss, as the status page and its JSON tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cleaner.daemon.documents import registry_document
from cleaner.daemon.page import RegistryView, page, render
from cleaner.daemon.past import Past
from cleaner.model.audit import Finding
from cleaner.model.collection import Collection
from cleaner.model.event import CollectionStarted, Planned
from cleaner.model.plan import HeldBack, HoldReason, Waiting
from cleaner.model.safeguard import Audited, CollectionWithheld, SourceFailed, SourceRead
from tests.daemon.boards import DAY, Scene, condemned, plan_of_malice, scene
from tests.daemon.events import FINDINGS
from tests.house import START

WITHHELD = CollectionWithheld("acme", "no garbage collection of acme is started: shop/web:v1 is needed")
COUNTS = {"broken_tag": 1, "dangling_attachment": 0, "missing_image": 2}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """A board over a house, of a daemon that has just started."""
    with scene(tmp_path) as fresh:
        yield fresh


def view(at: Scene) -> RegistryView:
    """What the page says of the first registry."""
    return page(at.board.registries(), Past(), None, at.house.now()).registries[0]


def text(at: Scene) -> str:
    """The page itself."""
    return render(page(at.board.registries(), Past(), None, at.house.now()))


def document(at: Scene) -> dict[str, Any]:
    """The first registry as JSON."""
    return registry_document(at.board.registries()[0], Past(), at.house.now())


def source(at: Scene) -> str:
    """The name of the only in-use source."""
    (only,) = at.settings[0].in_use
    return only.place.name


def test_before_the_first_look_nothing_is_known_of_it(at: Scene) -> None:
    """The source is there, unread; no audit, no alarm."""
    uses = view(at).uses
    assert uses is not None
    assert (uses.headline, uses.troubled, view(at).audit, view(at).troubles) == ("not looked yet", False, None, ())
    assert document(at)["in_use"] == [{"source": source(at), "images": None, "read_at": None, "failure": None}]
    assert (document(at)["audit"], document(at)["collection_withheld"]) == (None, None)


def test_what_is_in_use_is_told_by_source(at: Scene) -> None:
    """How many images it named, and when; a source that is no longer configured is told no more."""
    at.board.hear(SourceRead("acme", source(at), 148))
    at.board.hear(SourceRead("acme", "file elsewhere", 1000))
    uses = view(at).uses
    assert uses is not None
    assert (uses.headline, [each.images for each in uses.sources]) == ("148 images", ["148 images"])
    assert "148 images, read" in text(at)
    assert "elsewhere" not in text(at)


def test_a_source_that_cannot_be_read_needs_attention(at: Scene) -> None:
    """What it named before stands there still, with why it names nothing now."""
    at.board.hear(SourceRead("acme", source(at), 148))
    at.board.hear(SourceFailed("acme", source(at), "line 3 is no image"))
    (trouble,) = view(at).troubles
    assert "nothing is deleted that it could have vetoed: line 3 is no image" in trouble
    uses = view(at).uses
    assert uses is not None
    assert (uses.headline, uses.troubled) == ("unreadable", True)
    assert uses.sources[0].images == "148 images"
    (told,) = document(at)["in_use"]
    assert (told["images"], told["failure"]["text"]) == (148, "line 3 is no image")


def test_a_withheld_collection_stands_before_all_other_troubles(at: Scene) -> None:
    """Until a collection of ours starts: somebody should push what is missing now."""
    at.board.hear(SourceFailed("acme", source(at), "gone"))
    at.board.hear(WITHHELD)
    assert view(at).troubles[0] == f"Needed and not brought back: {WITHHELD.detail}"
    assert document(at)["collection_withheld"]["text"] == WITHHELD.detail
    at.board.hear(CollectionStarted("acme", Collection("c-1", "requested"), adopted=False))
    assert len(view(at).troubles) == 1
    assert document(at)["collection_withheld"] is None


@pytest.mark.parametrize(
    ("findings", "headline", "kinds"),
    [
        ((), "nothing found", ()),
        (FINDINGS[:1], "1 finding", ("1 tag that cannot be pulled whole",)),
        (FINDINGS, "3 findings", ("1 tag that cannot be pulled whole", "2 images in use that are not there")),
    ],
)
def test_an_audit_is_told_in_figures(
    at: Scene, findings: Sequence[Finding], headline: str, kinds: tuple[str, ...]
) -> None:
    """What it found by kind; anything that it found needs attention."""
    at.board.hear(Audited("acme", tuple(findings)))
    audit = view(at).audit
    assert audit is not None
    assert (audit.headline, audit.kinds, audit.troubled) == (headline, kinds, bool(findings))
    assert bool(view(at).troubles) is bool(findings)
    assert headline in text(at)


def test_an_audit_counts_each_kind_in_json(at: Scene) -> None:
    """Those of which nothing was found, too."""
    at.board.hear(Audited("acme", FINDINGS))
    assert document(at)["audit"]["findings"] == COUNTS


def announced(*hours: int) -> Planned:
    """A plan that announces a manifest for each of so many hours from the start on, and holds another back."""
    waiting = tuple(Waiting(condemned("shop/web"), HoldReason.NOTICE, START + timedelta(hours=each)) for each in hours)
    held = (
        HeldBack("shop/web", HoldReason.NOTICE, "go from then on", len(hours)),
        HeldBack(None, HoldReason.CAP, "", 1),
    )
    return Planned(replace(plan_of_malice(), registry="acme", held_back=held, waiting=waiting), START)


def test_what_is_announced_is_told_beside_what_is_held_back(at: Scene) -> None:
    """How many, and when the first of them goes; it does not count as held back, and needs no attention."""
    at.board.hear(announced(30, 20, 40))
    plan = view(at).plan
    assert plan is not None
    assert (plan.announced, plan.held_back) == (3, 1)
    assert plan.first_goes is not None
    assert plan.first_goes.distance.startswith("in 19 h") or plan.first_goes.distance == "in 20 h"
    assert [line.says for line in plan.notices] == ["go from then on"]
    assert view(at).troubles == ()
    assert "announced, the first goes" in text(at)


def test_a_notice_that_is_over_names_no_past_moment(at: Scene) -> None:
    """What was to go then goes with the next run."""
    at.board.hear(announced(1))
    at.house.start += DAY
    plan = view(at).plan
    assert plan is not None
    assert (plan.announced, plan.first_goes) == (1, None)
    assert "announced</dt>" in text(at)


def test_a_plan_without_notice_says_nothing_of_it(at: Scene) -> None:
    """Most policies have none."""
    at.board.hear(announced())
    assert "announced" not in text(at)


def test_what_is_announced_is_listed_in_json(at: Scene) -> None:
    """Each manifest with when it goes; the figures stand in the plan."""
    at.board.hear(announced(30, 20))
    told = document(at)
    assert [each["goes_at"] for each in told["announced"]] == ["2026-11-25T18:00:00Z", "2026-11-25T08:00:00Z"]
    assert told["announced_left_out"] == 0
    assert told["plan"]["announced"] == {"manifests": 2, "first_goes_at": "2026-11-25T08:00:00Z"}
