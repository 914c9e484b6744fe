"""The status page: what is known, as values that its template only has to put in their places."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cleaner.daemon.board import Active, Known, RegistryFacts
from cleaner.daemon.chart import Row, history_chart
from cleaner.daemon.figures import NAME, Moment, moment, shown
from cleaner.daemon.forecast import LINES, PlanView, plan_view
from cleaner.daemon.meter import Level, StorageView, storage_view
from cleaner.daemon.past import Past
from cleaner.daemon.safeguards import AuditView, UsesView, alarms, audit_view, uses_view
from cleaner.figures import rfc3339, size, some
from cleaner.ledger.history import PastRun
from cleaner.model.run import RunKind, RunOutcome, Schedule, outcome_of
from cleaner.retention.words import say_age, say_limit

_FAILURES, _HELD, _PROBLEMS = 3, 3, 10

_KINDS = {RunKind.CLEAN: "Cleaning", RunKind.PLAN: "Planning only", RunKind.COLLECT: "Garbage collection"}
_OUTCOMES = {
    RunOutcome.SUCCESS: "succeeded",
    RunOutcome.HELD_BACK: "some held back",
    RunOutcome.FAILED: "failed",
    RunOutcome.STOPPED: "was stopped",
}


@dataclass(frozen=True, slots=True)
class RunView:
    """A run that is over."""

    kind: str
    outcome: RunOutcome
    said: str
    began: Moment
    took: str
    deleted: str
    undone: str
    freed: str


@dataclass(frozen=True, slots=True)
class NextView:
    """When a schedule is due next; `line` is its cron line."""

    kind: str
    line: str
    due: Moment


@dataclass(frozen=True, slots=True)
class CollectionView:
    """An active garbage collection."""

    uuid: str
    status: str
    age: str
    since: Moment
    overdue: str | None


@dataclass(frozen=True, slots=True)
class RunningView:
    """A run under way."""

    kind: str
    stage: str
    began: Moment


@dataclass(frozen=True, slots=True)
class RegistryView:
    """All that the page says of one registry; `troubles` are what somebody should look at."""

    name: str
    mode: str
    running: RunningView | None
    troubles: tuple[str, ...]
    warnings: tuple[tuple[str, Moment | None], ...]
    storage: StorageView | None
    last: RunView | None
    due: tuple[NextView, ...]
    active: CollectionView | None
    watched: Moment | None
    uses: UsesView | None
    audit: AuditView | None
    chart: tuple[Row, ...]
    runs: tuple[RunView, ...]
    plan: PlanView | None


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page; `refreshes` whether it reads itself anew every minute."""

    now: Moment
    refreshes: bool
    summary: str
    troubled: bool
    notices: tuple[str, ...]
    registries: tuple[RegistryView, ...]


