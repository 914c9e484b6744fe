"""How examples are made up: a busy machine is no failure, and a mutant is found or not, never made small."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

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
