"""The dashboard's shape: what Grafana would show wrongly, or only on the machine where it was made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations

import pytest
import yaml

from tests.deploy.queries import DASHBOARD, DEPLOY, Json, dashboard, panels

PROVISIONING = DEPLOY / "grafana" / "provisioning"
QUESTIONS = ["Am I inside my plan?", "What was freed?", "Is anything stuck?"]


def every() -> list[Json]:
    """All panels, with the rows."""
    return list(dashboard()["panels"])


def values(of: object, key: str) -> Iterator[object]:
    """Every value of that key, wherever it stands."""
    if isinstance(of, list):
        for each in of:
            yield from values(each, key)
    elif isinstance(of, dict):
        for name, value in of.items():
            if name == key:
                yield value
            yield from values(value, key)


def cells(panel: Json) -> set[tuple[int, int]]:
    """The cells of the grid that a panel covers."""
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_it_is_written_so_that_changes_show() -> None:
    """Sorted keys and one way of indenting: a change in Grafana, exported, is a small diff."""
    assert DASHBOARD.read_text(encoding="utf-8") == json.dumps(dashboard(), indent=2, sort_keys=True) + "\n"


def test_it_answers_three_questions_in_their_order() -> None:
    """They are its first rows."""
    rows = sorted((panel for panel in every() if panel["type"] == "row"), key=lambda row: int(row["gridPos"]["y"]))
    assert [row["title"] for row in rows][:3] == QUESTIONS


def test_every_panel_has_an_id_of_its_own() -> None:
    """Links and exports name a panel by it."""
    ids = [panel["id"] for panel in every()]
    assert ids == list(range(1, len(ids) + 1))


def test_no_panel_lies_over_another() -> None:
    """Each has its place in the grid, which is 24 wide."""
    assert all(x < 24 for panel in every() for x, _ in cells(panel))
    assert not [(a["title"], b["title"]) for a, b in combinations(every(), 2) if cells(a) & cells(b)]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    """Each has a title, a sentence on what it shows, a unit, thresholds, and queries with names of their own."""
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])


def test_titles_tell_the_panels_apart() -> None:
    """No two are called the same."""
    titles = [panel["title"] for panel in every()]
    assert len(set(titles)) == len(titles)


def test_the_data_source_is_chosen_by_who_looks() -> None:
    """No panel and no variable names one by an id that only one Grafana knows."""
    sources = list(values(dashboard(), "datasource"))
    assert len(sources) > len(panels())
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_both_variables_are_there_and_no_others_are_used() -> None:
    """The data source and the registries; every panel on registries shows those chosen."""
    declared = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)", DASHBOARD.read_text(encoding="utf-8")))
    assert declared == used == {"datasource", "registry"}


def test_provisioning_finds_the_dashboard() -> None:
    """The provider looks where the Compose file mounts the dashboard's folder."""
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "registry-cleaner.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    folder = provider["providers"][0]["options"]["path"]
    assert f"../grafana:{folder}:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_PATHS_PROVISIONING"] == f"{folder}/{PROVISIONING.name}"
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/{DASHBOARD.name}"
