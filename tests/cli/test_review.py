"""`cleaner plan -o FILE` and `cleaner apply FILE`: a plan is reviewed, and then nothing but it is carried out."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cleaner.clock import utc_now
from cleaner.figures import rfc3339
from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene, scene, shop_policy, type_in
from tests.cli.test_plan import TWO, two_registries

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def reviewed(acme: Scene, cleaner: Cleaner) -> Path:
    """A plan of the scene, in a file."""
    assert cleaner("plan", "-o", "plan.json").code == 0
    return acme.folder / "plan.json"


def changed(path: Path, change: Change) -> None:
    """Somebody edits a plan file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")


def test_the_file_is_the_owners_alone_and_holds_what_is_condemned(
    acme: Scene, cleaner: Cleaner, reviewed: Path
) -> None:
    """Mode 0600, each condemned manifest with its reasons, and never the token."""
    text = reviewed.read_text(encoding="utf-8")
    (found,) = json.loads(text)["registries"]
    planned = cleaner("plan", "--format", "json").registry["deletions"]
    assert stat.S_IMODE(reviewed.stat().st_mode) == 0o600
    assert {entry["digest"] for entry in found["condemned"]} == {deletion["digest"] for deletion in planned}
    assert all(entry["reasons"] for entry in found["condemned"])
    assert TOKEN not in text
    assert acme.requests("DELETE", "POST", "PUT") == []


