"""The simulator's apps: served as they are, in pages, with their deployments apart."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.loading import LoadError, load_file
from tests.simulator.planes import START, Planes, load

APP: dict[str, object] = {"id": "a-1", "spec": {"name": "shop", "odd": [1.5, None]}, "active_deployment": 5}
DEPLOYMENTS: list[dict[str, object]] = [{"id": f"d-{number}", "phase": "SUPERSEDED"} for number in range(30)]
CONTENTS = {**load({}), "apps": [{**APP, "deployments": DEPLOYMENTS}, {"id": 7}]}


def test_apps_are_served_as_they_are_without_their_deployments() -> None:
    """Garbled values too; an app may have none."""
    assert Planes(CONTENTS).get("/v2/apps") == {"apps": [APP, {"id": 7}], "meta": {"total": 2}}


def test_the_deployments_of_an_app_come_in_pages() -> None:
    """Twenty by default, with links that name the provider's host."""
    planes = Planes(CONTENTS)
    first = cast("dict[str, object]", planes.get("/v2/apps/a-1/deployments"))
    last = cast("dict[str, object]", planes.get("/v2/apps/a-1/deployments?page=2"))
    assert (first["deployments"], last["deployments"]) == (DEPLOYMENTS[:20], DEPLOYMENTS[20:])
    links = {"next": "page=2&per_page=20", "last": "page=2&per_page=20"}
    below = "https://api.digitalocean.com/v2/apps/a-1/deployments?"
    assert first["links"] == {"pages": {name: below + query for name, query in links.items()}}
    assert first["meta"] == {"total": 30}


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/v2/apps", None, 401),
        ("/v2/apps", "another", 401),
        ("/v2/apps/a-1/deployments", None, 401),
        ("/v2/apps/nowhere/deployments", "T", 404),
        ("/v2/apps?per_page=201", "T", 400),
        ("/v2/apps/a-1/deployments?page=0", "T", 400),
    ],
)
def test_token_app_and_page_are_looked_at(path: str, token: str | None, status: int) -> None:
    """As at every other endpoint."""
    planes = Planes(CONTENTS, Behaviour(token="T"))
    assert planes.control("GET", path, token=token).status_code == status


def test_apps_may_change_at_any_time() -> None:
    """The world's list is everybody's; what was loaded is left alone."""
    planes = Planes(CONTENTS)
    planes.world.apps.pop()
    planes.world.apps.append({"id": "a-2", "deployments": [{"id": "d-1"}]})
    assert planes.get("/v2/apps") == {"apps": [APP, {"id": "a-2"}], "meta": {"total": 2}}
    assert planes.get("/v2/apps/a-2/deployments") == {"deployments": [{"id": "d-1"}], "meta": {"total": 1}}
    assert len(cast("list[object]", CONTENTS["apps"])) == 2


def test_the_state_shows_apps_where_there_are_any() -> None:
    """In the shape of the load file."""
    state = cast("dict[str, object]", Planes(CONTENTS).get("/_simulator/state"))
    assert state["apps"] == [{**APP, "deployments": DEPLOYMENTS}, {"id": 7, "deployments": []}]
    assert "apps" not in cast("dict[str, object]", Planes(load({})).get("/_simulator/state"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"registries": [], "apps": {}}', "the file: expected an object with a list under `apps`"),
        ('{"registries": [], "apps": [5]}', "apps[0] of the file: expected an object"),
        (
            '{"registries": [], "apps": [{"deployments": [5]}]}',
            "deployments[0] of apps[0] of the file: expected an obj",
        ),
    ],
)
def test_apps_of_another_structure_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    """The message names the place."""
    path = tmp_path / "load.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LoadError) as caught:
        load_file(path, START)
    assert expected in str(caught.value)
