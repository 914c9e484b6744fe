"""`cleaner gc` and `cleaner history`: collections by hand, and what the ledger remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.clock import new_id
from cleaner.ledger.opening import open_ledger
from cleaner.model.collection import Collection
from cleaner.model.plan import Freed
from cleaner.model.report import Report
from cleaner.model.run import RunKind
from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene, scene, shop_policy, shop_registry, type_in
from tests.house import START
from tests.loopback import ask


def start_by_somebody_else(acme: Scene) -> str:
    """Another user of the account starts a collection; gives its uuid."""
    url = f"{acme.origins.control}/v2/registries/acme/garbage-collection"
    started = ask("POST", url, headers={"Authorization": f"Bearer {TOKEN}"})
    return str(started.json()["garbage_collection"]["uuid"])


def test_a_collection_by_hand_is_followed_to_its_end(acme: Scene, cleaner: Cleaner) -> None:
    """Started with the one type that we use, followed, and written down as ours."""
    answer = cleaner("gc", "start", "--format", "json")
    (ended,) = answer.registry["garbage_collections"]
    assert answer.code == 0
    assert ended["status"] == "succeeded"
    assert len(acme.requests("POST")) == 1
    (row,) = cleaner("history", "collections", "--format", "json").json["collections"]
    assert row["uuid"] == ended["uuid"]
    assert row["ours"] is True
    assert ended["uuid"] in cleaner("gc", "history").out


def test_no_active_collection_is_said_to_be_so(cleaner: Cleaner) -> None:
    """`gc status` is 0 either way; there is nothing to cancel."""
    assert "no garbage collection is active" in cleaner("gc", "status").out
    assert cleaner("gc", "status", "--format", "json").registry["garbage_collections"] == []
    assert cleaner("gc", "cancel", "--yes").code == 1


def test_a_collection_that_is_not_active_cannot_be_cancelled(acme: Scene, cleaner: Cleaner) -> None:
    """One that nobody knows, and one that has ended: nothing is asked for, and the message says where to look."""
    (ended,) = cleaner("gc", "start", "--format", "json").registry["garbage_collections"]
    for uuid in ("xyz", ended["uuid"]):
        answer = cleaner("gc", "cancel", uuid, "--yes")
        assert answer.code == 1
        assert f"no garbage collection {uuid} of acme is active. See `cleaner gc history`" in answer.err
    assert acme.requests("PUT") == []


@pytest.fixture
def long_collections(tmp_path: Path) -> Iterator[Scene]:
    """A registry whose collections take an hour."""
    with scene(tmp_path, shop_registry(), collection=timedelta(hours=1)) as acme:
        acme.configure(shop_policy())
        yield acme


def test_a_stranger_is_cancelled_by_a_person_only(
    long_collections: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says whose it is, and cancels the active one where none is named."""
    uuid = start_by_somebody_else(long_collections)
    status = type_in(long_collections, monkeypatch, capsys, "gc", "status", "--format", "json")
    assert [active["uuid"] for active in status.registry["garbage_collections"]] == [uuid]
    answer = type_in(long_collections, monkeypatch, capsys, "gc", "cancel", "--yes")
    assert answer.code == 0
    assert "not ours" in answer.err
    assert long_collections.requests("PUT") == [f"/v2/registries/acme/garbage-collection/{uuid}"]


def test_the_history_tells_of_a_run(cleaner: Cleaner) -> None:
    """The run, its deletions with their reasons, and its collection; it needs no token."""
    cleaner("apply", "--yes")
    (run,) = cleaner("history", "runs", "--format", "json").json["runs"]
    deletions = cleaner("history", "deletions", "--format", "json").json["deletions"]
    assert (run["kind"], run["due_at"], run["deleted"]) == ("clean", None, 8)
    assert run["exit_code"] == 0
    assert run["started_at"].endswith("Z")
    assert len(deletions) == 8
    assert {row["outcome"] for row in deletions} == {"deleted"}
    assert all(row["reasons"] and row["run"] == run["id"] for row in deletions)
    assert len(cleaner("history", "deletions", "--limit", "3", "--format", "json").json["deletions"]) == 3


