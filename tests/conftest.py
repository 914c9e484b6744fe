"""How examples are made up: a busy machine is no failure, and a mutant is found or not, never made small."""

from __future__ import annotations

import gc
import sys
from types import ModuleType
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.compiled import share_compiled

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", patient)
settings.register_profile(
    "mutants",
    patient,
    max_examples=15,  # the seeds of tests/scale.py shrink with it: a mutant that no test notices waits for all of them
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
)
settings.load_profile("patient")

share_compiled()
# httpx looks for it with each request to an application, in vain and on every path; so it knows at once.
sys.modules.setdefault("sniffio", cast("ModuleType", None))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests that share what is costly stay in one process; told, should pytest and pytest-xdist fall out over it."""
    gc.freeze()  # the tests themselves are not garbage, and need not be looked through for it again and again
    if not getattr(session.config.option, "loadgroup", False):
        return
    stray = [item.nodeid for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if stray:
        raise pytest.UsageError(f"pytest-xdist does not keep the group of {stray[0]} together; see pyproject.toml")
