"""`cleaner undo`: what is meant, what is asked, what is told; and what the history says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.clock import new_id, utc_now
from cleaner.ledger.opening import open_ledger
from tests.cli.conftest import Cleaner
from tests.cli.scene import Answer, Scene, on_a_terminal, scene, shop_policy, shop_registry, type_in
from tests.cli.stranger import Stranger
from tests.shelves import digest_of

BEFORE_CLEAN = "schedule: before-clean, min_freed: 1TiB"


@pytest.fixture
def emptied(acme: Scene, cleaner: Cleaner) -> Scene:
    """The registry after a run that deleted the families v0 and v1, and nothing collected since."""
    acme.configure(shop_policy(collection=BEFORE_CLEAN))
    assert cleaner("apply", "--yes").code == 0
    return acme


def tags(acme: Scene) -> dict[str, str]:
    """What each tag stands on."""
    manifests = acme.state()["repositories"][0]["manifests"]
    return {tag: entry["digest"] for entry in manifests for tag in entry.get("tags", ())}


def last_run(cleaner: Cleaner) -> str:
    """The id of the last run, as the history shows it."""
    lines = cleaner("history", "runs").out.splitlines()
    return next(line.split()[0] for line in lines if " clean " in line)


WRONG = {
    "nothing": ([], "Name a RUN"),
    "an empty name": ([""], "Name a RUN"),
    "no duration": (["--since", "yesterday"], "90m, 1h or 2d"),
    "a tag": (["shop/web:v1"], "undo goes by digest"),
    "a digest that is too short": (["shop/web@sha256:abc"], "12 hexadecimal digits"),
    "no terminal to ask on": (["--since", "1h"], "add --yes"),
}
NOT_THERE = {
    "a digest of nothing that is gone": (["shop/web@123456789012"], "nothing that begins with sha256:123456789012"),
    "a repository that lost nothing": (["shop/wbe"], "cleaner history deletions"),
    "a run that nobody knows": (["deadbeef-0"], "no run deadbeef-0 deleted anything"),
    "what no run begins with": (["0-"], "cleaner history runs"),
    "a time in which nothing went": (["nope", "--since", "1h"], "since"),
}


@pytest.mark.parametrize("case", [*WRONG, *NOT_THERE])
def test_what_cannot_be_undone_from_the_start_sends_nothing(case: str, emptied: Scene, cleaner: Cleaner) -> None:
    """2 for what is wrong, 1 for what is not there; each says what was expected, or where to look."""
    arguments, expected = (WRONG | NOT_THERE)[case]
    requests = len(emptied.requests())
    answer = cleaner("undo", *arguments)
    assert (answer.code, answer.out) == (2 if case in WRONG else 1, "")
    assert expected in answer.err
    assert len(emptied.requests()) == requests


def test_without_a_state_nothing_is_made(acme: Scene, cleaner: Cleaner) -> None:
    """A misspelt state must not look like one in which nothing was deleted."""
    acme.forget()
    answer = cleaner("undo", "--since", "1h", "--yes")
    assert answer.code == 2
    assert "There is no state at" in answer.err
    assert not (acme.folder / "state.db").exists()


def test_mode_plan_puts_nothing_back(emptied: Scene, cleaner: Cleaner) -> None:
    """Law 9: where no policy is in mode enforce, nothing is changed."""
    emptied.configure(shop_policy(mode="plan", collection=BEFORE_CLEAN))
    answer = cleaner("undo", "shop/web", "--yes")
    assert answer.code == 2
    assert "mode: enforce" in answer.err
    assert emptied.requests("PUT") == []


def everything(_: Cleaner) -> list[str]:
    """All that the repository lost."""
    return ["shop/web"]


def by_its_run(cleaner: Cleaner) -> list[str]:
    """The run, as the history shows it."""
    return [last_run(cleaner)]


def by_the_beginning_of_its_run(cleaner: Cleaner) -> list[str]:
    """The first digits of the run: any number that no other run begins with."""
    return [last_run(cleaner)[:3]]


def by_a_digest(cleaner: Cleaner) -> list[str]:
    """The first twelve digits of one manifest's digest, as the history shows it."""
    rows = cleaner("history", "deletions", "--format", "json").json["deletions"]
    digest = next(row["digest"] for row in rows if row["tags"] == ["v1"])
    return [f"shop/web@{digest[: len('sha256:') + 12]}"]


def by_time(_: Cleaner) -> list[str]:
    """The last hour."""
    return ["--since", "1h"]


