"""The documents tell each metric as the code has it."""

from __future__ import annotations

from pathlib import Path

from cleaner.daemon.metric_table import TABLE
from cleaner.daemon.metrics_page import page

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_the_one_that_the_code_makes() -> None:
    """Whoever changes a metric makes the page anew: `python -m cleaner.daemon.metrics_page > docs/metrics.md`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_metric_has_a_row() -> None:
    """With all that the table declares of it."""
    rows = {row.split(" | ")[0].strip("| `"): row for row in page().splitlines() if row.startswith("| `registry_")}
    assert set(rows) == {each.full_name for each in TABLE}
    for each in TABLE:
        assert each.meaning in rows[each.full_name]
        assert all(f"`{label.name}`" in rows[each.full_name] for label in each.labels)
