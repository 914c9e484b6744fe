"""`cleaner gc` and `cleaner history`: collections by hand, and what the ledger remembers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene, scene, shop_policy, shop_registry, type_in


def start_by_somebody_else(acme: Scene) -> str:
    """Another user of the account starts a collection; gives its uuid."""
    url = f"{acme.origins.control}/v2/registries/acme/garbage-collection"
    started = httpx.post(url, headers={"Authorization": f"Bearer {TOKEN}"})
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
    assert run["deleted"] == 8
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


def test_a_history_makes_no_state(acme: Scene, cleaner: Cleaner) -> None:
    """Where there is none, it says so and leaves it at that."""
    answer = cleaner("history", "deletions", "--format", "json")
    assert answer.code == 2
    assert "error" in answer.json
    assert not (acme.folder / "state.db").exists()
