"""`cleaner run`: what is wrong is known before the first request; `--once` does one round and exits as `apply` does."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cleaner.clock import new_id, utc_now
from cleaner.ledger.opening import open_ledger
from cleaner.simulator.behaviour import Behaviour
from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Answer, Scene, scene, shop_policy
from tests.daemon.logged import logging_to
from tests.shelves import Shelf, registry

FREE = ["--listen", "127.0.0.1:0"]
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """The command sets up the log of its process: afterwards it is as it was."""
    with logging_to(io.StringIO()):
        yield


def log(answer: Answer) -> list[dict[str, Any]]:
    """The lines of the log; stdout stays empty."""
    assert answer.out == ""
    return [json.loads(line) for line in answer.err.splitlines()]


WRONG_FROM_THE_START = {
    "an address without a port": (["--listen", "localhost"], "HOST:PORT"),
    "a port that is none": (["--listen", "localhost:http"], "HOST:PORT"),
    "a port that is too high": (["--listen", "localhost:65536"], "HOST:PORT"),
    "an empty address": (["--listen", ""], "HOST:PORT"),
    "an address of nobody here": (["--listen", "192.0.2.1:9095"], "cannot listen on 192.0.2.1"),
    "a level that does not exist": ([*FREE, "--log-level", "loud"], "loud"),
    "a registry that the file does not have": ([*FREE, "--registry", "other"], "acme"),
    "a file that does not exist": ([*FREE, "-c", "nowhere.yaml"], "nowhere.yaml"),
    "an option that does not exist": (["--daemon"], "No such option"),
}


@pytest.mark.parametrize("case", WRONG_FROM_THE_START)
def test_what_is_wrong_from_the_start_is_2_and_sends_nothing(case: str, acme: Scene, cleaner: Cleaner) -> None:
    """The message says what was expected."""
    arguments, expected = WRONG_FROM_THE_START[case]
    answer = cleaner("run", *arguments)
    assert answer.code == 2
    assert expected in answer.err
    assert acme.requests() == []


WRONG_FILES = {
    "an unknown key": ("shedule: nightly", "shedule"),
    "a schedule that never fires": ('registries: [{name: a, schedule: "0 0 31 2 *"}]', "fires at some time"),
    "a level that does not exist": ("log: {level: loud}", "debug"),
    "an operators' token that is missing": ("admin: {token: {env: NOBODY_SET_THIS}}", "NOBODY_SET_THIS"),
    "a heartbeat that is missing": ("heartbeat: {url: {file: nowhere}}", "nowhere"),
    "a token that is missing": ("token", "DIGITALOCEAN_ACCESS_TOKEN"),
    "a state that cannot be written": ("state", "nowhere"),
}


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["daemon", "once"])
@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_cannot_be_used_is_2_and_sends_nothing(
    case: str, once: list[str], acme: Scene, cleaner: Cleaner
) -> None:
    """Everything that the daemon will need one night is looked at when it starts."""
    text, expected = WRONG_FILES[case]
    policy = shop_policy()
    if text == "token":
        acme.environment.clear()
    elif text == "state":
        acme.configure(policy, state=str(acme.folder / "nowhere" / "state.db"))
    elif text.startswith("heartbeat"):
        acme.configure(policy.replace("- name: acme", f"- name: acme\n    {text}"))
    else:
        acme.configure(f"{text}\n{policy}")
    answer = cleaner("run", *FREE, *once)
    assert answer.code == 2
    assert expected in answer.err
    assert acme.requests() == []


def test_an_address_that_is_taken_is_2(acme: Scene, cleaner: Cleaner) -> None:
    """Another daemon may listen there: nothing is begun."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = cleaner("run", "--listen", f"127.0.0.1:{listener.getsockname()[1]}")
    assert answer.code == 2
    assert "--listen" in answer.err
    assert acme.requests() == []


