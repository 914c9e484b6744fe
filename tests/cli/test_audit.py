"""`cleaner audit`: as tables, as a document, and by its exit code."""

from __future__ import annotations

import httpx
import pytest

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, shop_policy
from tests.cli.stranger import Stranger
from tests.shelves import digest_of


@pytest.fixture
def broken(acme: Scene) -> httpx.Response:
    """The registry without one platform of `v1`, which it gives; the file names images in use, two of them missing."""
    stranger = Stranger(acme)
    child = stranger.pull(stranger.pull("v1").json()["manifests"][0]["digest"])
    stranger.delete(digest_of(child.text))
    acme.configure(shop_policy(in_use="[{file: images.txt}]"))
    lines = ["shop/web:v2", "shop/web:v9", "shop/web:v9", f"shop/web@{digest_of('nothing')}"]
    (acme.folder / "images.txt").write_text("\n".join(lines), encoding="utf-8")
    return child


def test_a_sound_registry_is_0(acme: Scene, cleaner: Cleaner) -> None:
    """It says so, and has changed nothing."""
    answer = cleaner("audit")
    assert (answer.code, answer.out.strip()) == (0, "acme: every tag pulls, and all that is in use is there")
    document = cleaner("audit", "--format", "json").registry
    assert document == {"name": "acme", "error": None, "findings": [], "unseen": []}
    assert acme.requests("PUT", "POST", "DELETE") == []


def test_what_is_wrong_is_1_by_kind_and_workload(broken: httpx.Response, cleaner: Cleaner) -> None:
    """A table for each kind; every line that names a missing image is a finding of its own."""
    answer = cleaner("audit")
    tables = [line.strip() for line in answer.out.splitlines() if line.strip().startswith(("Tags that", "In use,"))]
    assert answer.code == 1
    assert tables == ["Tags that cannot be pulled completely", "In use, and not there"]
    assert digest_of(broken.text)[:19] in answer.out
    assert [f"images.txt:{line}" in answer.out for line in (1, 2, 3, 4)] == [False, True, True, True]
    assert "acme: 4 findings" in answer.out


def test_the_document_tells_the_same(broken: httpx.Response, cleaner: Cleaner) -> None:
    """Kind, repository, image, what is wrong with it, and who uses it, or null."""
    answer = cleaner("audit", "--format", "json")
    first, *others = answer.registry["findings"]
    assert answer.code == 1
    assert first["kind"] == "broken_tag"
    assert (first["repository"], first["image"], first["where"]) == ("shop/web", "shop/web:v1", None)
    assert "which it lists, is not there" in first["detail"]
    assert {finding["kind"] for finding in others} == {"missing_image"}
    assert [finding["image"] for finding in others].count("shop/web:v9") == 2
    assert digest_of(broken.text)[:19] in first["detail"]


def test_what_could_not_be_looked_at_is_3(acme: Scene, cleaner: Cleaner) -> None:
    """Nothing wrong was found, and not everything was seen."""
    acme.configure(shop_policy(in_use="[{file: nowhere.txt}]"))
    answer = cleaner("audit")
    assert answer.code == 3
    assert "not looked at: " in answer.out
    assert "acme: everything that was looked at is sound" in answer.out
    assert "nowhere.txt" in cleaner("audit", "--format", "json").registry["unseen"][0]


def test_a_finding_outweighs_what_was_not_seen(broken: httpx.Response, acme: Scene, cleaner: Cleaner) -> None:
    """1 before 3."""
    (acme.folder / "images.txt").unlink()
    answer = cleaner("audit", "--format", "json")
    assert answer.code == 1
    assert len(answer.registry["findings"]) == 1
    assert len(answer.registry["unseen"]) == 1
    assert digest_of(broken.text)[:19] in answer.registry["findings"][0]["detail"]


def test_a_registry_that_cannot_be_asked_is_1(acme: Scene, cleaner: Cleaner) -> None:
    """The document says why."""
    acme.environment["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_wrong"
    answer = cleaner("audit", "--format", "json")
    assert answer.code == 1
    assert "401" in answer.registry["error"]
    assert answer.registry["findings"] == []


def test_without_the_state_a_note_says_so(acme: Scene, cleaner: Cleaner) -> None:
    """On stderr, and in the document."""
    assert cleaner("audit", "--format", "json").json["notes"] == []
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    answer = cleaner("audit", "--format", "json")
    (note,) = answer.json["notes"]
    assert answer.code == 0
    assert f"note: {note}" in answer.err


def test_a_mode_plan_is_no_hindrance(acme: Scene, cleaner: Cleaner) -> None:
    """It only reads."""
    acme.configure(shop_policy(mode="plan"))
    assert cleaner("audit").code == 0