def test_the_history_as_tables(acme: Scene, cleaner: Cleaner) -> None:
    """The same for people, without a token; a registry that has no row gives an empty list in words."""
    cleaner("apply", "--yes")
    acme.environment.clear()
    assert "acme" in cleaner("history", "runs").out
    assert "no rule keeps it" in cleaner("history", "deletions").out
    assert "ours" in cleaner("history", "collections").out


def remember(acme: Scene, registry: str, kind: RunKind, report: Report | None) -> None:
    """Write a run into the state beside the scene's file; None: it never came to its end."""
    with closing(open_ledger(f"sqlite:///{acme.folder / 'state.db'}", now=lambda: START, new_id=new_id)) as ledger:
        run = ledger.begin_run(registry, kind)
        if report is not None:
            ledger.end_run(run, report)


NOTHING = Report("acme", None, 0, (), (), (), (), None, None, ())


@pytest.mark.parametrize(
    ("kind", "report", "told"),
    [
        (RunKind.CLEAN, NOTHING, "nothing to do"),
        (RunKind.PLAN, replace(NOTHING, predicted=Freed(2048, 0)), "reported only, 2 KiB to free"),
        (RunKind.PLAN, replace(NOTHING, error="the token was refused", exit_code=1), "the token was refused"),
        (RunKind.COLLECT, replace(NOTHING, collection=Collection("c", "succeeded", freed_bytes=7)), "7 B freed"),
        (RunKind.COLLECT, None, "not ended: it still runs, or was killed"),
    ],
)
def test_the_history_says_what_a_run_was_for(
    acme: Scene, cleaner: Cleaner, kind: RunKind, report: Report | None, told: str
) -> None:
    """Its kind stands in the table and in the document, and what it came to is told in that kind's words."""
    remember(acme, "acme", kind, report)
    (row,) = [line for line in cleaner("history", "runs").out.splitlines() if f" {kind} " in line]
    assert row.rstrip().endswith(f" {told}")
    assert cleaner("history", "runs", "--format", "json").json["runs"][0]["kind"] == kind


def test_several_registries_are_told_apart(acme: Scene, cleaner: Cleaner) -> None:
    """Where the rows are of one registry it is their title, else a column of theirs."""
    remember(acme, "acme", RunKind.CLEAN, NOTHING)
    assert cleaner("history", "runs").out.startswith("acme")
    remember(acme, "gone-from-the-file", RunKind.CLEAN, NOTHING)
    shown = cleaner("history", "runs").out
    assert "Registry" in shown
    assert "gone-from-the-file" in shown


@pytest.mark.parametrize(
    ("listed", "columns"),
    [("runs", "Run Kind Began Took Exit Came to"), ("deletions", "When Manifest Tags Outcome Undo Why")],
)
def test_the_history_fits_into_a_narrow_terminal(acme: Scene, cleaner: Cleaner, listed: str, columns: str) -> None:
    """At 80 columns every column has room: what is too long for one goes on below."""
    cleaner("apply", "--yes")
    acme.environment["COLUMNS"] = "80"
    lines = cleaner("history", listed).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert columns.split() in [line.split() for line in lines]


def test_a_history_makes_no_state(acme: Scene, cleaner: Cleaner) -> None:
    """Where there is none, it says so and leaves it at that."""
    acme.forget()
    answer = cleaner("history", "deletions", "--format", "json")
    assert answer.code == 2
    assert "The first `cleaner apply` makes it" in answer.json["error"]
    assert not (acme.folder / "state.db").exists()


@pytest.mark.parametrize("command", [["history", "runs"], ["undo", "--since", "1h", "--yes"]])
def test_a_state_whose_folder_is_missing_asks_for_the_folder(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """No `cleaner apply` would make that."""
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    answer = cleaner(*command)
    assert answer.code == 2
    assert f"Make its directory: install -d -m 0700 {acme.folder / 'nowhere'}" in answer.err
