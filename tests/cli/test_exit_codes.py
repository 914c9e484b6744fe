"""The exit codes of contracts.md: 2 before any request, 1 for what failed, 3 for what was held back, 0 otherwise."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cleaner.cli.outcome import worst
from cleaner.clock import new_id, utc_now
from cleaner.ledger.opening import open_ledger
from cleaner.simulator.serve import Origins
from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, scene, shop, shop_policy, type_in
from tests.loopback import ask
from tests.shelves import registry

WRONG_FROM_THE_START = {
    "an option that does not exist": (["plan", "--nope"], "No such option"),
    "a command that does not exist": (["purge"], "No such command"),
    "a form that does not exist": (["plan", "--format", "xml"], "'--format': 'xml' is not one of 'table', 'json'."),
    "a form that does not exist, before the command": (["--format", "xml", "plan"], "'--format': 'xml' is not one of"),
    "a file that does not exist": (["plan", "-c", "nowhere.yaml"], "nowhere.yaml"),
    "a registry that the file does not have": (["plan", "--registry", "other"], "acme"),
    "a time that is none": (["plan", "--at", "yesterday"], "2026-12-01T10:00"),
    "a time outside the calendar": (["plan", "--at", "9999-12-31T23:59:59-23:00"], "2026-12-01"),
    "an image without a repository": (["explain", ":v1"], "REPOSITORY"),
    "a digest that is too short": (["explain", "shop/web@sha256:abc"], "12 hexadecimal digits"),
    "no terminal to ask on": (["apply"], "--yes"),
    "no terminal to ask on before a cancellation": (["gc", "cancel"], "--yes"),
    "a limit below one": (["history", "runs", "--limit", "0"], "--limit"),
    "an address that is none": (["run", "--listen", "nowhere"], "--listen nowhere: expected HOST:PORT"),
    "an empty address": (["run", "--listen", ""], "expected HOST:PORT"),
    "an address that nobody may listen on": (["run", "--listen", "192.0.2.1:9095"], "192.0.2.1"),
    "a log level that does not exist": (["run", "--log-level", "loud"], "'--log-level': 'loud' is not one of 'debug',"),
    "a history without a state": (["history", "runs"], "state.db"),
}


@pytest.mark.parametrize("case", WRONG_FROM_THE_START)
def test_what_is_wrong_from_the_start_is_2_and_sends_nothing(case: str, acme: Scene, cleaner: Cleaner) -> None:
    """Flags, arguments and a missing terminal are known before any request, and the message says what was expected."""
    arguments, expected = WRONG_FROM_THE_START[case]
    acme.forget()
    answer = cleaner(*arguments)
    assert answer.code == 2
    assert expected in answer.err
    assert answer.out == ""
    assert acme.requests() == []


@pytest.mark.parametrize(
    "command", [["plan"], ["apply", "--yes"], ["check"], ["explain", "shop/web"], ["gc", "status"]]
)
def test_a_broken_file_is_2_with_every_problem(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """Each problem stands on a line of its own with file, line and column, and no request is sent."""
    acme.configure("grace: soon\nrecheck: never\nregistries: []\n")
    answer = cleaner(*command)
    problems = [line for line in answer.err.splitlines() if line.startswith("config.yaml:")]
    assert answer.code == 2
    assert [line.split(":")[1] for line in problems] == ["7", "8", "9"]
    assert acme.requests() == []


@pytest.mark.parametrize("command", [["apply"], ["apply", "--yes"], ["gc", "start"], ["gc", "cancel", "--yes"]])
def test_mode_plan_changes_nothing(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """Where no policy is in mode enforce, what changes a registry is 2, and says which key to set."""
    acme.configure(shop_policy(mode="plan"))
    answer = cleaner(*command)
    assert answer.code == 2
    assert "mode: enforce" in answer.err
    assert acme.requests() == []


@pytest.mark.parametrize("command", [["apply", "--yes"], ["gc", "start"], ["gc", "cancel", "--yes"]])
def test_a_state_that_cannot_be_written_is_2(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """What could not be written down is not begun."""
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    answer = cleaner(*command)
    assert answer.code == 2
    assert "nowhere" in answer.err
    assert acme.requests() == []


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["gc", "status"], ["check", "--online"]])
def test_a_missing_token_is_2(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """The variable that the file names is not set: known before any request."""
    acme.environment.clear()
    answer = cleaner(*command)
    assert answer.code == 2
    assert "DIGITALOCEAN_ACCESS_TOKEN" in answer.err
    assert acme.requests() == []


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["explain", "shop/web"], ["check", "--online"]])
def test_a_wrong_token_is_1(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """The provider does not let it in; the token itself is never shown."""
    acme.environment["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_wrong"
    answer = cleaner(*command)
    assert answer.code == 1
    assert "dop_v1_wrong" not in answer.out + answer.err


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["gc", "history"]])
def test_an_unknown_registry_is_1(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """The provider does not know it, in either family of paths."""
    acme.configure(shop_policy().replace("name: acme", "name: other"))
    answer = cleaner(*command)
    assert answer.code == 1
    assert "other" in answer.err


def test_an_unreachable_provider_is_1(acme: Scene, cleaner: Cleaner) -> None:
    """Nobody listens; each new try is told on stderr, and stdout is a document all the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    acme.origins = Origins(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    acme.configure(shop_policy())
    answer = cleaner("plan", "--format", "json")
    assert answer.code == 1
    assert answer.registry["error"]
    assert "the next try comes in" in answer.err


def test_another_run_is_1(acme: Scene, cleaner: Cleaner) -> None:
    """One run a registry at a time, whoever starts it."""
    ledger = open_ledger(f"sqlite:///{acme.folder / 'state.db'}", now=utc_now, new_id=new_id)
    with ledger.hold("acme"):
        answer = cleaner("apply", "--yes")
    ledger.close()
    assert answer.code == 1
    assert "acme" in answer.err


def test_a_collection_that_outlasts_its_timeout_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else's is followed to its end or to the timeout; nothing is deleted meanwhile."""
    with scene(tmp_path, registry(shop()), collection=timedelta(hours=1)) as acme:
        acme.configure(shop_policy(collection="timeout: 1s"))
        token = {"Authorization": f"Bearer {acme.environment['DIGITALOCEAN_ACCESS_TOKEN']}"}
        ask("POST", f"{acme.origins.control}/v2/registries/acme/garbage-collection", headers=token).raise_for_status()
        answer = type_in(acme, monkeypatch, capsys, "apply", "--yes")
        assert answer.code == 1
        assert "timeout" in answer.err
        assert acme.requests("DELETE") == []


def test_what_is_ordinary_is_0(acme: Scene, cleaner: Cleaner) -> None:
    """A plan with deletions, a run that carries them out, and a second run that finds nothing to do."""
    assert cleaner("plan").code == 0
    assert cleaner("apply", "--yes").code == 0
    assert acme.requests("DELETE") != []
    assert cleaner("apply", "--yes").code == 0


def without_body(content: dict[str, Any]) -> None:
    """One manifest is unknown to the data plane."""
    del content["registries"][0]["repositories"][0]["manifests"][0]["body"]


def one_tag_twice(content: dict[str, Any]) -> None:
    """One tag stands on two digests."""
    for entry in content["registries"][0]["repositories"][0]["manifests"][:2]:
        entry["tags"] = ["twice"]


HELD_BACK = {
    "share": (shop_policy(limits="share: 10%, keep_at_least: 1"), None),
    "cap": (shop_policy(limits="deletions: 1, share: 100%, keep_at_least: 1"), None),
    "source": (shop_policy(in_use="[{file: images.txt}]"), None),
    "manifest": (shop_policy(), without_body),
    "listing": (shop_policy(), one_tag_twice),
}


@pytest.mark.parametrize("reason", HELD_BACK)
@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_what_is_held_back_is_3(
    reason: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A share, a cap, a source, a manifest or a listing that held deletions back; the document says which."""
    configuration, damage = HELD_BACK[reason]
    content = json.loads(json.dumps(registry(shop())))
    if damage is not None:
        damage(content)
    with scene(tmp_path, content) as acme:
        acme.configure(configuration)
        answer = type_in(acme, monkeypatch, capsys, *command, "--format", "json")
    assert answer.code == 3
    assert [held["reason"] for held in answer.registry["held_back"]] == [reason]


def test_2_comes_before_1_and_1_before_3() -> None:
    """Of several registries the worst decides."""
    assert [worst(codes) for codes in ([0, 3, 1, 2], [3, 0, 1], [0, 3], [0], [])] == [2, 1, 3, 0, 0]
