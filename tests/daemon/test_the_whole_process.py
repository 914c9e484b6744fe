"""The daemon as it is deployed, from its start over everything that befalls it to its restart: nothing lost or doubled.

The only test that waits for a real clock: its first two runs begin with the next minute.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from cleaner.clock import utc_now
from cleaner.model.run import STOPPED
from cleaner.simulator.behaviour import Behaviour
from tests.cli.scene import Scene, scene
from tests.daemon.process import Daemon, daemon, wait_for
from tests.loopback import ask
from tests.shelves import Shelf, registry

OLD, NEW, ADMIN = "dop_v1_before_the_rotation", "dop_v1_after_the_rotation", "only-for-operators"
EACH_MINUTE = "* * * * *"
EVERY_DAY = f"17 {(utc_now() + timedelta(hours=12)).hour} * * *"

CONFIG = """
mode: enforce
protect: {{in_use: none}}
limits: {{share: 100%, keep_at_least: 1}}
state: sqlite:///state.db
admin: {{token: {{file: admin}}}}
api:
  token: {{file: token}}
  url: {origins.control}
  registry_url: {origins.registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
registries:
  - name: acme
    schedule: "{schedule}"
    policies: [{{repositories: ["*"], keep: [{{tags: ["v*"], last: {acme}}}]}}]
  - name: beta
    schedule: "{schedule}"
    policies: [{{repositories: ["*"], keep: [{{tags: ["v*"], last: {beta}}}]}}]
"""


def shelf(name: str, count: int) -> Shelf:
    """So many versions, every fourth an index of two."""
    made = Shelf(name)
    for number in range(count):
        days = 2 + (count - number) / 10
        if number % 4:
            made.image(f"v{number}", days=days)
        else:
            made.index([made.image(days=days), made.image(days=days)], f"v{number}", days=days)
    return made


def configure(world: Scene, schedule: str, acme: int, beta: int) -> None:
    """Write the configuration: how many versions each registry keeps."""
    text = CONFIG.format(origins=world.origins, schedule=schedule, acme=acme, beta=beta)
    world.config.write_text(text.replace("state.db", str(world.folder / "state.db")), encoding="utf-8")


def log_of(world: Scene) -> list[dict[str, Any]]:
    """Every request so far."""
    log: list[dict[str, Any]] = ask("GET", f"{world.origins.control}/_simulator/requests").json()["requests"]
    return log


def deleted(world: Scene, name: str) -> Counter[str]:
    """How often each digest of a registry was deleted, by the provider's answers."""
    return Counter(
        request["path"].rpartition("/")[2]
        for request in log_of(world)
        if request["method"] == "DELETE" and request["status"] == 204 and f"/{name}/" in request["path"]
    )


def versions_left(world: Scene) -> dict[str, set[str]]:
    """The version tags that each registry still holds."""
    state = ask("GET", f"{world.origins.control}/_simulator/state").json()
    return {
        each["name"]: {tag for repository in each["repositories"] for m in repository["manifests"] for tag in m["tags"]}
        for each in state["registries"]
    }


def newest(count: int, of: int) -> set[str]:
    """The tags of the newest versions."""
    return {f"v{number}" for number in range(of - count, of)}


def in_the_ledger(world: Scene, question: str) -> list[Any]:
    """What the ledger says, read by nobody's code but SQLite's."""
    with sqlite3.connect(world.folder / "state.db") as connection:
        answer = connection.execute(question).fetchall()
        connection.commit()
    connection.close()
    return answer


def two_scheduled_runs(world: Scene, keeper: Daemon) -> None:
    """Both registries are cleaned with the next minute."""
    for name in ("acme", "beta"):
        assert keeper.told("run ended", registry=name)[0]["outcome"] == "success"
    assert versions_left(world) == {"acme": newest(60, 80), "beta": newest(500, 520)}


def a_reload(world: Scene, keeper: Daemon) -> None:
    """A broken file changes nothing, and that is seen; a sound one is in force at once."""
    sound = world.config.read_text(encoding="utf-8")
    world.config.write_text(sound.replace("schedule", "shedule"), encoding="utf-8")
    keeper.hang_up()
    assert "shedule" in keeper.told("configuration not reloaded: the old one stays in force")[0]["error"]
    assert keeper.metric("registry_cleaner_configuration_last_reload_successful") == 0
    assert ask("GET", f"{keeper.url}/-/ready").status_code == 200
    configure(world, EVERY_DAY, acme=40, beta=500)
    keeper.hang_up()
    keeper.told("configuration reloaded")
    assert keeper.metric("registry_cleaner_configuration_last_reload_successful") == 1
    begun = len(keeper.lines("run ended", registry="acme"))
    assert keeper.post("/-/run/acme", "a guess").status_code == 401
    assert keeper.post("/-/run/acme", ADMIN).status_code == 202
    assert keeper.told("run ended", begun + 1, registry="acme")[-1]["outcome"] == "success"
    assert versions_left(world)["acme"] == newest(40, 80)


def a_rotation(world: Scene, keeper: Daemon, behaviour: Behaviour) -> None:
    """The provider takes another token from now on; so does the daemon, without a reload."""
    (world.folder / "token").write_text(NEW, encoding="utf-8")
    object.__setattr__(behaviour, "token", NEW)  # the account, where somebody presses a button
    begun = len(keeper.lines("run ended", registry="acme"))
    assert keeper.post("/-/run/acme", ADMIN).status_code == 202
    assert keeper.told("run ended", begun + 1, registry="acme")[-1]["outcome"] == "success"


def days_go_by(world: Scene) -> None:
    """The ledger as it is when the process was down for three days, while the policy was tightened."""
    configure(world, EVERY_DAY, acme=20, beta=100)
    in_the_ledger(world, "update schedules set fired_at = fired_at - 3 * 86400000000")


def stopped_in_the_middle(world: Scene, keeper: Daemon) -> None:
    """SIGTERM while the missed run on beta is being caught up: what was sent is on record, and nothing more is sent."""
    before = deleted(world, "beta").total()
    wait_for(lambda: deleted(world, "beta").total() > before + 40 or None, "the run to be in its middle")
    assert keeper.stop() == 0
    gone = deleted(world, "beta").total()
    assert before + 40 < gone < before + 400
    outcomes = in_the_ledger(world, "select outcome, count(*) from deletions where registry = 'beta' group by outcome")
    assert dict(outcomes)["deleted"] == gone
    assert None not in dict(outcomes)
    assert keeper.lines("run ended", registry="beta")[-1]["outcome"] == "stopped"
    assert in_the_ledger(world, "select exit_code from runs where registry = 'beta' order by started_at")[-1] == (
        STOPPED,
    )


def test_from_start_to_restart_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    """Scheduled runs, SIGHUP bad and good, a rotation, a missed run caught up, SIGTERM in its middle, a restart."""
    worlds = registry(shelf("shop", 80)), registry(shelf("shop", 520), name="beta")
    content = {"registries": [each for world in worlds for each in cast("list[object]", world["registries"])]}
    behaviour = Behaviour(token=OLD, latency=timedelta(milliseconds=10))
    with scene(tmp_path, content, behaviour=behaviour) as world:
        (world.folder / "token").write_text(OLD, encoding="utf-8")
        (world.folder / "admin").write_text(ADMIN, encoding="utf-8")
        configure(world, EACH_MINUTE, acme=60, beta=500)
        with daemon(world, "first") as keeper:
            two_scheduled_runs(world, keeper)
            a_reload(world, keeper)
            a_rotation(world, keeper, behaviour)
            assert keeper.stop() == 0
        days_go_by(world)
        with daemon(world, "second") as keeper:
            stopped_in_the_middle(world, keeper)
            assert len(keeper.lines("run began", registry="beta")) == 1
        with daemon(world, "third") as keeper:
            assert keeper.told("run ended", registry="beta")[0]["outcome"] == "success"
            wait_for(lambda: versions_left(world)["acme"] == newest(20, 80) or None, "acme to be clean")
            keeper.told("forecast made", registry="beta")
            assert keeper.stop() == 0
            assert len(keeper.lines("run began", registry="beta")) == 1
        assert versions_left(world) == {"acme": newest(20, 80), "beta": newest(100, 520)}
        for name in ("acme", "beta"):
            assert set(deleted(world, name).values()) == {1}
        others = in_the_ledger(world, "select distinct outcome, error from deletions where outcome is not 'deleted'")
        assert set(others) <= {("failed", "the run was stopped before it was sent")}
