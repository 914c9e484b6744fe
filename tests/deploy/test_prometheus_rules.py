"""The alert rules: each has its runbook, its test cases, and asks for metrics that there are."""

from __future__ import annotations

import re

import pytest
import yaml

from cleaner.daemon.declarations import Kind
from cleaner.daemon.metric_table import TABLE
from tests.deploy.queries import DEPLOY, EXPRESSIONS, RULES, Json, Selector, alerts, selectors

RUNBOOKS = DEPLOY.parent / "docs" / "alerts.md"
RUNBOOK_URL = "https://github.com/registry-cleaner/registry-cleaner/blob/main/docs/alerts.md#{}"
CASES = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
TARGET_LABELS = {"job", "instance"}
SUFFIXES = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}

LABELS = {
    declared.full_name + suffix: {label.name: label.values for label in declared.labels}
    for declared in TABLE
    for suffix in SUFFIXES.get(declared.kind, ("",))
}
SELECTORS = sorted({found for text in EXPRESSIONS for found in selectors(text)}, key=str)


def sections() -> dict[str, str]:
    """The runbooks by their headings."""
    _, *parts = re.split(r"^## (.+)$", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def expectations() -> list[Json]:
    """Every look of the promtool cases at an alert."""
    tests = [test for file in CASES for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]]
    return [look for test in tests for look in test["alert_rule_test"]]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The headings of the page are the alerts, in their order."""
    assert list(sections()) == [rule["alert"] for rule in alerts()]


@pytest.mark.parametrize("section", sections())
def test_a_runbook_says_what_to_do(section: str) -> None:
    """Each says what its alert means, what is at stake, where to look and what to do."""
    assert re.findall(r"^\*\*([\w ]+)\.\*\*", sections()[section], re.MULTILINE) == ["Means", "At stake", "Look", "Do"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_tells_what_it_is_about(rule: Json) -> None:
    """Each has a severity, a sentence, a longer one, and the way to its runbook."""
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == RUNBOOK_URL.format(rule["alert"].lower())


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_on_a_registry_names_it(rule: Json) -> None:
    """Where its metrics have the label, its summary has the registry."""
    of_registries = any("registry" in LABELS.get(found.metric, {}) for found in selectors(rule["expr"]))
    assert ("$labels.registry" in rule["annotations"]["summary"]) == of_registries


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(rule: Json) -> None:
    """Both are among what `promtool test rules` tries."""
    looks = [bool(look["exp_alerts"]) for look in expectations() if look["alertname"] == rule["alert"]]
    assert {True, False} == set(looks)


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_what_is_asked_for_is_there(selector: Selector) -> None:
    """Every metric in an alert or on the dashboard is one of ours, with the labels and values it is asked for by."""
    if selector.metric.startswith("process_"):
        return  # prometheus-client's own
    labels = LABELS[selector.metric]
    for label, value in selector.values():
        assert label in labels
        assert value in labels[label] or (label, value) == ("registry", ".*")


def test_the_rules_are_those_that_prometheus_loads() -> None:
    """The configuration beside them names them, and the job that RegistryCleanerDown asks for."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert config["rule_files"] == [RULES.name]
    assert [f'job="{job["job_name"]}"' in alerts()[0]["expr"] for job in config["scrape_configs"]] == [True]
