"""Plans and reports as tables for people: what goes first, the summary last, so that it stays on the screen.

Text from outside is escaped here (`safe`); the console reads no markup in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cleaner.cli.plan_file import Entry
from cleaner.config.settings import CollectionSchedule, GarbageCollection
from cleaner.figures import clock_time, freed, size, some
from cleaner.model.collection import Collection, CollectionState
from cleaner.model.manifest import attachment_subject
from cleaner.model.plan import Deletion, HeldBack, HoldReason, Mode, Plan, Unmanaged, Waiting
from cleaner.model.report import DeletedManifest, Report
from cleaner.retention.words import safe, say, say_age, short

_BAR = 24
_NEVER_FOLDED = frozenset({"Began", "Changed", "Collection", "Digest", "Ended", "Goes", "Kind", "Run", "Took", "When"})
_LET_THROUGH = (
    "Limits held these back; `cleaner apply --allow REPOSITORY` lets one through them, once, and "
    "`cleaner approve REPOSITORY` exactly what it would lose now, run by run."
)


def table(*columns: str, title: str = "") -> Table:
    """An empty table in the style of them all; a column whose name begins with `#` is one of numbers."""
    empty = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE, pad_edge=False)
    for column in columns:
        name = column.removeprefix("#")
        number = name != column
        empty.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=name in _NEVER_FOLDED)
    return empty


def show_plan(console: Console, plan: Plan, listed: Mapping[str, int], now: datetime, zone: tzinfo) -> None:
    """A whole plan; `listed` is how many manifests each repository has, ages are as of `now`, moments in `zone`."""
    show_deletions(console, plan.deletions, now)
    _show_announced(console, plan.announced, now, zone)
    show_held_back(console, [hold for hold in plan.held_back if hold.reason.is_trouble])
    _show_unmanaged(console, plan.unmanaged)
    show_warnings(console, plan.warnings)
    _show_repositories(console, plan, listed)
    console.print(_sentence(plan), soft_wrap=True)


def show_deletions(console: Console, deletions: Iterable[Deletion], now: datetime) -> None:
    """What goes, a table for each repository, in the order of deletion."""
    for (repository, mode), going in groupby(deletions, key=lambda d: (d.manifest.repository, d.mode)):
        rows = list(going)
        title = f"{safe(repository)}: {some(len(rows), 'manifest')} to go{_note(mode)}"
        each = table("Digest", "Tags", "#Age", "Why", title=title)
        for deletion in rows:
            manifest = deletion.manifest
            each.add_row(short(manifest.digest), tags(manifest.tags), age(manifest.updated_at, now), _why(deletion))
        console.print(each)


def show_entries(console: Console, entries: Iterable[Entry]) -> None:
    """What a plan condemns, as its file has it, a table for each repository."""
    for repository, condemned in groupby(entries, key=lambda entry: entry.repository):
        rows = list(condemned)
        title = f"{safe(repository)}: {some(len(rows), 'manifest')} condemned"
        each = table("Digest", "Tags", "Held back", "Why", title=title)
        for entry in rows:
            why = safe("; ".join(entry.reasons))
            each.add_row(short(entry.digest), tags(entry.tags), entry.held_back or "", why)
        console.print(each)


def show_held_back(console: Console, held_back: Sequence[HeldBack]) -> None:
    """What stays for now, and why; what only waits for its notice stands apart, for nobody need see to it."""
    _show_holds(console, "Held back", [hold for hold in held_back if hold.reason.is_trouble])
    if any(hold.reason in {HoldReason.SHARE, HoldReason.CAP} for hold in held_back):
        console.print(_LET_THROUGH, soft_wrap=True)
    _show_holds(console, "Announced", [hold for hold in held_back if not hold.reason.is_trouble])


def show_warnings(console: Console, warnings: Iterable[str]) -> None:
    """A line for each warning."""
    for warning in warnings:
        console.print(Text(f"warning: {safe(warning)}", style="yellow"), soft_wrap=True)


def show_report(console: Console, report: Report, collecting: GarbageCollection) -> None:
    """What a run did; `collecting` says why no garbage collection was started, where none was."""
    console.print(Text(report.registry, style="bold"))
    _show_manifests(console, "Deleted", report.deleted)
    _show_manifests(console, "Brought back", report.restored)
    _show_undone(console, "Failed", [(f.repository, short(f.digest), f.error) for f in report.failed])
    _show_undone(console, "Skipped", [(s.repository, short(s.digest), s.reason) for s in report.skipped])
    show_held_back(console, report.held_back)
    show_warnings(console, report.warnings)
    if report.error is None or report.deleted or report.failed or report.skipped:
        console.print(_account(report, collecting), soft_wrap=True)


def tags(names: Sequence[str]) -> Text:
    """Tags in a cell."""
    return Text(", ".join(shown_tag(name) for name in names)) if names else Text("untagged", style="dim")


def shown_tag(name: str) -> str:
    """A tag, safe to print; of an attachment tag, as many digits as `short` shows of a digest."""
    subject = attachment_subject(name)
    if subject is None:
        return safe(name)
    whole = subject.replace(":", "-")
    return name.replace(whole, f"{short(subject).replace(':', '-')}…")


def age(moment: datetime | None, now: datetime) -> str:
    """How old something of that moment is at `now`; `?` where no readable time is known."""
    return "?" if moment is None else say_age(now - moment)


def bar(kept: int, going: int, held: int) -> Text:
    """The three shares of a repository, told apart by colour and by shape."""
    total = kept + going + held
    if total == 0:
        return Text("")
    ends = [round(_BAR * part / total) for part in (kept, kept + going, total)]
    text = Text("█" * ends[0], style="green")
    return text.append("░" * (ends[1] - ends[0]), style="red").append("▒" * (ends[2] - ends[1]), style="yellow")


def _show_holds(console: Console, title: str, holds: Iterable[HeldBack]) -> None:
    held = table("Repository", "Reason", "#Manifests", "Detail", title=title)
    for hold in holds:
        where = hold.repository or ("all" if hold.manifests else "")
        held.add_row(safe(where), hold.reason, str(hold.manifests), safe(hold.detail))
    if held.row_count:
        console.print(held)


def _show_announced(console: Console, announced: Iterable[Waiting], now: datetime, zone: tzinfo) -> None:
    """What goes once its notice has run out, a table for each repository, and when the first of it does."""
    by_place = groupby(announced, key=lambda each: (each.deletion.manifest.repository, each.deletion.mode))
    for (repository, mode), waiting in by_place:
        rows = list(waiting)
        first = clock_time(min((each.goes_at for each in rows if each.goes_at), default=None), zone)
        title = f"{safe(repository)}: {some(len(rows), 'manifest')} announced, to go from {first} on{_note(mode)}"
        each = table("Digest", "Tags", "#Age", "Goes", "Why", title=title)
        for row in rows:
            manifest, goes = row.deletion.manifest, clock_time(row.goes_at, zone)
            old = age(manifest.updated_at, now)
            each.add_row(short(manifest.digest), tags(manifest.tags), old, goes, _why(row.deletion))
        console.print(each)


def _note(mode: Mode) -> str:
    return "" if mode is Mode.ENFORCE else " (mode plan: reported only)"


def _why(deletion: Deletion) -> str:
    return "; ".join(say(reason) for reason in deletion.reasons)


def _show_repositories(console: Console, plan: Plan, listed: Mapping[str, int]) -> None:
    waiting = "█ stay ░ go ▒ held back, or announced" if plan.announced else "█ stay ░ go ▒ held back"
    summary = table("Repository", "#Manifests", "#Go", "#Held back", waiting, title=plan.registry)
    goes = Counter(deletion.manifest.repository for deletion in plan.deletions)
    waits: Counter[str | None] = Counter()
    for hold in plan.held_back:
        waits[hold.repository] += hold.manifests
    for repository, manifests in sorted(listed.items()):
        going, held = goes[repository], waits[repository]
        counts = (str(manifests), str(going), str(held))
        summary.add_row(safe(repository), *counts, bar(manifests - going - held, going, held))
    console.print(summary)


def _sentence(plan: Plan) -> str:
    """The plan in one sentence."""
    enforced = sum(deletion.mode is Mode.ENFORCE for deletion in plan.deletions)
    announced = len(plan.announced)
    held = sum(hold.manifests for hold in plan.held_back) - announced
    notice = f", {announced} are announced" if announced else ""
    return (
        f"{plan.registry}: of {some(plan.manifests, 'manifest')} {plan.kept} are kept, {len(plan.deletions)} go "
        f"({enforced} in mode enforce), {held} are held back{notice}. "
        f"A garbage collection then frees {freed(plan.freed)}."
    )


def _show_unmanaged(console: Console, unmanaged: Sequence[Unmanaged]) -> None:
    if unmanaged:
        untouched = table("Repository", "#Manifests", "#Size", title="Under no policy: not touched")
        for repository in unmanaged:
            untouched.add_row(safe(repository.repository), str(repository.manifests), size(repository.bytes))
        console.print(untouched)


def _show_manifests(console: Console, what: str, manifests: Sequence[DeletedManifest]) -> None:
    if manifests:
        shown = table("Repository", f"#{what}", "Digests")
        for repository, theirs in groupby(manifests, key=lambda manifest: manifest.repository):
            digests = [short(manifest.digest).partition(":")[2] for manifest in theirs]
            shown.add_row(safe(repository), str(len(digests)), " ".join(digests))
        console.print(shown)


def _show_undone(console: Console, title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    if rows:
        undone = table("Repository", "Digest", "Why", title=title)
        for repository, digest, why in rows:
            undone.add_row(safe(repository), digest, safe(why))
        console.print(undone)


def _account(report: Report, collecting: GarbageCollection) -> str:
    """The run in a sentence or two."""
    counts = f"{len(report.deleted)} deleted, {len(report.failed)} failed, {len(report.skipped)} skipped"
    account = f"{report.registry}: {counts}; that lets a collection free {freed(report.predicted)}."
    return f"{account} {_collected(report.collection) if report.collection else _not_collected(report, collecting)}"


def _collected(collection: Collection) -> str:
    if collection.state is CollectionState.ACTIVE:
        return f'The garbage collection goes on ("{safe(collection.status)}"): see `cleaner gc status`.'
    return f"The garbage collection {safe(collection.status)}: {size(collection.freed_bytes)} freed."


def _not_collected(report: Report, collecting: GarbageCollection) -> str:
    if collecting.schedule is not CollectionSchedule.AFTER_CLEAN:
        why = f"garbage_collection.schedule is {collecting.cron or collecting.schedule}"
    elif report.error is not None:
        why = "the run ended early"
    elif report.predicted is not None and 0 < report.predicted.bytes < collecting.min_freed:
        why = f"that is less than garbage_collection.min_freed, {size(collecting.min_freed)}"
    else:
        why = "there is nothing to free, or the provider collects by itself"
    return f"No garbage collection was started: {why}."