def test_an_older_plan_is_replaced_and_nothing_else_left_behind(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """Whoever could read the older one cannot read the new one by its mode."""
    reviewed.chmod(0o644)
    before = sorted(acme.folder.iterdir())
    assert cleaner("plan", "-o", "plan.json").code == 0
    assert stat.S_IMODE(reviewed.stat().st_mode) == 0o600
    assert sorted(acme.folder.iterdir()) == before


@pytest.mark.parametrize("where", ["config.yaml", ".", "nowhere/plan.json", "pipe", "/dev/null"])
def test_where_no_plan_belongs_none_is_written(where: str, acme: Scene, cleaner: Cleaner) -> None:
    """A file that is no plan, a folder, a pipe, a device, no folder: 2, before any request, and all stays as it is."""
    os.mkfifo(acme.folder / "pipe")
    before, configuration = sorted(acme.folder.iterdir()), acme.config.read_text(encoding="utf-8")
    answer = cleaner("plan", "-o", where, "--format", "json")
    assert answer.code == 2
    assert where in answer.registry["error"]
    assert acme.requests() == []
    assert sorted(acme.folder.iterdir()) == before
    assert acme.config.read_text(encoding="utf-8") == configuration


def test_a_plan_as_of_another_time_is_not_written(acme: Scene, cleaner: Cleaner) -> None:
    """It could not be carried out now."""
    answer = cleaner("plan", "--at", "2030-01-01", "-o", "plan.json")
    assert answer.code == 2
    assert "--at" in answer.err
    assert acme.requests() == []


def test_a_reviewed_plan_is_carried_out(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """All of it, judged again."""
    answer = cleaner("apply", reviewed.name, "--yes", "--format", "json")
    assert answer.code == 0
    assert len(answer.registry["deleted"]) == 8
    assert len(acme.digests()) == 10


def test_nothing_goes_that_was_not_reviewed(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """Somebody takes one family out of the file: it stays, condemned as it is, and so does what a new policy adds."""
    spared = cleaner("explain", "shop/web:v1", "--format", "json").json
    family = {spared["digest"], *(member["digest"] for member in spared["family"])}

    def take_out(document: dict[str, Any]) -> None:
        (found,) = document["registries"]
        found["condemned"] = [entry for entry in found["condemned"] if entry["digest"] not in family]

    changed(reviewed, take_out)
    answer = cleaner("apply", reviewed.name, "--yes", "--format", "json")
    assert answer.code == 0
    assert len(answer.registry["deleted"]) == 4
    assert family <= acme.digests()


def test_what_is_not_condemned_any_more_stays_and_is_counted(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """A file that somebody wrote more into than is condemned: that stays, and one warning says how many."""
    kept = cleaner("explain", "shop/web:main", "--format", "json").json["digest"]

    def add(document: dict[str, Any]) -> None:
        condemned = document["registries"][0]["condemned"]
        condemned.append({**condemned[0], "digest": kept})

    changed(reviewed, add)
    answer = cleaner("apply", reviewed.name, "--yes", "--format", "json")
    assert kept in acme.digests()
    assert len(answer.registry["deleted"]) == 8
    assert len([w for w in answer.registry["warnings"] if "1 of the 9 reviewed manifests stay" in w]) == 1


def test_the_limits_hold_for_a_reviewed_plan(acme: Scene, cleaner: Cleaner) -> None:
    """What is beyond the share is held back as ever, until a person lets it through."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    assert cleaner("plan", "-o", "plan.json").code == 3
    held = cleaner("apply", "plan.json", "--yes", "--format", "json")
    assert held.code == 3
    assert [(hold["reason"], hold["manifests"]) for hold in held.registry["held_back"]] == [("share", 8)]
    assert acme.requests("DELETE") == []
    allowed = cleaner("apply", "plan.json", "--yes", "--allow", "shop/web", "--format", "json")
    assert len(allowed.registry["deleted"]) == 8


def test_a_change_of_mode_leaves_the_plan_valid(acme: Scene, cleaner: Cleaner) -> None:
    """Reviewed in mode plan, set to enforce, carried out: that is the way a policy is taken into use."""
    acme.configure(shop_policy(mode="plan"))
    assert cleaner("plan", "-o", "plan.json").code == 0
    refused = cleaner("apply", "plan.json", "--yes")
    assert refused.code == 2
    assert "mode: enforce" in refused.err
    acme.configure(shop_policy())
    assert cleaner("apply", "plan.json", "--yes").code == 0
    assert len(acme.digests()) == 10


def made(ago: timedelta) -> Change:
    """Made so long ago."""
    return lambda document: document.update(made_at=rfc3339(utc_now() - ago))


def of(change: Change) -> Change:
    """Another first registry."""
    return lambda document: change(document["registries"][0])


WRONG_PLANS: dict[str, tuple[Change, str]] = {
    "another registry": (of(lambda found: found.update(name="other")), "is for the registry other"),
    "another policy": (of(lambda found: found.update(policies=["0" * 64])), "under other policies of acme"),
    "no policy": (of(lambda found: found.update(policies=[])), "under other policies of acme"),
    "too old": (made(timedelta(hours=25)), "a plan counts for 1d"),
    "from the future": (made(timedelta(hours=-1)), "Set the clocks of both machines"),
    "a moment without a zone": (lambda document: document.update(made_at="2026-11-25T10:00:00"), "made_at"),
    "another format": (lambda document: document.update(format="registry-cleaner plan 9"), "plan 9"),
    "no digest": (of(lambda found: found["condemned"][0].update(digest="latest")), "latest is no digest"),
    "an escape": (of(lambda found: found["condemned"][0].update(digest="\x1b[2J")), "is no digest"),
    "nothing in it": (lambda document: document.update(registries=[]), "says nothing of acme"),
    "something else": (lambda document: document.clear(), "is no plan file"),
}


@pytest.mark.parametrize("case", WRONG_PLANS)
def test_a_wrong_plan_is_2_before_any_request(case: str, acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """It says what is wrong, and what to do: a new one."""
    change, expected = WRONG_PLANS[case]
    changed(reviewed, change)
    asked = len(acme.requests())
    answer = cleaner("apply", reviewed.name, "--yes", "--format", "json")
    assert answer.code == 2
    assert expected in answer.registry["error"]
    assert "\x1b" not in answer.out + answer.err
    assert len(acme.requests()) == asked


def cut(folder: Path) -> None:
    """A plan that was not copied whole."""
    whole = (folder / "plan.json").read_bytes()
    (folder / "plan.json").write_bytes(whole[: len(whole) // 2])


def make_long(folder: Path) -> None:
    """A hundred megabytes of nothing."""
    with (folder / "plan.json").open("wb") as file:
        file.truncate(100 * 1000 * 1000)


def make_a_folder(folder: Path) -> None:
    """A folder of that name."""
    (folder / "plan.json").unlink()
    (folder / "plan.json").mkdir()


def make_a_pipe(folder: Path) -> None:
    """A pipe of that name, into which nobody writes."""
    (folder / "plan.json").unlink()
    os.mkfifo(folder / "plan.json")


WRONG_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: (folder / "plan.json").unlink(), "cannot be read"),
    "empty": (lambda folder: (folder / "plan.json").write_bytes(b""), "is no plan file"),
    "cut": (cut, "is no plan file"),
    "no text": (lambda folder: (folder / "plan.json").write_bytes(b'{"format": "\xff\xfe"}'), "is no plan file"),
    "deep": (lambda folder: (folder / "plan.json").write_bytes(b'{"x":' + b"[" * 100_000), "is no plan file"),
    "long": (make_long, "above 64 MiB"),
    "a folder": (make_a_folder, "no regular file"),
    "a pipe": (make_a_pipe, "no regular file"),
}


@pytest.mark.parametrize("command", [["apply"], ["approve"]])
@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_is_no_plan_is_2_before_any_request(
    case: str, command: list[str], acme: Scene, cleaner: Cleaner, reviewed: Path
) -> None:
    """Whatever it is, it is named, and nothing waits for it."""
    change, expected = WRONG_FILES[case]
    change(acme.folder)
    asked = len(acme.requests())
    answer = cleaner(*command, f"./{reviewed.name}", "--yes")
    assert answer.code == 2
    assert "plan.json" in answer.err
    assert expected in answer.err
    assert len(acme.requests()) == asked


def test_an_edited_policy_refuses_the_plan(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """What was reviewed was another policy's."""
    acme.configure(shop_policy().replace("last: 2", "last: 1"))
    answer = cleaner("apply", reviewed.name, "--yes")
    assert answer.code == 2
    assert "under other policies of acme" in answer.err
    assert acme.requests("DELETE") == []


def test_a_state_that_cannot_be_written_refuses_the_plan(acme: Scene, cleaner: Cleaner, reviewed: Path) -> None:
    """What could not be written down is not begun."""
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    asked = len(acme.requests())
    for command in ("apply", "approve"):
        assert cleaner(command, reviewed.name, "--yes").code == 2
    assert len(acme.requests()) == asked


def test_a_plan_of_one_registry_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are in the document with nothing done and a warning; asked for by name, they are refused."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "bakery").replace("protect:", "mode: enforce\nprotect:"))
        type_in(both, monkeypatch, capsys, "plan", "--registry", "bakery", "-o", "plan.json")
        answer = type_in(both, monkeypatch, capsys, "apply", "plan.json", "--yes", "--format", "json")
        asked = [path for path in both.requests() if "/acme" in path]
        refused = type_in(both, monkeypatch, capsys, "apply", "plan.json", "--yes", "--registry", "acme")
    acme, bakery = answer.json["registries"]
    assert acme["warnings"][-1] == "the reviewed plan says nothing of it"
    assert len(bakery["deleted"]) == 1
    assert asked == []
    assert refused.code == 2
    assert "says nothing of acme" in refused.err


def test_a_plan_that_lacks_a_registry_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the provider does not know fails; nobody is to take the rest for the whole."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "cellar"))
        answer = type_in(both, monkeypatch, capsys, "plan", "-o", "plan.json")
    assert answer.code == 1
    assert "no plan was written to plan.json" in answer.err
    assert not (tmp_path / "plan.json").exists()
