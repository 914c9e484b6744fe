"""Random questions for a retention engine: a repository, a policy, protections, what is in use, and the moment."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from cleaner.model.manifest import Digest
from cleaner.model.use import NOTHING_SEEN, Pointed, SeenUse, TagMemory, Use
from cleaner.retention.patterns import Pattern, compile_pattern
from cleaner.retention.policy import Limits, Period, Policy, Protections, Rule, SemverLimits
from tests.registries import Repository
from tests.retention.naive_rules import Question
from tests.stock import AGES, NAMED_TAGS, digest_of
from tests.worlds import NOWS, random_releases, random_repository

ZONES = ("UTC", *("Europe/Berlin",) * 4, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
PATTERNS = (
    "*", "v*", "[0-9]*", "?*[!0-9]", "latest", "main", "release-*", "nightly-?", "pr-*", "*-slim", "sha*",
    "hold-*", "re:v?1.*|2.*", "re:[^a-z]+",
)  # fmt: skip
BY_GROUP = {
    "pr": (r"re:pr-(?P<pr>\d+)(-[0-9a-f]{7,})?", r"re:(?P<pr>pr-1).*"),
    "line": (r"re:(?P<line>.+)-\d{8}", r"re:(?P<line>[a-z]+).*", r"re:(?P<line>\d+)?.*"),
    "variant": (
        r"re:(?P<version>\d+\.\d+\.\d+)(?P<variant>-[a-z0-9.-]+)?",
        r"re:v?(?P<version>\d+\.\d+\.\d+)(?P<variant>-[a-z]+)",
        r"re:(?P<version>v.+?)?(?P<variant>-rc1)?",
    ),
}
CONDITIONS = ("last", "within", "calendar", "semver")
COMPILED = {
    text: compile_pattern(text) for text in (*PATTERNS, *NAMED_TAGS, *(t for group in BY_GROUP.values() for t in group))
}


def random_question(rng: random.Random) -> Question:
    """A repository of families under a mixed policy, or one of plain versions under conditions alone."""
    return rng.choice((_question_of_families, _question_of_conditions))(rng)


def _question_of_families(rng: random.Random) -> Question:
    """Up to some thirty manifests in families, and all that their verdicts depend on."""
    now = rng.choice(NOWS)
    repository = random_repository(rng, now, scenes=10)
    digests = [entry.digest for entry in repository.entries]
    return Question(
        listing=repository.listing(),
        contents=repository.contents(),
        policy=_random_policy(rng),
        protections=_random_protections(rng, digests),
        now=now,
        uses=tuple(_random_use(rng, now, repository) for _ in range(rng.choice((0, 0, 1, 2)))),
        deleted=_random_deletions(rng, repository),
        memory=_random_memory(rng, now, repository),
    )


def _question_of_conditions(rng: random.Random) -> Question:
    """Plain versions under one or two rules with conditions, and nothing else that keeps."""
    now = rng.choice(NOWS)
    repository = random_releases(rng, now)
    rules = tuple(_random_rule(rng, number, rng.sample(CONDITIONS, 1)) for number in range(1, rng.randint(1, 2) + 1))
    return Question(
        listing=repository.listing(),
        contents=repository.contents(),
        policy=Policy((COMPILED["*"],), rules, limits=Limits(keep_at_least=1), delete_unmatched=True),
        protections=Protections(ZoneInfo(rng.choice(ZONES)), grace=timedelta(0)),
        now=now,
        uses=(),
        deleted={},
        memory=_random_memory(rng, now, repository),
    )


def _random_policy(rng: random.Random) -> Policy:
    """One to four rules of any kind; its repositories are all, for the engine does not ask."""
    rules = (
        _random_rule(rng, number, [kind for kind in CONDITIONS if rng.random() < 0.4])
        for number in range(1, rng.randint(1, 4) + 1)
    )
    return Policy(
        repositories=(COMPILED["*"],),
        keep=tuple(rules),
        limits=Limits(keep_at_least=rng.choice((1, 1, 2, 3, 5))),
        untagged_within=rng.choice((None, *AGES[2:6])),
        delete_unmatched=rng.random() < 0.7,
    )


def _random_rule(rng: random.Random, number: int, conditions: Collection[str]) -> Rule:
    per = rng.choice((None, None, *BY_GROUP))
    patterns = BY_GROUP[per] if per else rng.choice((("*",), (*PATTERNS, *BY_GROUP["variant"])))
    return Rule(
        number=number,
        tags=_some(rng, patterns, at_least=1),
        except_tags=_some(rng, (*PATTERNS, *NAMED_TAGS)) if rng.random() < 0.3 else (),
        last=rng.randint(1, 4) if "last" in conditions else None,
        within=rng.choice(AGES[3:]) if "within" in conditions else None,
        calendar=_random_calendar(rng) if "calendar" in conditions else {},
        semver=_random_semver(rng) if "semver" in conditions else None,
        per=per,
    )


def _random_calendar(rng: random.Random) -> dict[Period, int]:
    return {period: rng.randint(1, 3) for period in rng.sample([Period.HOURLY, *Period], rng.randint(1, 2))}


def _random_semver(rng: random.Random) -> SemverLimits:
    levels = [rng.choice((None, 1, 2)) for _ in range(3)]
    return SemverLimits(*levels) if any(levels) else SemverLimits(majors=1)


def _random_protections(rng: random.Random, digests: list[Digest]) -> Protections:
    return Protections(
        zone=ZoneInfo(rng.choice(ZONES)),
        grace=rng.choice((timedelta(0), timedelta(0), timedelta(hours=1), timedelta(hours=24))),
        tags=rng.choice(((), (COMPILED["latest"], COMPILED["hold-*"]), (), (COMPILED["sha*"],))),
        digests=frozenset(rng.sample(digests, min(len(digests), rng.choice((0, 0, 1))))),
    )


def _random_deletions(rng: random.Random, repository: Repository) -> dict[Digest, tuple[Digest, ...]]:
    """What the ledger deleted here; at times also something that has been pushed again since."""
    deleted = dict(repository.deleted)
    if repository.entries and rng.random() < 0.1:
        again = rng.choice(repository.entries)
        deleted[again.digest] = again.content.children
    return deleted


def _random_memory(rng: random.Random, now: datetime, repository: Repository) -> TagMemory:
    """Nothing, or of some tags and manifests what was seen of them, at times that others have or all alone."""
    if rng.random() < 0.4:
        return NOTHING_SEEN
    digests = [entry.digest for entry in repository.entries]
    times = [entry.moment.time for entry in repository.entries if entry.moment.time is not None]

    def moment() -> datetime:
        return rng.choice(times) if times and rng.random() < 0.5 else now - rng.choice((-AGES[1], *AGES))

    return TagMemory(
        came={tag: moment() for tag in _tags(repository) if rng.random() < 0.3},
        left={digest: moment() for digest in digests if rng.random() < 0.4},
        pointed={
            tag: tuple(Pointed(rng.choice([*digests, digest_of("absent")]), moment()) for _ in range(2))
            for tag in ("gone", *_tags(repository))
            if rng.random() < 0.4
        },
        back={digest: moment() for digest in digests if rng.random() < 0.2},
    )


def _random_use(rng: random.Random, now: datetime, repository: Repository) -> SeenUse:
    """A use by tag, by digest (a configuration's, at times), by both or neither, of what is here or is not."""
    digests = [entry.digest for entry in repository.entries]
    blobs = [blob.digest for entry in repository.entries for blob in entry.content.blobs]
    use = Use(
        repository=rng.choice((repository.name, None)),
        tag=rng.choice((None, None, "gone", *_tags(repository))),
        digest=rng.choice((None, digest_of("absent"), *digests, *blobs[:3])),
        source="file",
        where=f"images.txt:{rng.randint(1, 9)}",
    )
    return SeenUse(use, rng.choice((None, now - rng.choice(AGES))))


def _tags(repository: Repository) -> list[str]:
    return [tag for entry in repository.entries for tag in entry.tags]


def _some(rng: random.Random, texts: tuple[str, ...], at_least: int = 0) -> tuple[Pattern, ...]:
    return tuple(COMPILED[text] for text in rng.sample(texts, rng.randint(at_least, min(3, len(texts)))))


questions = st.randoms(use_true_random=False).map(random_question)
"""Hypothesis steers and shrinks the same generator that a seeded `Random` feeds."""
