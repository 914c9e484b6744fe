"""What people are told of a run: what failed, what waits for them, what is announced, what was done. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from operator import attrgetter
from typing import TypeVar

from cleaner.figures import clock_time, freed, size, some
from cleaner.model.manifest import Blob, Digest
from cleaner.model.plan import HeldBack, HoldReason, Mode, Plan, Waiting
from cleaner.model.report import DeletedManifest, FailedDeletion, Report
from cleaner.model.run import RunOutcome
from cleaner.retention.policy import Policy, policy_for
from cleaner.retention.words import safe, short

LIMIT = 4_000
"""The most characters of a body: about what the strictest of the common chats take."""

REPOSITORIES = 20
"""So many repositories are named for each thing that is told; the others are counted."""

TAGS = 10
"""So many tags of a repository are named where it is announced what goes; the others are counted."""

_LINE = 400

Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell of a run on one registry; `zone` is the one that times are told in.

    An announcement is told once: by the run that is the first to find a manifest condemned. What was condemned at
    `since` or later is news: since the run before ended, or since this one began where nothing looked in between.
    """

    registry: str
    policies: tuple[Policy, ...]
    zone: tzinfo
    since: datetime
    plan: Plan | None
    report: Report | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in plain text: one line of title, and a body of at most `LIMIT` characters."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One thing that is told: in brief, for the title, and in lines."""

    brief: str
    lines: tuple[str, ...]


def message(news: News) -> Message | None:
    """What people are told, what matters most first; None where there is nothing that they would want to know."""
    sections = [*_of_what_failed(news.report), *_of_what_waits(news), *_of_what_was_done(news)]
    if not sections:
        return None
    title = f"{_clipped(safe(news.registry))}: {', '.join(section.brief for section in sections)}"
    return Message(title, _body(sections))


def _of_what_failed(report: Report | None) -> Iterable[_Section]:
    if report is None:
        return
    if report.error and report.outcome is not RunOutcome.STOPPED:  # one that was stopped goes on by itself
        yield _Section("the run failed", (f"The run ended early: {safe(report.error)}",))
    if report.failed:
        lines = _listed(_by_repository(report.failed), _say_failed)
        yield _Section(f"{len(report.failed):,} not deleted", ("Could not be deleted:", *lines))


def _of_what_waits(news: News) -> Iterable[_Section]:
    if held_back := [held_back for held_back in _held_back(news) if _waits_for_a_person(held_back, news.policies)]:
        heading = "Held back, for more would go than limits.share allows:"
        brief = f"{some(len(held_back), 'repository')} held back"
        yield _Section(brief, (heading, *_listed(_by_repository(held_back), _say_held_back)))
    if announced := [waiting for waiting in _waiting(news) if _is_new(waiting, news)]:
        heading = f"Announced, to go when the notice has run out and nothing keeps it by then (times in {news.zone}):"
        lines = _listed(_by_repository(announced, _repository), lambda waits: _say_announced(waits, news.zone))
        yield _Section(f"{len(announced):,} announced", (heading, *lines))


def _of_what_was_done(news: News) -> Iterable[_Section]:
    report = news.report
    if report and report.restored:
        heading = "Brought back, for it was needed again before a garbage collection took it:"
        lines = _listed(_by_repository(report.restored), _say_count)
        yield _Section(f"{len(report.restored):,} brought back", (heading, *lines))
    if report and report.deleted:
        blobs = _blobs(news.plan)
        predicted = f" (a garbage collection frees {freed(report.predicted)})" if report.predicted else ""
        lines = _listed(_by_repository(report.deleted), lambda deleted: _say_deleted(deleted, blobs))
        yield _Section(f"{len(report.deleted):,} deleted", (f"Deleted{predicted}:", *lines))


def _held_back(news: News) -> tuple[HeldBack, ...]:
    """What the run held back; the plan speaks where no run reported."""
    if news.report:
        return news.report.held_back
    return news.plan.held_back if news.plan else ()


