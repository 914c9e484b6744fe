"""What a world's configuration promises, in the terms of the checker and in YAML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.simulation.fleet import APPS, CLUSTER, FILE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

_ENTRIES = {
    CLUSTER: "kubernetes: {cluster: prod, kubeconfig: kube.yaml}",
    FILE: "file: images.txt",
}
_SCHEDULES = ("after-clean", "before-clean", "before-clean", "never", '"30 3 * * *"')


@dataclass(frozen=True, slots=True)
class Charter:
    """The configuration of one world.

    `always` are tags that a rule without a condition keeps, `protected` those that are protected; `rules` is the text
    that decides what is condemned, `previous` how many earlier deployments of an app count.
    """

    sources: tuple[str, ...]
    previous: int
    remember: timedelta
    notice: timedelta
    grace: timedelta
    collection: str
    limits: str
    rules: str
    always: tuple[str, ...] = ("main",)
    protected: tuple[str, ...] = ("stable",)

    def text(self, mode: str) -> str:
        """The configuration file, in that mode."""
        entries = {**_ENTRIES, APPS: f"app_platform: {{deployments: {self.previous}}}"}
        in_use = ", ".join(f"{{{entries[source]}}}" for source in self.sources)
        return f"""
mode: {mode}
grace: {_hours(self.grace)}
notice: {_hours(self.notice)}
limits: {{{self.limits}}}
protect:
  tags: [{", ".join(self.protected)}]
  remember: {_hours(self.remember)}
  in_use: [{in_use}]
registries:
  - name: acme
    garbage_collection: {{schedule: {self.collection}, min_freed: 0B}}
    policies:
      - repositories: ["*"]
        {self.rules}
"""


def drawn(rng: Random) -> Charter:
    """A configuration by chance; what it remembers and announces is short enough to run out within the weeks."""
    sources = (APPS, CLUSTER, FILE)
    return Charter(
        sources=tuple(sorted(rng.sample(sources, rng.randint(1, 3)))),
        previous=rng.randint(0, 3),
        remember=rng.choice((2, 5, 5, 9)) * DAY,
        notice=rng.choice((0, 0, 6, 30, 60)) * HOUR,
        grace=rng.choice((1, 6, 24)) * HOUR,
        collection=rng.choice(_SCHEDULES),
        limits=f"share: {rng.choice((70, 100))}%, deletions: {rng.choice((6, 40, 1000))}, keep_at_least: 1",
        rules=other_rules(rng),
    )


def other_rules(rng: Random) -> str:
    """The rules of a policy by chance."""
    keep = ["{tags: [main]}", f'{{tags: ["sha-*"], last: {rng.randint(1, 4)}}}']
    keep += ['{tags: ["v*"], semver: {minors: 1}}'] if rng.random() < 0.5 else []
    keep += ['{tags: ["sha-*"], within: 2d}'] if rng.random() < 0.3 else []
    unmatched = rng.choice(("delete", "delete", "keep"))
    untagged = rng.choice(("keep", "{within: 30h}", "{within: 30h}"))
    return f"keep: [{', '.join(keep)}]\n        unmatched: {unmatched}\n        untagged: {untagged}"


def _hours(duration: timedelta) -> str:
    return f"{duration // HOUR}h"
