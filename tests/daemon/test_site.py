"""What the daemon answers over HTTP, path by path."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from cleaner.config.settings import Place, Secret
from cleaner.daemon.documents import DELETIONS
from cleaner.daemon.page import SECURITY_POLICY
from cleaner.daemon.site import Site, site
from cleaner.model.event import ConfigurationReloaded, Planned, RunBegan
from cleaner.model.run import RunKind
from tests.daemon.boards import MALICE, Scene, alarming, condemned, hostile, live, plan_of_malice, scene, site_of
from tests.house import START

TOKEN = "let-me-in"
ADMIN = Secret.from_env("ADMIN", {"ADMIN": TOKEN}, Place("config.yaml", 1, 1))
LOST = Secret.from_env("ADMIN", {}, Place("config.yaml", 1, 1))
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/registries", "/api/v1/registries/acme"]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """A board over a house, of a daemon that has just started."""
    with scene(tmp_path) as fresh:
        yield fresh


@pytest.fixture
def lived(at: Scene) -> Scene:
    """A board that heard five nights of runs on one registry, and malice and every alarm of another."""
    live(at, days=5)
    for event in (*hostile(), *alarming(at)):
        at.board.hear(event)
    return at


def ask(at: Scene, of: Site, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> httpx.Response:
    """What the site answers."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(site(of))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return at.house.run(request())


def document(at: Scene, path: str) -> dict[str, Any]:
    """The JSON at a path."""
    return cast("dict[str, Any]", ask(at, site_of(at), path).json())


@pytest.mark.parametrize("path", PATHS)
def test_every_path_answers_from_the_start(at: Scene, path: str) -> None:
    """Before anything is known as well; and to HEAD."""
    assert ask(at, site_of(at), path).status_code == 200
    assert ask(at, site_of(at), path, "HEAD").status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/-/reload"])
def test_every_answer_tells_browsers_to_be_careful(at: Scene, path: str) -> None:
    """No script, no foreign content, no frame, no guess at its type, no copy, no word to the next site."""
    headers = ask(at, site_of(at), path).headers
    assert headers["content-security-policy"] == SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_metrics_are_given_as_they_are_asked_for(at: Scene) -> None:
    """The body and content type are those of the metrics, for the request's `Accept`."""
    answer = ask(at, site_of(at), "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.text == "# asked for application/openmetrics-text\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "change", "status", "words"),
    [
        ("/-/healthy", {}, 200, "Healthy"),
        ("/-/healthy", {"is_alive": lambda: False}, 503, "timetable has stopped"),
        ("/-/healthy", {"is_ready": lambda: False}, 200, "Healthy"),
        ("/-/ready", {}, 200, "Ready"),
        ("/-/ready", {"is_ready": lambda: False}, 503, "starting or stopping"),
    ],
)
def test_health_and_readiness(at: Scene, path: str, change: dict[str, Any], status: int, words: str) -> None:
    """Healthy while the timetable goes; ready from the end of the start to the beginning of the stop."""
    answer = ask(at, replace(site_of(at), **change), path)
    assert answer.status_code == status
    assert words in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nowhere", 404, "There is nothing at this path. The status page is at /."),
        ("GET", "/metrics/", 404, "There is nothing at this path. The status page is at /."),
        ("POST", "/", 405, "This path takes another method."),
        ("GET", "/-/reload", 405, "This path takes another method."),
        ("GET", "/-/run/acme", 405, "This path takes another method."),
    ],
)
def test_what_is_not_there_is_said_in_plain_words(at: Scene, method: str, path: str, status: int, words: str) -> None:
    """And nowhere is anybody redirected: that would repeat whatever host the request names."""
    answer = ask(at, site_of(at), path, method)
    assert (answer.status_code, answer.text) == (status, f"{words}\n")


@pytest.mark.parametrize("path", ["/api/v1/registries/none", "/api/v1/nowhere"])
def test_under_api_it_is_said_as_json(at: Scene, path: str) -> None:
    """A program finds the words under `error`."""
    answer = ask(at, site_of(at), path)
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]


