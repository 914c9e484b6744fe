"""`cleaner apply`: it asks first, does what the plan says, and reports what it did, also when it is stopped."""

from __future__ import annotations

import re
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.simulator.behaviour import Behaviour
from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene, on_a_terminal, scene, shop_policy, shop_registry

KEYS = {
    "name",
    "error",
    "deleted",
    "failed",
    "skipped",
    "held_back",
    "predicted_freed_bytes",
    "garbage_collection",
    "warnings",
}


def test_the_document_has_the_keys_of_the_contract(acme: Scene, cleaner: Cleaner) -> None:
    """What was planned is what was deleted, and the collection freed what was predicted."""
    planned = cleaner("plan", "--format", "json").registry
    answer = cleaner("apply", "--yes", "--format", "json")
    found = answer.registry
    assert answer.code == 0
    assert found.keys() == KEYS
    assert found["error"] is None
    where = [{"repository": d["repository"], "digest": d["digest"]} for d in planned["deletions"]]
    assert sorted(found["deleted"], key=str) == sorted(where, key=str)
    assert found["garbage_collection"].keys() == {"uuid", "status", "freed_bytes", "blobs_deleted"}
    assert found["predicted_freed_bytes"] == planned["freed_bytes"] == found["garbage_collection"]["freed_bytes"]
    assert acme.digests().isdisjoint({d["digest"] for d in planned["deletions"]})
    assert len(acme.digests()) == planned["kept"]


def test_the_table_says_it_too(cleaner: Cleaner) -> None:
    """What was deleted stands first, the account last; every deletion was told on stderr."""
    answer = cleaner("apply", "--yes")
    assert answer.out.splitlines()[-1].startswith("acme: 8 deleted, 0 failed, 0 skipped")
    assert "The garbage collection succeeded" in answer.out
    assert answer.err.count(" deleted\n") == 8


@pytest.mark.parametrize(
    ("configuration", "arguments"),
    [
        (shop_policy(mode="plan"), ["--yes"]),
        (shop_policy(), []),
        (shop_policy(), ["--yes", "--registry", "other"]),
    ],
    ids=["mode", "terminal", "registry"],
)
def test_a_refusal_stands_in_the_document(
    configuration: str, arguments: list[str], acme: Scene, cleaner: Cleaner
) -> None:
    """Whatever the exit code, stdout is one document with every key, once the file loads."""
    acme.configure(configuration)
    answer = cleaner("apply", "--format", "json", *arguments)
    assert answer.code == 2
    assert answer.registry.keys() == KEYS
    assert answer.registry["error"]
    assert answer.registry["garbage_collection"] is None


def test_what_is_announced_is_no_trouble(acme: Scene, cleaner: Cleaner) -> None:
    """Nothing goes before its notice has run out; the report tells when it will, and the exit code is 0."""
    acme.configure(shop_policy(top="notice: 24h"))
    answer = cleaner("apply", "--yes")
    assert answer.code == 0
    assert acme.requests("DELETE") == []
    assert answer.out.splitlines()[1].strip() == "Announced"
    assert "after the notice of 1 d" in answer.out


def test_an_allowed_repository_passes_the_limits_once(acme: Scene, cleaner: Cleaner) -> None:
    """Held back without a person's word, deleted with it; a name that nothing bears is warned of."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    assert cleaner("apply", "--yes").code == 3
    assert acme.requests("DELETE") == []
    answer = cleaner("apply", "--yes", "--allow", "shop/web", "--allow", "shop/wbe", "--format", "json")
    assert answer.code == 0
    assert len(answer.registry["deleted"]) == 8
    assert "warning: --allow shop/wbe" in answer.err
    assert "--allow shop/web:" not in answer.err


@pytest.mark.parametrize("typed", ["\n", "n\n", "maybe\n", "\x04"])
def test_a_declined_prompt_is_0_and_deletes_nothing(typed: str, acme: Scene) -> None:
    """Only a yes is a yes; the plan was shown, stdout holds the document of a run that did nothing."""
    code, out, screen = on_a_terminal(acme, typed, "apply", "--format", "json")
    assert code == 0
    assert "8 manifests to go" in screen
    assert re.search(r'"deleted": \[\]', out)
    assert acme.requests("DELETE", "POST", "PUT") == []


@pytest.mark.parametrize(
    ("collecting", "why"),
    [
        ("min_freed: 1TiB", "that is less than garbage_collection.min_freed, 1 TiB"),
        ("schedule: never", "garbage_collection.schedule is never"),
        ('schedule: "0 4 * * *"', "garbage_collection.schedule is 0 4 * * *"),
    ],
)
def test_a_collection_that_was_not_started_is_explained(collecting: str, why: str, acme: Scene) -> None:
    """Space that does not come back must not be a riddle."""
    acme.configure(shop_policy(collection=collecting))
    assert f"No garbage collection was started: {why}." in acme.run("apply", "--yes").out


def test_a_yes_is_carried_out(acme: Scene) -> None:
    """The question names how much; after the answer it is done."""
    code, out, screen = on_a_terminal(acme, "y\n", "apply")
    assert code == 0
    assert "Delete 8 manifests in acme" in screen
    assert "8 deleted" in out


def test_what_is_allowed_is_shown_before_asking(acme: Scene) -> None:
    """The plan that a person agrees to is the one that is carried out."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    _, _, without = on_a_terminal(acme, "n\n", "apply")
    _, _, allowed = on_a_terminal(acme, "n\n", "apply", "--allow", "shop/web")
    assert "Delete 0 manifests" in without
    assert "Delete 8 manifests" in allowed


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_it_reports_so_far_and_exits_130(tmp_path: Path, stop: signal.Signals) -> None:
    """Ctrl-C, or a service manager, ends the run after the requests in hand; the document tells what was deleted."""
    slow = Behaviour(token=TOKEN, latency=timedelta(milliseconds=150))
    with scene(tmp_path, shop_registry(), behaviour=slow) as acme:
        acme.configure(shop_policy())
        with acme.start("apply", "--yes", "--format", "json", stdin=subprocess.DEVNULL) as process:
            assert process.stderr is not None
            while not process.stderr.readline().endswith(" deleted\n"):
                assert process.poll() is None
            process.send_signal(stop)
            out, err = process.communicate(timeout=30)
        gone = 18 - len(acme.digests())
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    assert 1 <= gone < 8
    assert out.count('"digest"') >= gone