@pytest.mark.parametrize("meant", [everything, by_its_run, by_the_beginning_of_its_run, by_time])
def test_it_comes_back_however_it_is_named(
    meant: Callable[[Cleaner], list[str]], emptied: Scene, cleaner: Cleaner
) -> None:
    """By repository, by the run as the history shows it, by time: 0, and every tag stands where it stood."""
    answer = cleaner("undo", *meant(cleaner), "--yes", "--format", "json")
    assert answer.code == 0
    assert len(answer.json["restored"]) == 8
    assert (answer.json["registry"], answer.json["failed"], answer.json["tags_moved_on"]) == ("acme", [], [])
    assert len(emptied.digests()) == 18
    assert tags(emptied).keys() >= {"v0", "v1", "v2", "v3", "main"}


def test_a_digest_as_the_history_shows_it_is_enough(emptied: Scene, cleaner: Cleaner) -> None:
    """Its index comes with its platforms and its signature; the other family stays deleted."""
    rows = cleaner("history", "deletions", "--format", "json").json["deletions"]
    digest = next(row["digest"] for row in rows if row["tags"] == ["v1"])
    for text in (digest[: len("sha256:") + 12], digest):
        answer = cleaner("undo", f"shop/web@{text}", "--yes")
        assert answer.code == 0
    assert tags(emptied)["v1"] == digest
    assert len(emptied.digests()) == 14
    assert "v0" not in tags(emptied)


@pytest.mark.parametrize("meant", [everything, by_its_run, by_time, by_a_digest])
def test_what_a_run_that_was_killed_deleted_is_known(
    meant: Callable[[Cleaner], list[str]], emptied: Scene, cleaner: Cleaner
) -> None:
    """However it is named: no outcome is written down, and the listing tells that it is gone."""
    named = meant(cleaner)
    with closing(sqlite3.connect(emptied.folder / "state.db")) as state:
        state.execute("UPDATE deletions SET outcome = NULL, answered_at = NULL")
        state.commit()
    assert cleaner("undo", *named, "--yes").code == 0
    assert "v1" in tags(emptied)


def test_tables_say_what_is_back_and_what_that_means(emptied: Scene, cleaner: Cleaner) -> None:
    """A new push in the registry's eyes: it may take another's place, and be condemned again."""
    answer = cleaner("undo", "shop/web", "--yes")
    assert "acme: 8 put back, 0 not." in answer.out
    assert "among the newest" in answer.out
    assert answer.err.count("put back: a person asked for it") == 8
    again = cleaner("undo", "shop/web", "--yes")
    assert (again.code, again.out.strip()) == (0, "acme: 0 put back, 0 not.")
    assert "nothing of that is gone any more" in again.err


def test_the_history_tells_what_can_be_undone(emptied: Scene, cleaner: Cleaner) -> None:
    """Yes, done, or no: as a column, and as keys of the document."""

    def told() -> tuple[set[str], set[bool], set[bool]]:
        rows = cleaner("history", "deletions", "--format", "json").json["deletions"]
        shown = [line.split() for line in cleaner("history", "deletions").out.splitlines() if " deleted " in line]
        column = {cells[cells.index("deleted") + 1] for cells in shown}
        return column, {row["can_be_undone"] for row in rows}, {row["restored_at"] is not None for row in rows}

    assert told() == ({"yes"}, {True}, {False})
    cleaner("undo", "shop/web", "--yes")
    assert told() == ({"done"}, {False}, {True})
    assert emptied.digests() != set()


def test_what_was_collected_is_told_and_1(emptied: Scene, cleaner: Cleaner) -> None:
    """Somebody else's collection counts as well; the document has an error for each."""
    Stranger(emptied).collect()
    answer = cleaner("undo", "shop/web", "--yes", "--format", "json")
    assert answer.code == 1
    assert answer.json["restored"] == []
    assert len(answer.json["failed"]) == 8
    assert all("a garbage collection took its blobs" in entry["error"] for entry in answer.json["failed"])
    assert "acme: 0 put back, 8 not." in cleaner("undo", "shop/web", "--yes").out
    assert emptied.requests("PUT") == []


def test_a_tag_that_moved_on_is_told(emptied: Scene, cleaner: Cleaner) -> None:
    """It is left where it is; that is no failure."""
    stranger = Stranger(emptied)
    main = stranger.pull("main")
    stranger.push("v1", main.content, main.headers["content-type"])
    answer = cleaner("undo", "shop/web", "--yes", "--format", "json")
    assert answer.code == 0
    assert answer.json["tags_moved_on"] == [{"repository": "shop/web", "tag": "v1"}]
    assert all("v1" not in entry["tags"] for entry in answer.json["restored"])