def test_once_cleans_collects_and_says_so_in_the_log(acme: Scene, cleaner: Cleaner) -> None:
    """One line a decision, as JSON; nothing is listened on, and nothing is written to stdout."""
    answer = cleaner("run", "--once")
    assert answer.code == 0
    assert len(acme.requests("DELETE")) == 8
    lines = log(answer)
    events = [line["event"] for line in lines]
    assert events.count("run began") == events.count("run ended") == 1
    assert "listening" not in events
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in lines))
    (ended,) = [line for line in lines if line["event"] == "run ended"]
    assert (ended["registry"], ended["outcome"], ended["deleted"]) == ("acme", "success", 8)
    with_run = [line for line in lines if line["event"] == "manifest deleted"]
    assert {line["run"] for line in with_run} == {ended["run"]}


def test_once_in_mode_plan_changes_nothing(acme: Scene, cleaner: Cleaner) -> None:
    """It judges and reports, and is 0."""
    acme.configure(shop_policy(mode="plan"))
    answer = cleaner("run", "--once")
    assert answer.code == 0
    assert acme.requests("DELETE", "POST", "PUT") == []
    assert [line["kind"] for line in log(answer) if line["event"] == "run ended"] == ["plan"]


def test_once_exits_with_what_the_runs_deserve(acme: Scene, cleaner: Cleaner) -> None:
    """As `apply` does: 3 for what was held back, 1 for what failed or could not begin."""
    acme.configure(shop_policy(limits="share: 10%, keep_at_least: 1"))
    assert cleaner("run", "--once").code == 3
    acme.configure(shop_policy())
    state = f"sqlite:///{acme.folder / 'state.db'}"
    with closing(open_ledger(state, now=utc_now, new_id=new_id)) as ledger, ledger.hold("acme"):
        assert cleaner("run", "--once").code == 1
    acme.environment["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_wrong"
    answer = cleaner("run", "--once")
    assert answer.code == 1
    assert "dop_v1_wrong" not in answer.err
    assert acme.requests("DELETE") == []


def test_once_speaks_of_the_registry_that_is_named(acme: Scene, cleaner: Cleaner) -> None:
    """The others of the file are left alone."""
    other = '  - {name: other, policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]}\n'
    acme.configure(shop_policy() + other)
    answer = cleaner("run", "--once", "--registry", "acme")
    assert answer.code == 0
    assert {line["registry"] for line in log(answer) if "registry" in line} == {"acme"}


@pytest.mark.parametrize(("level", "least"), [("debug", "request ended"), ("info", "run began")])
def test_the_flag_decides_how_much_is_logged(level: str, least: str, acme: Scene, cleaner: Cleaner) -> None:
    """Whatever the file says."""
    acme.configure(f"log: {{level: error}}\n{shop_policy()}")
    events = {line["event"] for line in log(cleaner("run", "--once", "--log-level", level))}
    assert least in events
    assert ("request ended" in events) == (level == "debug")


def test_without_the_flag_the_file_decides(acme: Scene, cleaner: Cleaner) -> None:
    """At error a good round is silent."""
    acme.configure(f"log: {{level: error}}\n{shop_policy()}")
    assert log(cleaner("run", "--once")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_stop_of_one_round_is_130_and_loses_no_record(tmp_path: Path, number: signal.Signals) -> None:
    """In a process of its own, in the middle of its deletions: what was answered is on record, nothing more is sent."""
    shelf = Shelf("shop")
    for age in range(80):
        shelf.image(f"v{age}", days=300 - age)
    with scene(
        tmp_path, registry(shelf), behaviour=Behaviour(token=TOKEN, latency=timedelta(milliseconds=30))
    ) as world:
        world.configure(shop_policy())
        with world.start("run", "--once", stdin=subprocess.DEVNULL) as process:
            wait_for_deletions(world, 12)
            process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        deleted = len(world.requests("DELETE"))
        assert 12 <= deleted < 70
        (ended,) = [line for line in map(json.loads, err.splitlines()) if line["event"] == "run ended"]
        assert (ended["outcome"], ended["deleted"]) == ("stopped", deleted)
        history = world.run("history", "deletions", "--limit", "1000", "--format", "json").json
        assert [each["outcome"] for each in history["deletions"]].count("deleted") == deleted
        assert None not in {each["outcome"] for each in history["deletions"]}


def wait_for_deletions(world: Scene, count: int) -> None:
    """As soon as the provider has seen so many."""
    end = time.monotonic() + PATIENCE
    while len(world.requests("DELETE")) < count:
        assert time.monotonic() < end, f"{count} deletions never came"
        time.sleep(0.02)
