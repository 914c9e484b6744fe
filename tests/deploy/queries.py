"""What the deployed files ask of Prometheus: the expressions of the alerts and of the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "registry-cleaner.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "registry-cleaner.json"

_SELECTOR = re.compile(r"\b((?:registry_cleaner|process)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)=(~?)"([^"]*)"')
_VARIABLES = {"$registry": ".*", "$__rate_interval": "1m", "$__range": "1h"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric in an expression, with its matchers as they stand there."""

    metric: str
    matchers: str

    def __str__(self) -> str:
        return f"{self.metric}{{{self.matchers}}}"

    def values(self) -> Iterator[tuple[str, str]]:
        """Each label that is asked for, with each value."""
        for label, alternatives, value in _MATCHER.findall(self.matchers):
            for each in value.split("|") if alternatives else [value]:
                yield label, each


def selectors(expression: str) -> list[Selector]:
    """The metrics of ours that an expression names."""
    return [Selector(*found) for found in _SELECTOR.findall(expression)]


def alerts() -> list[Json]:
    """Every alerting rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> Json:
    """The dashboard."""
    return cast("Json", json.loads(DASHBOARD.read_text(encoding="utf-8")))


def panels() -> list[Json]:
    """Every panel that shows something; rows are headings."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def asked(panel: Json) -> list[str]:
    """The expressions of a panel as Grafana sends them, its variables filled in."""
    return [_filled_in(target["expr"]) for target in panel["targets"]]


def _filled_in(expression: str) -> str:
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


EXPRESSIONS = [rule["expr"] for rule in alerts()] + [text for panel in panels() for text in asked(panel)]
"""All of them."""
