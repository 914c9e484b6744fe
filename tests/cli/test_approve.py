"""`cleaner approve`: exactly what was shown goes beyond share and cap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, on_a_terminal, scene, shop, shop_policy, type_in
from tests.cli.test_plan import TWO, two_registries
from tests.shelves import registry

TENTH = "share: 10%, keep_at_least: 1"


@pytest.fixture(autouse=True)
def limited(acme: Scene) -> None:
    """More would go than a tenth."""
    acme.configure(shop_policy(limits=TENTH))


def test_what_was_approved_goes(acme: Scene, cleaner: Cleaner) -> None:
    """Held back before, shown when it is approved, deleted by the next run."""
    planned = cleaner("plan", "--format", "json").registry
    answer = cleaner("approve", "shop/web", "--yes", "--format", "json")
    assert answer.code == 0
    assert planned["deletions"] == []
    assert answer.json["registry"] == "acme"
    assert len(answer.json["approved"]) == 8
    assert {entry["repository"] for entry in answer.json["approved"]} == {"shop/web"}
    assert "shop/web: 8 manifests condemned" in answer.err
    applied = cleaner("apply", "--yes", "--format", "json")
    assert applied.code == 0
    gone, approved = applied.registry["deleted"], answer.json["approved"]
    assert {each["digest"] for each in gone} == {each["digest"] for each in approved}


def test_the_plan_tells_of_both_ways_through(cleaner: Cleaner) -> None:
    """Once, and run by run."""
    out = cleaner("plan").out
    assert "cleaner apply --allow REPOSITORY" in out
    assert "cleaner approve REPOSITORY" in out


def test_what_is_condemned_later_meets_the_limits(acme: Scene, cleaner: Cleaner) -> None:
    """Only what was shown is approved: a policy that condemns more finds the rest held back."""
    cleaner("approve", "shop/web", "--yes")
    acme.configure(shop_policy(limits=TENTH).replace("last: 2", "last: 1"))
    found = cleaner("plan", "--format", "json").registry
    assert len(found["deletions"]) == 8
    assert [(hold["reason"], hold["manifests"]) for hold in found["held_back"]] == [("share", 4)]


def test_a_file_approves_what_it_condemns(acme: Scene, cleaner: Cleaner) -> None:
    """Then the same file can be carried out."""
    cleaner("plan", "-o", "plan.json")
    acme.configure(shop_policy(limits=TENTH))
    answer = cleaner("approve", "plan.json", "--yes")
    assert answer.code == 0
    assert "shop/web: 8 manifests condemned" in answer.err
    assert "shop/web: 8 manifests approved" in answer.out
    assert len(cleaner("apply", "plan.json", "--yes", "--format", "json").registry["deleted"]) == 8


def test_a_file_of_the_name_of_a_repository_comes_first(acme: Scene, cleaner: Cleaner) -> None:
    """One that is no plan is refused, and how to mean the repository is said; a folder of that name is no plan."""
    (acme.folder / "shop").mkdir()
    assert cleaner("approve", "shop/web", "--yes").code == 0
    (acme.folder / "shop" / "web").write_text("#!/bin/sh", encoding="utf-8")
    answer = cleaner("approve", "shop/web", "--yes")
    assert answer.code == 2
    assert "shop/web is no plan file" in answer.err
    assert "For the repository shop/web, be in a folder without a file of that name" in answer.err
    (acme.folder / "shop" / "web").unlink()
    (acme.folder / "shop" / "web").mkdir()
    assert cleaner("approve", "shop/web", "--yes").code == 0


def test_what_was_shown_is_asked_about_and_a_no_changes_nothing(acme: Scene, cleaner: Cleaner) -> None:
    """The table stands before the question; only a yes is a yes."""
    code, out, screen = on_a_terminal(acme, "n\n", "approve", "shop/web", "--format", "json")
    assert code == 0
    assert screen.index("shop/web: 8 manifests condemned") < screen.index("Let 8 manifests of shop/web in acme through")
    assert json.loads(out)["approved"] == []
    assert cleaner("apply", "--yes").code == 3


WRONG = {
    "no such repository": ("shop/wbe", 1, "Did you mean: shop/web?"),
    "neither file nor repository": ("plan.json", 1, "there is no file of that name here"),
    "a path to nothing": ("./plan.json", 2, "cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_named(case: str, cleaner: Cleaner) -> None:
    """With a hand where a name is not quite right."""
    what, code, expected = WRONG[case]
    answer = cleaner("approve", what, "--yes", "--format", "json")
    assert answer.code == code
    assert expected in answer.err
    assert expected in answer.json["error"]


def test_what_is_refused_is_2_before_any_request(acme: Scene, cleaner: Cleaner) -> None:
    """No terminal and no --yes; nothing in mode enforce."""
    for configuration, arguments, expected in (
        (shop_policy(), [], "--yes"),
        (shop_policy(mode="plan"), ["--yes"], "mode: enforce"),
    ):
        acme.configure(configuration)
        answer = cleaner("approve", "shop/web", *arguments)
        assert answer.code == 2
        assert expected in answer.err
    assert acme.requests() == []


def test_where_nothing_would_go_there_is_nothing_to_approve(acme: Scene, cleaner: Cleaner) -> None:
    """And where it could not be judged by all that is in use, that is said: 3."""
    acme.configure(shop_policy().replace("last: 2", "last: 9"))
    nothing = cleaner("approve", "shop/web", "--yes")
    acme.configure(shop_policy(in_use="[{file: images.txt}]"))
    unread = cleaner("approve", "shop/web", "--yes")
    assert (nothing.code, unread.code) == (1, 3)
    assert "there is nothing to approve" in nothing.err
    assert "images.txt" in unread.err


def test_of_several_registries_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan of several approves what it condemns in that one, in mode enforce."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "bakery"))
        type_in(both, monkeypatch, capsys, "plan", "-o", "plan.json")
        refused = type_in(both, monkeypatch, capsys, "approve", "plan.json", "--yes")
        in_plan = type_in(both, monkeypatch, capsys, "approve", "plan.json", "--yes", "--registry", "acme")
        words = ["approve", "plan.json", "--yes", "--registry", "bakery", "--format", "json"]
        answer = type_in(both, monkeypatch, capsys, *words)
    assert (refused.code, in_plan.code) == (2, 2)
    assert [entry["repository"] for entry in answer.json["approved"]] == ["bread"]


def test_an_unreadable_manifest_leaves_nothing_to_approve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole repository is left alone, and that is why."""
    shelf = shop()
    del shelf.manifests[0]["body"]
    with scene(tmp_path, registry(shelf)) as acme:
        acme.configure(shop_policy())
        answer = type_in(acme, monkeypatch, capsys, "approve", "shop/web", "--yes")
    assert answer.code == 3
    assert "could not be read" in answer.err