@dataclass
class Door:
    """Counts what came through to the daemon."""

    reloads: int = 0
    runs: list[str] = field(default_factory=list)
    problems: str | None = None

    async def reload(self) -> str | None:
        self.reloads += 1
        return self.problems

    def start_run(self, registry: str) -> bool:
        self.runs.append(registry)
        return registry == "acme"

    def before(self, at: Scene, admin: Secret | None = ADMIN) -> Site:
        """The site with this door."""
        return replace(site_of(at), admin=lambda: admin, reload=self.reload, start_run=self.start_run)


@pytest.mark.parametrize("path", ["/-/reload", "/-/run/acme", "/-/run/none"])
@pytest.mark.parametrize(
    ("admin", "headers", "status", "words"),
    [
        (None, BEARER, 403, "admin: {token: {file: …}}"),
        (LOST, BEARER, 503, "cannot be read"),
        (ADMIN, {}, 401, "Authorization: Bearer"),
        (ADMIN, {"Authorization": "Bearer wrong"}, 401, "Authorization: Bearer"),
        (ADMIN, {"Authorization": "Bearer "}, 401, "Authorization: Bearer"),
        (ADMIN, {"Authorization": f"Basic {TOKEN}"}, 401, "Authorization: Bearer"),
        (ADMIN, {"Authorization": TOKEN}, 401, "Authorization: Bearer"),
        (ADMIN, {"Authorization": f"Bearer {TOKEN}é".encode("latin-1")}, 401, "Authorization: Bearer"),
    ],
    ids=["not enabled", "unreadable", "none", "wrong", "empty", "basic", "bare", "not ASCII"],
)
def test_nobody_gets_in_without_the_token(
    at: Scene, path: str, admin: Secret | None, headers: dict[str, str], status: int, words: str
) -> None:
    """Not even to learn which registries there are; and no answer holds the token."""
    door = Door()
    answer = ask(at, door.before(at, admin), path, "POST", headers)
    assert answer.status_code == status
    assert words in answer.text
    assert TOKEN not in answer.text
    assert (door.reloads, door.runs) == (0, [])


@pytest.mark.parametrize("word", ["Bearer", "bearer"])
def test_a_run_is_asked_for(at: Scene, word: str) -> None:
    """It is taken on (202); what a body says, nobody reads, and the connection ends."""
    door = Door()
    answer = ask(at, door.before(at), "/-/run/acme", "POST", {"Authorization": f"{word} {TOKEN}"})
    assert answer.status_code == 202
    assert answer.headers["connection"] == "close"
    assert door.runs == ["acme"]


def test_an_unknown_registry_is_not_cleaned(at: Scene) -> None:
    """404, to those who hold the token."""
    answer = ask(at, Door().before(at), "/-/run/none", "POST", BEARER)
    assert (answer.status_code, answer.text) == (404, "There is no such registry in the configuration.\n")


@pytest.mark.parametrize(("problems", "status"), [(None, 200), ("config.yaml:3:5: odd\nconfig.yaml:4:1: odder", 400)])
def test_a_reload_is_asked_for(at: Scene, problems: str | None, status: int) -> None:
    """Its problems are in the answer, all of them."""
    door = Door(problems=problems)
    answer = ask(at, door.before(at), "/-/reload", "POST", BEARER)
    assert answer.status_code == status
    assert (problems or "") in answer.text
    assert door.reloads == 1


def test_the_facts_are_there_as_json(lived: Scene) -> None:
    """Sizes in bytes, costs in dollars, times in UTC."""
    acme = document(lived, "/api/v1/registries")["registries"][0]
    assert acme["mode"] == "enforce"
    assert acme["storage"]["included_bytes"] == 100 * 2**30
    assert acme["storage"]["overage_dollars_per_month"] == 0.16
    assert acme["last_run"]["outcome"] == "held_back"
    assert acme["last_run"]["deleted"] == 9
    assert acme["last_run"]["ended_at"].endswith("Z")
    assert [due["schedule"] for due in acme["next_runs"]] == ["schedule"]
    assert acme["active_collection"] is None
    assert {goes["repository"]: goes["mode"] for goes in acme["plan"]["goes"]} == {
        "api": "enforce",
        "preview/web": "plan",
        "shop/web": "enforce",
    }
    assert acme["plan"]["unmanaged"] == [{"repository": "legacy/report", "manifests": 1, "bytes": 1000}]


