"""`cleaner plan`: what it says, that it changes nothing, and that its numbers add up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cleaner.clock import new_id, utc_now
from cleaner.config.load import load
from cleaner.ledger.opening import open_ledger
from cleaner.model.manifest import Digest
from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, scene, shop, shop_policy, type_in
from tests.shelves import Shelf, policy, registry

KEYS = {"name", "error", "manifests", "kept", "deletions", "held_back", "freed_bytes", "warnings", "unmanaged"}
KEYS |= {"announced"}


def test_the_document_has_the_keys_of_the_contract(cleaner: Cleaner) -> None:
    """Each key is there, each digest is whole, each reason is text."""
    found = cleaner("plan", "--format", "json").registry
    assert found.keys() == KEYS
    assert found["name"] == "acme"
    assert found["error"] is None
    for deletion in found["deletions"]:
        assert deletion.keys() == {"repository", "digest", "tags", "mode", "reasons"}
        assert deletion["digest"].startswith("sha256:")
        assert len(deletion["digest"]) == 71
        assert deletion["mode"] == "enforce"
        assert deletion["reasons"]


def test_the_numbers_add_up(acme: Scene, cleaner: Cleaner) -> None:
    """`manifests` is `kept`, `deletions` and what is held back."""
    for limits in ("share: 100%, keep_at_least: 1", "share: 10%, keep_at_least: 1", "deletions: 5, share: 100%"):
        acme.configure(shop_policy(limits=limits))
        found = cleaner("plan", "--format", "json").registry
        held = sum(hold["manifests"] for hold in found["held_back"])
        assert found["manifests"] == len(acme.digests())
        assert found["manifests"] == found["kept"] + len(found["deletions"]) + held


def test_two_old_releases_go_with_their_families(acme: Scene, cleaner: Cleaner) -> None:
    """Of four releases the two newest stay; the index of each that goes stands before its platforms."""
    deletions = cleaner("plan", "--format", "json").registry["deletions"]
    tags = [deletion["tags"] for deletion in deletions]
    assert sorted(tag for names in tags for tag in names if not tag.startswith("sha256-")) == ["v0", "v1"]
    assert len(deletions) == 8
    assert tags[0] in (["v0"], ["v1"])


def test_it_only_reads(acme: Scene, cleaner: Cleaner) -> None:
    """Not one request that changes anything leaves."""
    before = acme.digests()
    cleaner("plan")
    assert acme.requests("POST", "PUT", "PATCH", "DELETE") == []
    assert acme.requests("GET") != []
    assert acme.digests() == before


def test_the_table_says_it_too(cleaner: Cleaner) -> None:
    """What goes stands first, the summary last, and progress on stderr."""
    answer = cleaner("plan")
    lines = answer.out.splitlines()
    assert lines[0].startswith("shop/web: 8 manifests to go")
    assert lines[-1].startswith("acme: of 18 manifests 10 are kept, 8 go (8 in mode enforce), 0 are held back.")
    assert "acme: 1 repository" in answer.err
    assert "warning: shop/web: no rule selects 1 tag (odd), which `unmatched` keeps" in answer.out


def test_a_policy_in_mode_plan_is_reported_as_such(acme: Scene, cleaner: Cleaner) -> None:
    """Its deletions are shown with their mode."""
    acme.configure(shop_policy(mode="plan"))
    assert {d["mode"] for d in cleaner("plan", "--format", "json").registry["deletions"]} == {"plan"}
    assert "(mode plan: reported only)" in cleaner("plan").out


def test_what_is_announced_stands_apart_with_the_moment_it_goes(acme: Scene, cleaner: Cleaner) -> None:
    """It is held back for its notice, which is no trouble, and each of it is told like a deletion."""
    acme.configure(shop_policy(top="notice: 24h"))
    before = utc_now()
    answer = cleaner("plan", "--format", "json")
    found = answer.registry
    assert answer.code == 0
    assert found["deletions"] == []
    assert [(hold["reason"], hold["manifests"]) for hold in found["held_back"]] == [("notice", 8)]
    assert len(found["announced"]) == 8
    for announced in found["announced"]:
        assert announced.keys() == {"repository", "digest", "tags", "mode", "reasons", "goes_at"}
        goes_at = datetime.fromisoformat(announced["goes_at"])
        assert before <= goes_at - timedelta(hours=24) <= utc_now()
    assert found["manifests"] == found["kept"] + 8


def test_the_table_tells_the_notice_in_the_registrys_zone(acme: Scene, cleaner: Cleaner) -> None:
    """The earliest moment stands in the title, each one's own in its row; nothing is called held back."""
    acme.configure(shop_policy(top="notice: 24h").replace("- name: acme", "- name: acme\n    timezone: Asia/Kolkata"))
    ledger = open_ledger(f"sqlite:///{acme.folder / 'state.db'}", now=utc_now, new_id=new_id)
    digest = cleaner("plan", "--format", "json").registry["announced"][0]["digest"]
    fingerprint = load(acme.config, {}).registries[0].policies[0].fingerprint
    looked = utc_now() - timedelta(hours=5)
    ledger.notices.spared("acme", "shop/web")
    ledger.notices.condemned("acme", "shop/web", fingerprint, [Digest(digest)], looked)
    ledger.close()
    answer = cleaner("plan")
    first = (looked + timedelta(hours=24)).astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"shop/web: 8 manifests announced, to go from {first:%Y-%m-%d %H:%M} on" in answer.out
    assert "Held back" not in "\n".join(line for line in answer.out.splitlines() if "Repository" not in line)
    assert "0 are held back, 8 are announced." in answer.out.splitlines()[-1]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"])