def test_a_run_that_holds_the_registry_is_1(emptied: Scene, cleaner: Cleaner) -> None:
    """One at a time."""
    state = f"sqlite:///{emptied.folder}/state.db"
    with closing(open_ledger(state, now=utc_now, new_id=new_id)) as ledger, ledger.hold("acme"):
        answer = cleaner("undo", "shop/web", "--yes", "--format", "json")
    assert answer.code == 1
    assert "another run" in answer.json["error"].lower()
    assert emptied.requests("PUT") == []


def test_another_registrys_run_is_named_so(emptied: Scene, cleaner: Cleaner) -> None:
    """The file has two, and the run was on the other one."""
    run = last_run(cleaner)
    emptied.configure(shop_policy(collection=BEFORE_CLEAN) + another_registry())
    assert "several registries" in cleaner("undo", run, "--yes").err
    answer = cleaner("undo", run, "--yes", "--registry", "other")
    assert answer.code == 2
    assert "--registry acme" in answer.err


def another_registry() -> str:
    """A second registry of the file."""
    return '  - name: other\n    policies:\n      - repositories: ["*"]\n        keep: [{tags: ["*"]}]\n'


@pytest.fixture
def collecting(tmp_path: Path) -> Iterator[Scene]:
    """A registry whose collections take an hour."""
    with scene(tmp_path, shop_registry(), collection=timedelta(hours=1)) as acme:
        acme.configure(shop_policy(collection=BEFORE_CLEAN))
        yield acme


def test_while_a_collection_is_active_it_is_1_and_says_what_to_do(
    collecting: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry is read-only until it ends."""

    def cleaner(*arguments: str) -> Answer:
        return type_in(collecting, monkeypatch, capsys, *arguments)

    cleaner("apply", "--yes")
    Stranger(collecting).collect()
    answer = cleaner("undo", "shop/web", "--yes")
    assert answer.code == 1
    assert "cleaner gc cancel" in answer.err
    assert collecting.requests("PUT") == []


@pytest.mark.parametrize("typed", ["\n", "no\n"])
def test_a_declined_prompt_is_0_and_puts_nothing_back(typed: str, emptied: Scene) -> None:
    """What would come back was shown; the document says that nothing did."""
    code, out, screen = on_a_terminal(emptied, typed, "undo", "shop/web", "--format", "json")
    assert code == 0
    assert "Put 8 manifests back into acme?" in screen
    assert '"restored": []' in out
    assert emptied.requests("PUT") == []


def test_a_yes_is_carried_out(emptied: Scene) -> None:
    """After the question it is done, and told manifest by manifest."""
    code, out, _ = on_a_terminal(emptied, "y\n", "undo", "shop/web")
    assert code == 0
    assert "8 put back, 0 not." in out
    assert len(emptied.digests()) == 18


def platforms(stranger: Stranger) -> list[httpx.Response]:
    """The two images that the index `v1` lists, while they are there."""
    listed = stranger.pull("v1").json()["manifests"]
    return [stranger.pull(child["digest"]) for child in listed]


def test_a_collection_by_hand_looks_first(acme: Scene, cleaner: Cleaner) -> None:
    """`gc start` brings back what somebody's new index needs, says so, and collects the rest."""
    acme.configure(shop_policy(collection=BEFORE_CLEAN))
    stranger = Stranger(acme)
    children = platforms(stranger)
    cleaner("apply", "--yes")
    index = stranger.push_index("new", children)
    answer = cleaner("gc", "start")
    assert answer.code == 0
    assert answer.err.count("(tags new) lists it") == 2
    assert acme.digests() >= {index, *(digest_of(child.text) for child in children)}
    assert len(acme.digests()) == 10 + 1 + 2


def test_a_collection_that_would_take_what_is_needed_is_1(acme: Scene, cleaner: Cleaner) -> None:
    """With `after-clean` no bytes were kept: the message names what needs what, and no collection starts."""
    acme.configure(shop_policy(collection="min_freed: 1TiB"))
    stranger = Stranger(acme)
    children = platforms(stranger)
    cleaner("apply", "--yes")
    stranger.push_index("new", children)
    answer = cleaner("gc", "start", "--format", "json")
    assert answer.code == 1
    assert "is needed (the index" in answer.json["error"]
    assert "push what is missing again" in answer.json["error"]
    assert acme.requests("POST") == []


def test_a_collection_of_which_nobody_knows_what_it_takes_is_3(emptied: Scene, cleaner: Cleaner) -> None:
    """A source cannot be read."""
    emptied.configure(shop_policy(collection=BEFORE_CLEAN, in_use="[{file: nowhere.txt}]"))
    answer = cleaner("gc", "start")
    assert answer.code == 3
    assert "nowhere.txt" in answer.err
    assert emptied.requests("POST") == []
