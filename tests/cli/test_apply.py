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
from tests.cli.stranger import Stranger
from tests.shelves import digest_of

KEYS = {
    "name",
    "error",
    "deleted",
    "failed",
    "skipped",
    "restored",
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
    """Held back without a person's word, deleted with it."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    assert cleaner("apply", "--yes").code == 3
    assert acme.requests("DELETE") == []
    answer = cleaner("apply", "--yes", "--allow", "shop/web", "--format", "json")
    assert answer.code == 0
    assert len(answer.registry["deleted"]) == 8


def test_a_name_to_allow_that_nothing_bears_is_1_and_deletes_nothing(acme: Scene, cleaner: Cleaner) -> None:
    """What was meant would have been held back, beside a run that looks well: a person looks again."""
    answer = cleaner("apply", "--yes", "--allow", "shop/web", "--allow", "shop/wbe", "--format", "json")
    assert answer.code == 1
    assert "--allow shop/wbe: no repository of that name" in answer.registry["error"]
    assert "Did you mean: shop/web?" in answer.registry["error"]
    assert acme.requests("DELETE", "POST", "PUT") == []


def test_a_name_to_allow_under_another_mode_is_1(acme: Scene, cleaner: Cleaner) -> None:
    """It is there, and nothing of it would go."""
    other = "      - {repositories: [other], mode: enforce, keep: [{tags: [main]}]}\n"
    acme.configure(shop_policy(mode="plan").replace('["*"]', '["shop/*"]') + other)
    answer = cleaner("apply", "--yes", "--allow", "shop/web")
    assert answer.code == 1
    assert "under a policy in mode enforce" in answer.err


@pytest.mark.parametrize("output", ["json", "table"])
def test_what_turned_out_to_be_needed_and_came_back_is_reported(output: str, acme: Scene, cleaner: Cleaner) -> None:
    """The last look before the collection brought it back: the document and the table name it."""
    acme.configure(shop_policy(collection="schedule: before-clean, min_freed: 0B"))
    stranger = Stranger(acme)
    children = [stranger.pull(child["digest"]) for child in stranger.pull("v1").json()["manifests"]]
    assert cleaner("apply", "--yes", "--format", "json").registry["restored"] == []
    stranger.push_index("main", children)
    answer = cleaner("apply", "--yes", "--format", output)
    digests = sorted(digest_of(child.text) for child in children)
    if output == "json":
        restored = answer.registry["restored"]
        assert sorted(restored, key=str) == [{"repository": "shop/web", "digest": digest} for digest in digests]
    else:
        assert "Brought back" in answer.out
        assert all(digest.removeprefix("sha256:")[:12] in answer.out for digest in digests)


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
def test_a_collection_that_was_not_started_is_explained(
    collecting: str, why: str, acme: Scene, cleaner: Cleaner
) -> None:
    """Space that does not come back must not be a riddle."""
    acme.configure(shop_policy(collection=collecting))
    assert f"No garbage collection was started: {why}." in cleaner("apply", "--yes").out


def test_a_yes_is_carried_out(acme: Scene) -> None:
    """The question names how much; after the answer it is done."""
    code, out, screen = on_a_terminal(acme, "y\n", "apply")
    assert code == 0
    assert "Delete 8 manifests in acme" in screen
    assert "8 deleted" in out


@pytest.mark.parametrize("collecting", ["schedule: before-clean", 'schedule: "0 4 * * *"', "schedule: never"])
def test_a_collection_that_does_not_follow_is_not_asked_for(collecting: str, acme: Scene) -> None:
    """Only after-clean frees the space at once: elsewhere the question does not say so."""
    _, _, following = on_a_terminal(acme, "n\n", "apply")
    acme.configure(shop_policy(collection=collecting))
    _, _, alone = on_a_terminal(acme, "n\n", "apply")
    assert "Delete 8 manifests in acme, and let a garbage collection free their space? [y/N]" in following
    assert "Delete 8 manifests in acme? [y/N]" in alone


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_at_the_question_it_is_130(stop: signal.Signals, acme: Scene) -> None:
    """As in the run itself, whoever stops it: nothing was begun."""
    code, _, screen = on_a_terminal(acme, stop, "apply")
    assert code == 130
    assert "Traceback" not in screen
    assert acme.requests("DELETE", "POST", "PUT") == []


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