def test_at_judges_as_if_it_were_then(form: str, acme: Scene, cleaner: Cleaner) -> None:
    """A release that is young enough now is too old then; without a zone, the time is the registry's."""
    acme.configure(policy('[{tags: ["v*", main], within: 30d}]', rest="unmatched: delete"))
    later = utc_now() + timedelta(days=400)
    text = f"{later:{form}}"
    now, then = (cleaner("plan", "--format", "json", *at).registry for at in ([], ["--at", text]))
    assert "v3" not in [tag for deletion in now["deletions"] for tag in deletion["tags"]]
    assert "v3" in [tag for deletion in then["deletions"] for tag in deletion["tags"]]


def test_a_repository_under_no_policy_is_named_with_its_bytes(acme: Scene, cleaner: Cleaner) -> None:
    """Nothing in it is touched; its manifests count as kept."""
    acme.configure(shop_policy().replace('repositories: ["*"]', 'repositories: ["other/*"]'))
    found = cleaner("plan", "--format", "json").registry
    assert [(u["repository"], u["manifests"]) for u in found["unmanaged"]] == [("shop/web", 18)]
    assert found["unmanaged"][0]["bytes"] > 0
    assert found["kept"] == found["manifests"] == 18
    assert "Under no policy" in cleaner("plan").out


def test_without_a_state_it_reads_anew_and_says_so(acme: Scene, cleaner: Cleaner) -> None:
    """The plan needs no state."""
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    answer = cleaner("plan", "--format", "json")
    assert answer.code == 0
    assert "note: manifests are read anew" in answer.err
    assert len(answer.registry["deletions"]) == 8


def test_what_cannot_be_read_makes_the_bytes_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`freed_bytes` is null, and the repository is held back whole."""
    shelf = shop()
    del shelf.manifests[0]["body"]
    with scene(tmp_path, registry(shelf)) as acme:
        acme.configure(shop_policy())
        found = type_in(acme, monkeypatch, capsys, "plan", "--format", "json").registry
    assert found["freed_bytes"] is None
    assert [hold["manifests"] for hold in found["held_back"]] == [18]
    assert found["kept"] == 0


def test_an_error_stands_in_the_document(acme: Scene, cleaner: Cleaner) -> None:
    """Whatever the exit code, stdout is one document with every key."""
    acme.environment["DIGITALOCEAN_ACCESS_TOKEN"] = "wrong"
    answer = cleaner("plan", "--format", "json")
    assert answer.code == 1
    assert answer.registry.keys() == KEYS
    assert answer.registry["error"]
    assert answer.registry["freed_bytes"] is None


@pytest.mark.parametrize(
    ("arguments", "name"), [(["--at", "soon"], "acme"), (["--registry", "other"], "other")], ids=["time", "registry"]
)
def test_a_refusal_stands_in_the_document(arguments: list[str], name: str, cleaner: Cleaner) -> None:
    """What was refused before any request is told under the name of the registry that was meant."""
    answer = cleaner("plan", "--format", "json", *arguments)
    assert answer.code == 2
    assert answer.registry["name"] == name
    assert answer.registry["error"]


def two_registries() -> dict[str, object]:
    """`acme` and `bakery`, each with one repository."""
    other = Shelf("bread")
    for number in range(3):
        other.image(f"v{number}", days=30 - number)
    registries = [registry(shop()), registry(other, name="bakery")]
    return {"registries": [each for one in registries for each in one["registries"]]}  # type: ignore[attr-defined]


TWO = """
protect: {in_use: none}
limits: {share: 100%, keep_at_least: 1}
registries:
  - {name: acme, policies: [{repositories: ["*"], keep: [{tags: ["v*"], last: 2}]}]}
  - {name: FIRST, policies: [{repositories: ["*"], mode: enforce, keep: [{tags: ["v*"], last: 2}]}]}
"""


def test_one_of_several_registries_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name all are planned, with `--registry` that one; to explain, one must be chosen."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "bakery"))
        names = [
            [
                found["name"]
                for found in type_in(both, monkeypatch, capsys, *words, "--format", "json").json["registries"]
            ]
            for words in (["plan"], ["plan", "--registry", "bakery"], ["--registry", "bakery", "plan"])
        ]
        refused = type_in(both, monkeypatch, capsys, "explain", "bread:v1")
        explained = type_in(both, monkeypatch, capsys, "explain", "bread:v1", "--registry", "bakery")
    assert names == [["acme", "bakery"], ["bakery"], ["bakery"]]
    assert refused.code == 2
    assert "acme, bakery" in refused.err
    assert explained.code == 0


def test_one_failing_registry_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown registry is an error of its own; the other is planned, and the exit code is 1."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "cellar"))
        answer = type_in(both, monkeypatch, capsys, "plan", "--format", "json")
    acme, cellar = answer.json["registries"]
    assert answer.code == 1
    assert acme["error"] is None
    assert acme["manifests"] == 18
    assert cellar["error"]


def test_apply_leaves_a_registry_in_mode_plan_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside one in mode enforce, it is in the document with nothing done and a warning."""
    with scene(tmp_path, two_registries()) as both:
        both.configure(TWO.replace("FIRST", "bakery"))
        answer = type_in(both, monkeypatch, capsys, "apply", "--yes", "--format", "json")
        asked = [path for path in both.requests() if "/acme" in path]
    acme, bakery = answer.json["registries"]
    assert answer.code == 0
    assert acme["deleted"] == []
    assert "no policy of it is in mode enforce" in acme["warnings"][-1]
    assert len(bakery["deleted"]) == 1
    assert asked == []
