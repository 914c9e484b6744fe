"""Prometheus' and Alertmanager's own tools have nothing to say against the files that we deploy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.deploy.queries import DEPLOY, EXPRESSIONS, RULES, alerts
from tests.real.parts import run, skip_module_without

skip_module_without("amtool", "promtool")

CASES = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))


def test_the_rules_have_no_error() -> None:
    """`promtool check rules` finds all of them, and nothing wrong, duplicates included."""
    assert f"SUCCESS: {len(alerts())} rules found" in run(
        "promtool", "check", "rules", "--lint=all", "--lint-fatal", str(RULES)
    )


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_alerts_fire_when_they_should(cases: Path) -> None:
    """`promtool test rules`: each alert at the moment it must, with the figure it must name, and not before."""
    assert "SUCCESS" in run("promtool", "test", "rules", str(cases))


def test_prometheus_takes_its_configuration() -> None:
    """`promtool check config`, the rules that it names included."""
    assert "SUCCESS" in run("promtool", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


def test_alertmanager_takes_its_configuration() -> None:
    """`amtool check-config`, the inhibitions included."""
    assert "2 inhibit rules" in run("amtool", "check-config", str(DEPLOY / "compose/alertmanager/alertmanager.yml"))


def test_every_expression_of_the_dashboard_parses(tmp_path: Path) -> None:
    """Each one would do as a rule of its own."""
    rules = [{"record": f"expression:{number}", "expr": text} for number, text in enumerate(EXPRESSIONS)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(EXPRESSIONS)} rules found" in run("promtool", "check", "rules", str(file))