def _waits_for_a_person(held_back: HeldBack, policies: tuple[Policy, ...]) -> bool:
    if held_back.reason is not HoldReason.SHARE or held_back.repository is None:
        return False
    policy = policy_for(held_back.repository, policies)
    return policy is not None and policy.mode is Mode.ENFORCE


def _waiting(news: News) -> tuple[Waiting, ...]:
    return news.plan.waiting if news.plan else ()


def _is_new(waiting: Waiting, news: News) -> bool:
    """Whether it will go, by what was first found since then."""
    policy = policy_for(_repository(waiting), news.policies)
    if policy is None or waiting.goes_at is None or waiting.reason is not HoldReason.NOTICE:
        return False
    return waiting.deletion.mode is Mode.ENFORCE and waiting.goes_at - policy.notice >= news.since


def _repository(waiting: Waiting) -> str:
    return waiting.deletion.manifest.repository


def _blobs(plan: Plan | None) -> Mapping[tuple[str, Digest], tuple[Blob, ...]]:
    """What the planned manifests refer to, as far as their listing says."""
    manifests = [deletion.manifest for deletion in plan.deletions] if plan else []
    return {(each.repository, each.digest): each.blobs for each in manifests if each.blobs is not None}


def _say_count(things: list[Told]) -> str:
    return some(len(things), "manifest")


def _say_failed(failed: list[FailedDeletion]) -> str:
    return f"{_say_count(failed)}, the first {short(failed[0].digest)}: {safe(failed[0].error)}"


def _say_held_back(held_back: list[HeldBack]) -> str:
    """The way to let it through, as it is typed, comes before what may be long."""
    name = shlex.quote(safe(held_back[0].repository or ""))
    count = sum(each.manifests for each in held_back)
    return f"{some(count, 'manifest')}; `cleaner approve {name}` lets them go: {safe(held_back[0].detail)}"


def _say_announced(waits: list[Waiting], zone: tzinfo) -> str:
    first = min(waiting.goes_at for waiting in waits if waiting.goes_at)
    tags = [safe(tag) for waiting in waits for tag in waiting.deletion.manifest.version_tags]
    named = [*tags[:TAGS], *([f"and {len(tags) - TAGS:,} more"] if len(tags) > TAGS else [])]
    goes = f"{_say_count(waits)}, the first goes at {clock_time(first, zone)}"
    return f"{goes}: {', '.join(named)}" if named else goes


def _say_deleted(deleted: list[DeletedManifest], blobs: Mapping[tuple[str, Digest], tuple[Blob, ...]]) -> str:
    """With the bytes that they referred to, each blob once; nothing of bytes where a manifest's are not known."""
    stated = [blobs.get((each.repository, each.digest)) for each in deleted]
    sizes = {blob.digest: blob.size for each in stated for blob in each or ()}
    if None in stated or None in sizes.values():
        return _say_count(deleted)
    return f"{_say_count(deleted)} of {size(sum(each or 0 for each in sizes.values()))}"


def _by_repository(
    things: Iterable[Told], repository: Callable[[Told], str] = attrgetter("repository")
) -> Mapping[str, list[Told]]:
    """The things of each repository, the repositories in the order in which they are first met."""
    groups: dict[str, list[Told]] = {}
    for thing in things:
        groups.setdefault(repository(thing), []).append(thing)
    return groups


def _listed(groups: Mapping[str, list[Told]], say: Callable[[list[Told]], str]) -> tuple[str, ...]:
    """A line for each repository, for so many of them, and how many more there are."""
    lines = [f"- {safe(name)}: {say(things)}" for name, things in [*groups.items()][:REPOSITORIES]]
    more = len(groups) - REPOSITORIES
    return (*lines, f"- and {more:,} more") if more > 0 else tuple(lines)


def _body(sections: Iterable[_Section]) -> str:
    """The sections, an empty line between them; what is too long ends after a whole line."""
    body = "\n\n".join("\n".join(map(_clipped, section.lines)) for section in sections)
    if len(body) <= LIMIT:
        return body
    return body[: LIMIT - 1].rpartition("\n")[0] + "\n…"


def _clipped(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