_TEMPLATES = Environment(
    loader=PackageLoader("cleaner.daemon"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = _TEMPLATES.get_template("style.css").render()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What a browser may do with the page: show it in its own style, and ask nobody for anything."""


def render(page: Page) -> str:
    """The page as HTML."""
    # The style stands in a package file of ours, and a browser takes it by its hash only.
    return _TEMPLATES.get_template("page.html").render(page=page, style=Markup(_STYLE))  # noqa: S704


def page(registries: Sequence[RegistryFacts], past: Past, reloaded: Known[str | None] | None, now: datetime) -> Page:
    """What the page says at `now`."""
    views = tuple(_registry(facts, past, now) for facts in registries)
    notices = [] if past.error is None else [f"Earlier runs are not known: {shown(past.error)}"]
    if reloaded is not None and reloaded.value is not None:
        notices.append("The configuration was not reloaded, the old one stays in force:")
        notices += [shown(problem) for problem in reloaded.value.splitlines()[:_PROBLEMS]]
    troubled = sum(bool(view.troubles) for view in views)
    return Page(
        now=Moment(f"{now:%Y-%m-%d %H:%M} UTC", rfc3339(now), ""),
        refreshes=True,
        summary=_summary(len(views), troubled, bool(notices)),
        troubled=bool(troubled or notices),
        notices=tuple(notices),
        registries=views,
    )


def _summary(registries: int, troubled: int, noticed: bool) -> str:
    if noticed and not troubled:
        return "the daemon needs attention"
    if troubled:
        verb = "needs" if troubled == 1 else "need"
        return f"{troubled} of {some(registries, 'registry')} {verb} attention"
    return f"{some(registries, 'registry')}, nothing needs attention"


def _registry(facts: RegistryFacts, past: Past, now: datetime) -> RegistryView:
    settings, runs, last = facts.settings, past.of(facts), past.last(facts)
    zone = settings.timezone
    storage = None if facts.storage is None else storage_view(facts.storage, now, zone)
    active = None if facts.active is None else _collection(facts, facts.active, now)
    return RegistryView(
        name=facts.name,
        mode="enforces" if settings.enforces else "plans only",
        running=_running(facts, now),
        troubles=(*_troubles(facts, last, active, storage), *dict.fromkeys(_held_back(facts, past))),
        warnings=_warnings(facts, now),
        storage=storage,
        last=None if last is None else _run(last, facts, now),
        due=_due(facts, now),
        active=active,
        watched=None if facts.watched_at is None else moment(facts.watched_at, now, zone),
        uses=uses_view(facts, now),
        audit=audit_view(facts, now),
        chart=history_chart(runs),
        runs=tuple(_run(run, facts, now) for run in runs),
        plan=None if facts.plan is None else plan_view(facts, facts.plan, now),
    )


def _troubles(
    facts: RegistryFacts, last: PastRun | None, active: CollectionView | None, storage: StorageView | None
) -> tuple[str, ...]:
    found = list(alarms(facts))
    if facts.not_begun is not None:
        found.append(f"A run could not begin: {shown(facts.not_begun)}")
    if last is not None and outcome_of(last.exit_code) is RunOutcome.FAILED:
        found.append(f"The last run failed{f': {shown(last.error)}' if last.error else ''}")
    if facts.last_run is not None and last is not None and facts.last_run.value.run == last.id:
        failed = facts.last_run.value.report.failed[:_FAILURES]
        found += [f"A deletion in {shown(f.repository)} failed: {shown(f.error)}" for f in failed]
    if active is not None and active.overdue is not None:
        found.append(active.overdue)
    if storage is not None and storage.level is Level.OVER:
        found.append(f"The account uses more than its plan includes: {storage.overage}")
    return tuple(found)


def _held_back(facts: RegistryFacts, past: Past) -> Iterator[str]:
    """What waits for a person since the last run, and since the last that judged, whatever was collected since."""
    judged = next((run for run in past.of(facts) if run.kind is not RunKind.COLLECT), None)
    for run in dict.fromkeys((judged, past.last(facts))):
        if run is None:
            continue
        if facts.last_run is not None and facts.last_run.value.run == run.id:
            held = [each for each in facts.last_run.value.report.held_back if each.reason.is_trouble]
            for each in held[:_HELD]:
                where = "" if each.repository is None else f" in {shown(each.repository, NAME)}"
                yield f"Held back{where}: {shown(each.detail)}"
            if len(held) > _HELD:
                yield f"Held back besides: {len(held) - _HELD:,} more"
        elif outcome_of(run.exit_code) is RunOutcome.HELD_BACK:
            yield "The last run held deletions back: cleaner plan shows which, and why"


def _warnings(facts: RegistryFacts, now: datetime) -> tuple[tuple[str, Moment | None], ...]:
    """What was told, the latest first, and what the plan warns of."""
    zone, plan = facts.settings.timezone, facts.plan
    told = [(shown(known.value), moment(known.at, now, zone)) for known in reversed(facts.warnings)]
    planned = [] if plan is None else [(shown(warning), None) for warning in plan.value.warnings[:LINES]]
    return (*told, *planned)


def _run(run: PastRun, facts: RegistryFacts, now: datetime) -> RunView:
    outcome = outcome_of(run.exit_code)
    undone = [(run.failed, "failed"), (run.skipped, "skipped"), (run.held_back, "held back")]
    return RunView(
        kind=_KINDS[run.kind],
        outcome=outcome,
        said=_OUTCOMES[outcome] if run.ended_at else "has not ended",
        began=moment(run.started_at, now, facts.settings.timezone),
        took=say_age(run.ended_at - run.started_at) if run.ended_at else "",
        deleted=some(run.deleted or 0, "manifest"),
        undone=", ".join(f"{count:,} {word}" for count, word in undone if count),
        freed="" if run.freed_bytes is None else size(run.freed_bytes),
    )


def _running(facts: RegistryFacts, now: datetime) -> RunningView | None:
    running = facts.running
    if running is None:
        return None
    return RunningView(
        _KINDS[running.kind], running.stage.value, moment(running.began_at, now, facts.settings.timezone)
    )


def _due(facts: RegistryFacts, now: datetime) -> tuple[NextView, ...]:
    settings = facts.settings
    lines = {Schedule.CLEANING: settings.schedule, Schedule.COLLECTION: settings.garbage_collection.cron}
    return tuple(
        NextView(_KINDS[due.kind], lines[due.schedule] or "", moment(due.at, now, settings.timezone))
        for due in facts.due
    )


def _collection(facts: RegistryFacts, active: Active, now: datetime) -> CollectionView:
    age, timeout = now - active.since, facts.settings.garbage_collection.timeout
    overdue = (
        f"The garbage collection has been active for {say_age(age)}, longer than garbage_collection.timeout "
        f"({say_limit(timeout)}); the registry is read-only until it ends"
    )
    return CollectionView(
        uuid=shown(active.collection.uuid, 60),
        status=shown(active.collection.status, 60),
        age=say_age(age),
        since=moment(active.since, now, facts.settings.timezone),
        overdue=overdue if age > timeout else None,
    )
