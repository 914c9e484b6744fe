"""Small words to write a repository and a policy with, and to read a judgement by.

    outcome = judged(repo(manifest("v1", age="3d", children=["amd64"]), manifest(name="amd64")), policy(rule("v*")))
    assert outcome.kept == {"v1", "amd64"}

A manifest is called by its first tag, or by `name`. Where a test sets no grace and no `keep_at_least`, there is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, Manifest
from cleaner.model.reason import GoReason, KeepReason
from cleaner.model.use import NOTHING_SEEN, Pointed, TagMemory
from cleaner.model.verdict import Judgement, Kept
from cleaner.retention.judge import Case, judge
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.policy import Limits, Period, Policy, Protections, Rule, SemverLimits
from cleaner.retention.uses import UseReason

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Entry:
    """A manifest and what it is, under the name that the test calls it by."""

    name: str
    manifest: Manifest
    content: Content


@dataclass(frozen=True)
class Repo:
    """A repository as the judge sees it."""

    listing: Listing
    contents: Mapping[Digest, Content]
    names: Mapping[Digest, str]


@dataclass(frozen=True)
class Outcome:
    """A judgement, read by names."""

    judgement: Judgement
    names: Mapping[Digest, str]

    @property
    def kept(self) -> set[str]:
        return {self.names[d] for d, verdict in self.judgement.verdicts.items() if isinstance(verdict, Kept)}

    @property
    def gone(self) -> set[str]:
        return {self.names[d] for d in self.judgement.condemned()}

    def reasons(self, name: str) -> tuple[KeepReason | GoReason, ...]:
        return self.judgement.verdicts[digest_of(name)].reasons


def digest_of(name: str) -> Digest:
    """The digest of the manifest that a test calls `name`."""
    return Digest(f"sha256:{hashlib.sha256(name.encode()).hexdigest()}")


def attachment_tag(name: str, suffix: str = "") -> str:
    """The tag by which something is attached to the manifest called `name`; `.sig`, `.att` and `.sbom` are suffixes."""
    return digest_of(name).replace(":", "-") + suffix


def span(text: str) -> timedelta:
    """`36h`, `14d`, and so on; `-1h` is an hour ahead."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def ago(age: str | timedelta) -> datetime:
    """The moment so long before the usual start of a run."""
    return NOW - (span(age) if isinstance(age, str) else age)


def manifest(
    *tags: str,
    name: str = "",
    age: str | timedelta | None = "100d",
    children: Iterable[str] = (),
    subject: str | None = None,
    blobs: Iterable[str] = (),
) -> Entry:
    """A manifest with these tags and of this age (None: without a time), naming all that it refers to by its name."""
    name = name or tags[0]
    listed = tuple(digest_of(child) for child in children)
    updated_at = None if age is None else ago(age)
    return Entry(
        name,
        Manifest("shop/api", digest_of(name), updated_at, tags),
        Content(
            digest=digest_of(name),
            media_type=INDEX if listed else IMAGE,
            children=listed,
            subject=digest_of(subject) if subject else None,
            blobs=tuple(Blob(digest_of(blob), None) for blob in blobs),
        ),
    )


def repo(*entries: Entry) -> Repo:
    """A repository of these manifests, listed in the order in which they are written."""
    return Repo(
        listing=Listing("shop/api", tuple(entry.manifest for entry in entries)),
        contents={entry.content.digest: entry.content for entry in entries},
        names={entry.manifest.digest: entry.name for entry in entries},
    )


def rule(
    *tags: str,
    exclude: Iterable[str] = (),
    last: int | None = None,
    within: str | None = None,
    calendar: Mapping[str, int] | None = None,
    semver: Mapping[str, int] | None = None,
    per: str | None = None,
) -> Rule:
    """A rule in the words of the configuration; `policy` numbers it."""
    return Rule(
        number=0,
        tags=tuple(compile_pattern(tag) for tag in tags),
        except_tags=tuple(compile_pattern(tag) for tag in exclude),
        last=last,
        within=None if within is None else span(within),
        calendar={Period(period): count for period, count in (calendar or {}).items()},
        semver=None if semver is None else SemverLimits(**semver),
        per=per,
    )


def policy(
    *rules: Rule, keep_at_least: int = 0, untagged_within: str | None = None, delete_unmatched: bool = False
) -> Policy:
    """A policy of these rules, numbered from 1."""
    return Policy(
        repositories=(compile_pattern("*"),),
        keep=tuple(replace(each, number=number) for number, each in enumerate(rules, start=1)),
        limits=Limits(keep_at_least=keep_at_least),
        untagged_within=None if untagged_within is None else span(untagged_within),
        delete_unmatched=delete_unmatched,
    )


def protections(
    *, grace: str = "0s", tags: Iterable[str] = (), digests: Iterable[str] = (), zone: str = "UTC"
) -> Protections:
    """What protects besides the rules; digests by the names of their manifests."""
    return Protections(
        zone=ZoneInfo(zone),
        grace=span(grace),
        tags=tuple(compile_pattern(tag) for tag in tags),
        digests=frozenset(digest_of(name) for name in digests),
    )


def seen(
    *,
    came: Mapping[str, str] | None = None,
    left: Mapping[str, str] | None = None,
    pointed: Mapping[str, Mapping[str, str]] | None = None,
    back: Mapping[str, str] | None = None,
) -> TagMemory:
    """What the ledger has seen, each so long ago: tags that came, the last one that left a manifest, by its name.

    `pointed` gives for a tag what it pointed to earlier, newest first, and how long ago that ended; `back` when a
    manifest was put back, by its name.
    """
    return TagMemory(
        came={tag: ago(age) for tag, age in (came or {}).items()},
        left={digest_of(name): ago(age) for name, age in (left or {}).items()},
        pointed={
            tag: tuple(Pointed(digest_of(name), ago(age)) for name, age in earlier.items())
            for tag, earlier in (pointed or {}).items()
        },
        back={digest_of(name): ago(age) for name, age in (back or {}).items()},
    )


def case(
    *,
    in_use: Mapping[str, UseReason] | None = None,
    deleted: Mapping[str, Iterable[str]] | None = None,
    memory: TagMemory = NOTHING_SEEN,
    now: datetime = NOW,
) -> Case:
    """What is particular to a judging; manifests by their names."""
    return Case(
        now=now,
        in_use={digest_of(name): (use,) for name, use in (in_use or {}).items()},
        deleted={digest_of(index): tuple(map(digest_of, listed)) for index, listed in (deleted or {}).items()},
        memory=memory,
    )


def judged(repository: Repo, by: Policy, protected: Protections | None = None, at: Case | None = None) -> Outcome:
    """The judgement of a repository by a policy."""
    judgement = judge(repository.listing, repository.contents, by, protected or protections(), at or case())
    return Outcome(judgement, repository.names)


NOTHING = policy(rule("no-such-tag"), delete_unmatched=True)
"""A policy that keeps no version: what stays under it stays for another reason."""
