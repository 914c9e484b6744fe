"""What a configuration promises, drawn at random: the cleaner is given its text, the watcher holds it to its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

REPOSITORIES = ("shop/web", "api", "base/node")
PROTECTED = ("latest", "hold-*")

_RULES = (
    '{{tags: ["v*"], last: {n}}}',
    '{{tags: ["v*"], semver: {{majors: 1, minors: {n}, patches: 1}}}}',
    '{{tags: ["sha-*"], within: {days}d}}',
    '{{tags: ["sha-*"], last: {n}, within: {days}d}}',
    '{{tags: ["nightly-*"], calendar: {{daily: {n}, weekly: 1}}}}',
    "{{tags: ['re:pr-(?P<pr>\\d+)-.*'], last: 1, per: pr}}",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """One repository's policy: its rules, and its notice."""

    keep: tuple[str, ...]
    rest: str
    notice: timedelta

    @property
    def text(self) -> str:
        """What decides: the policy without its notice."""
        return f"keep: [{', '.join(self.keep)}], {self.rest}"


@dataclass(frozen=True, slots=True)
class Promise:
    """All that a configuration says; `share` in percent, `speaks_for` where a source does not speak for everything."""

    policies: Mapping[str, Rules]
    grace: timedelta
    remember: timedelta
    protected: tuple[str, ...]
    share: int
    deletions: int
    collection: str
    sources: tuple[str, ...]
    speaks_for: Mapping[str, str]

    def notice(self, repository: str) -> timedelta | None:
        """How long a deletion there is announced before it is made; None where nothing may ever be deleted."""
        rules = self.policies.get(repository)
        return None if rules is None else rules.notice

    def covers(self, source: str, repository: str) -> bool:
        """Whether nothing may go from the repository while the source cannot be read."""
        return self.speaks_for.get(source, repository) == repository

    def edited(self, rng: Random) -> Promise:
        """The same, but for the rules of one policy."""
        repository = rng.choice(sorted(self.policies))
        rules = replace(_rules(rng), notice=self.policies[repository].notice)
        return replace(self, policies={**self.policies, repository: rules})

    def written(self, entries: Mapping[str, str]) -> str:
        """The configuration file; `entries` are those of `protect.in_use`, by source."""
        told = [_entry(entries[source], self.speaks_for.get(source)) for source in self.sources]
        policies = [
            f"{{repositories: [{name}], notice: {_hours(rules.notice)}, {rules.text}}}"
            for name, rules in self.policies.items()
        ]
        return "\n".join(
            (
                "mode: enforce",
                f"grace: {_hours(self.grace)}",
                "protect:",
                f"  tags: {_quoted(self.protected)}",
                f"  remember: {_hours(self.remember)}",
                f"  in_use: [{', '.join(told)}]" if told else "  in_use: none",
                f"limits: {{share: {self.share}%, deletions: {self.deletions}, keep_at_least: 1}}",
                "registries:",
                "  - name: acme",
                f'    garbage_collection: {{schedule: "{self.collection}", min_freed: 0B}}',
                f"    policies: [{', '.join(policies)}]",
            )
        )


def draw_promise(rng: Random) -> Promise:
    """A configuration for one to three repositories, the last of which may be under no policy."""
    names = REPOSITORIES[: rng.choice((1, 1, 2, 3))]
    managed = names[:-1] if len(names) == 3 and rng.random() < 0.3 else names
    sources = tuple(
        s for s, chance in (("app_platform", 0.6), ("kubernetes", 0.4), ("file", 0.6)) if rng.random() < chance
    )
    return Promise(
        policies={name: _rules(rng) for name in managed},
        grace=rng.choice((0 * HOUR, HOUR, 6 * HOUR, 24 * HOUR)),
        remember=rng.choice((0 * DAY, 7 * DAY, 7 * DAY, 30 * DAY)),
        protected=PROTECTED if rng.random() < 0.7 else (),
        share=rng.choice((50, 80, 100, 100)),
        deletions=rng.choice((5, 1000)),
        collection=rng.choice(("after-clean", "after-clean", "before-clean", "before-clean", "0 4 * * *", "never")),
        sources=sources,
        speaks_for={s: rng.choice(names) for s in sources if rng.random() < 0.2},
    )


def _rules(rng: Random) -> Rules:
    chosen = rng.sample(_RULES, rng.randint(1, 3))
    keep = [rule.format(n=rng.randint(1, 3), days=rng.randint(1, 4)) for rule in chosen]
    always = ["{tags: [main]}"] if rng.random() < 0.5 else []
    untagged = rng.choice(("keep", "{within: 1d}", "{within: 3d}"))
    unmatched = rng.choice(("keep", "delete", "delete"))
    notice = rng.choice((0 * HOUR, 0 * HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR))
    return Rules((*always, *keep), f"untagged: {untagged}, unmatched: {unmatched}", notice)


def _entry(entry: str, speaks_for: str | None) -> str:
    return f"{{{entry}}}" if speaks_for is None else f'{{{entry}, repositories: ["{speaks_for}"]}}'


def _hours(duration: timedelta) -> str:
    return f"{duration // HOUR}h"


def _quoted(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