def test_the_numbers_of_a_plan_add_up(lived: Scene) -> None:
    """What goes of each repository is what goes at all; that, the kept and the held back are all manifests."""
    plan = document(lived, "/api/v1/registries/acme")["plan"]
    going = sum(goes["manifests"] for goes in plan["goes"])
    assert going == len(document(lived, "/api/v1/registries/acme")["deletions"])
    assert plan["manifests"] == plan["kept"] + going + sum(held["manifests"] for held in plan["held_back"])


def test_one_registry_has_its_runs_and_deletions_besides(lived: Scene) -> None:
    """All that the list says of it, and more."""
    listed = document(lived, "/api/v1/registries")["registries"][0]
    alone = document(lived, "/api/v1/registries/acme")
    more = {"deletions", "deletions_left_out", "announced", "announced_left_out"}
    assert set(alone) - set(listed) == {"history_error", "runs", *more}
    assert [run["outcome"] for run in alone["runs"]] == ["held_back", "failed", "held_back", "held_back", "held_back"]
    assert alone["runs"][1]["error"] is not None
    assert alone["deletions"][0]["reasons"]


def keys(value: object) -> set[str]:
    """Every key in a document; those that are reasons in words are values here."""
    if isinstance(value, list):
        return {key for each in value for key in keys(each)}
    if isinstance(value, dict):
        return {key for key in value if " " not in key} | {key for each in value.values() for key in keys(each)}
    return set()


def test_every_key_is_documented(lived: Scene) -> None:
    """docs/api.md names each."""
    told = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    found = keys(document(lived, "/api/v1/registries")) | keys(document(lived, "/api/v1/registries/acme"))
    assert len(found) > 40
    assert {key for key in found if f'"{key}"' not in told and f"`{key}`" not in told} == set()


def test_malice_stays_as_it_is_in_json(lived: Scene) -> None:
    """A program reads the very names."""
    alone = document(lived, "/api/v1/registries/hostile")
    assert [goes["repository"] for goes in alone["plan"]["goes"]] == [*MALICE, "many"]
    assert alone["active_collection"]["overdue"] is True


def test_deletions_are_listed_up_to_a_bound(at: Scene) -> None:
    """What is left out is counted."""
    going = tuple(condemned("shop/web") for _ in range(DELETIONS + 7))
    at.board.hear(Planned(replace(plan_of_malice(), registry="acme", deletions=going), START))
    alone = document(at, "/api/v1/registries/acme")
    assert (len(alone["deletions"]), alone["deletions_left_out"]) == (DELETIONS, 7)


def test_a_run_under_way_is_no_past_one(at: Scene) -> None:
    """It is told as running, and stands among the past ones only once it has ended."""
    with at.house.application() as application:
        run = application.ledger.begin_run("acme", RunKind.CLEAN)
        at.board.hear(RunBegan("acme", run, RunKind.CLEAN))
        alone = document(at, "/api/v1/registries/acme")
    assert (alone["running"]["id"], alone["running"]["stage"]) == (run, "beginning")
    assert (alone["last_run"], alone["runs"]) == (None, [])


def test_a_run_that_died_has_no_outcome(at: Scene) -> None:
    """Of a run that this process knows nothing of, the ledger's word is all there is."""
    with at.house.application() as application:
        application.ledger.begin_run("acme", RunKind.CLEAN)
    last = document(at, "/api/v1/registries/acme")["last_run"]
    assert (last["outcome"], last["ended_at"]) == (None, None)


def test_a_reload_that_failed_is_told(at: Scene) -> None:
    """Until one succeeds."""
    at.board.hear(ConfigurationReloaded("config.yaml:3:5: odd"))
    assert document(at, "/api/v1/registries")["last_reload"]["error"] == "config.yaml:3:5: odd"
    at.board.hear(ConfigurationReloaded(None))
    assert document(at, "/api/v1/registries")["last_reload"]["error"] is None


@pytest.mark.parametrize("path", ["/", "/api/v1/registries", "/api/v1/registries/acme"])
def test_a_ledger_that_cannot_be_read_is_told(at: Scene, path: str) -> None:
    """What else is known is shown all the same."""
    live(at, days=1)
    with closing(sqlite3.connect(at.house.directory / "state.db")) as state:
        state.execute("DROP TABLE runs")
    answer = ask(at, site_of(at), path)
    assert answer.status_code == 200
    assert "state.db" in answer.text
    assert os.fspath(at.house.directory) in answer.text
    if path.endswith("acme"):
        assert answer.json()["last_run"]["deleted"] == 6
