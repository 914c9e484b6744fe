"""`cleaner undo`: what was deleted is put back, as long as no garbage collection has taken its blobs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from cleaner.cleaning.undo import Undoable, Undone
from cleaner.cli.console import ask, messages, presenting, results, say, write_json
from cleaner.cli.explain import parse_image, without_home
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    YesOption,
    answering,
    changeable,
    insist_on_a_terminal,
    insist_on_state,
    load_settings,
    reveal_tokens,
)
from cleaner.cli.progress import progress
from cleaner.cli.tables import table, tags
from cleaner.config.settings import RegistrySettings
from cleaner.config.units import NotAsExpected, parse_duration
from cleaner.documents import Document
from cleaner.errors import NotThere, UsageError
from cleaner.figures import clock_time, some
from cleaner.ledger.ledger import Ledger
from cleaner.ledger.restoring import Which
from cleaner.model.deletion import Collected, Restorable
from cleaner.model.manifest import Digest, parse_digest
from cleaner.retention.words import safe, short
from cleaner.wiring import Application, production

_RUN = re.compile(r"[0-9a-f][0-9a-f-]{0,35}")
_SEE = "See what was deleted: cleaner history deletions"
_SEE_RUNS = "See the runs: cleaner history runs, and what was deleted: cleaner history deletions"
_YOUNG = (
    "For the registry it was pushed just now: for `last` and `calendar` it is among the newest, and once grace and "
    "notice have run out, the policies may condemn it again. Look at `cleaner plan` before the next run."
)

WhatArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN|REPOSITORY[@DIGEST]]", help="A run (see `cleaner history runs`), or what was deleted."
    ),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="DURATION", help="What was deleted no longer ago than this (1h, 2d).")
]


def undo(
    what: WhatArgument = None,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    since: SinceOption = None,
    yes: YesOption = False,
) -> None:
    """Put back what was deleted, as far as no garbage collection has taken it. Asks first."""
    settings = load_settings(config)
    with answering(output):
        one, now = changeable(settings, registry), production().now()
        earliest = None if since is None else now - _duration(since)
        insist_on_state(settings)
        with closing(Application.for_applying(settings, production())) as application:
            which = _which(application.ledger, one.name, what and without_home(what, one), earliest)
            if not yes:
                insist_on_a_terminal("Look at `cleaner history deletions`, then add --yes")
            reveal_tokens([one])
            undone = _carry_out(application, one, which, asking=not yes)
    with presenting():
        if output is Format.JSON:
            write_json(_document(one, undone))
        else:
            _show(results(), one, undone)
    raise typer.Exit(1 if undone.failed or undone.collected else 0)


def _carry_out(application: Application, registry: RegistrySettings, which: Which, *, asking: bool) -> Undone:
    """What came of it; nothing at all where a person declines."""
    with asyncio.Runner() as runner:
        found = runner.run(application.undoable(registry, which)) if asking else None
        if found and found.restorable and not _agreed(registry, found):
            say("nothing was put back: it was not confirmed")
            return Undone()
        with progress(messages()) as tell:
            undone = runner.run(application.undo(registry, which, tell))
    if undone == Undone():
        say("nothing of that is gone any more, so there is nothing to put back")
    return undone


def _which(ledger: Ledger, registry: str, what: str | None, since: datetime | None) -> Which:
    """What is meant: a repository that lost something, a run by its id or the beginning of it, or a digest.

    Raises:
        UsageError: nothing is named, or several are meant.
        NotThere: the ledger has no such deletion.
    """
    if what == "" or (what is None and since is None):
        raise UsageError("nothing is named to undo", "Name a RUN, a REPOSITORY[@DIGEST], or --since 1h")
    which = Which(since=since)
    if what is not None:
        named = None if ledger.knows(registry, Which(repository=what)) else _of_a_run(ledger, registry, what, since)
        which = named or _of_a_repository(ledger, registry, what, since)
    if not ledger.knows(registry, which):
        raise _unknown(registry, what, since)
    return which


def _unknown(registry: str, what: str | None, since: datetime | None) -> NotThere:
    when = "" if since is None else f" since {since:%Y-%m-%d %H:%M} UTC"
    if what is not None and _RUN.fullmatch(what):
        meant = f"no run {what} deleted anything from {registry}{when}, and no repository of that name lost anything"
        return NotThere(meant, _SEE_RUNS)
    named = "" if what is None else f" of {safe(what)}"
    return NotThere(f"nothing{named} was deleted from {registry}{when}", _SEE)


def _of_a_run(ledger: Ledger, registry: str, what: str, since: datetime | None) -> Which | None:
    """None where no run begins so: it may be a repository's name."""
    runs = ledger.history.runs_beginning(what) if _RUN.fullmatch(what) else ()
    if len(runs) > 1:
        raise UsageError(
            f"several runs begin with {safe(what)}", "Write more of it: `cleaner history runs --format json`"
        )
    if runs and runs[0].registry != registry:
        raise UsageError(f"run {safe(what)} was one on {runs[0].registry}", f"Name it: --registry {runs[0].registry}")
    return Which(run=runs[0].id, since=since) if runs else None


def _of_a_repository(ledger: Ledger, registry: str, what: str, since: datetime | None) -> Which:
    image = parse_image(what)
    if image.tag is not None:
        raise UsageError(f"{safe(what)} names a tag, and undo goes by digest", "Write REPOSITORY or REPOSITORY@DIGEST")
    which = Which(repository=image.repository, since=since)
    if image.digest is None:
        return which
    return replace(which, digest=parse_digest(image.digest) or _completed(ledger, registry, which, image.digest))


def _completed(ledger: Ledger, registry: str, which: Which, beginning: str) -> Digest:
    """The one digest of that beginning among what is gone, or may be: it was to be deleted, and has no outcome yet."""
    gone = [manifest.digest for manifest in ledger.restorable(registry, which)]
    gone += [manifest.digest for manifest in ledger.collected_of(registry, which)]
    gone += [intent.digest for intent in ledger.unsettled(registry) if intent.repository == which.repository]
    found = {digest for digest in gone if digest.startswith(beginning)}
    if len(found) > 1:
        raise UsageError(f"{len(found)} digests begin with {safe(beginning)}", "Write more of its digits")
    if not found:
        raise NotThere(f"nothing that begins with {safe(beginning)} is gone from {safe(which.repository or '')}", _SEE)
    return found.pop()


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except NotAsExpected as error:
        raise UsageError(f"--since {safe(text)}: expected {error}", "For instance 90m, 1h or 2d") from None


def _agreed(registry: RegistrySettings, found: Undoable) -> bool:
    shown = table("Repository", "Digest", "Tags", "Deleted", title=f"{registry.name}: to be put back")
    for manifest in found.restorable:
        when = clock_time(manifest.at, registry.timezone)
        shown.add_row(safe(manifest.repository), short(manifest.digest), tags(manifest.tags), when)
    messages().print(shown)
    if found.collected:
        say(f"{some(len(found.collected), 'manifest')} more cannot come back: a garbage collection took the blobs")
    return ask(f"Put {some(len(found.restorable), 'manifest')} back into {registry.name}?")


def _show(console: Console, registry: RegistrySettings, undone: Undone) -> None:
    _show_manifests(console, f"{registry.name}: put back", undone.restored)
    not_back = table("Repository", "Digest", "Tags", "Why", title=f"{registry.name}: not put back")
    for manifest, why in undone.failed:
        not_back.add_row(safe(manifest.repository), short(manifest.digest), tags(manifest.tags), safe(why))
    for gone in undone.collected:
        not_back.add_row(safe(gone.repository), short(gone.digest), tags(gone.tags), _why(gone, registry))
    if not_back.row_count:
        console.print(not_back)
    if undone.moved_on:
        moved = ", ".join(f"{safe(repository)}:{safe(tag)}" for repository, tag in undone.moved_on)
        console.print(f"Tags that stand on something else by now, and were left there: {moved}", soft_wrap=True)
    lost = len(undone.failed) + len(undone.collected)
    console.print(f"{registry.name}: {len(undone.restored)} put back, {lost} not.", soft_wrap=True)
    if undone.restored:
        console.print(_YOUNG, soft_wrap=True)


def _show_manifests(console: Console, title: str, manifests: Sequence[Restorable]) -> None:
    shown = table("Repository", "Digest", "Tags", title=title)
    for manifest in manifests:
        shown.add_row(safe(manifest.repository), short(manifest.digest), tags(manifest.tags))
    if manifests:
        console.print(shown)


def _why(gone: Collected, registry: RegistrySettings) -> str:
    return f"a garbage collection took its blobs (known since {clock_time(gone.collected_at, registry.timezone)})"


def _document(registry: RegistrySettings, undone: Undone) -> Document:
    failed = [{**_entry(manifest), "error": why} for manifest, why in undone.failed]
    failed += [{**_entry(gone), "error": _why(gone, registry)} for gone in undone.collected]
    return {
        "registry": registry.name,
        "restored": [_entry(manifest) for manifest in undone.restored],
        "failed": failed,
        "tags_moved_on": [{"repository": repository, "tag": tag} for repository, tag in undone.moved_on],
    }


def _entry(manifest: Restorable | Collected) -> Document:
    return {"repository": manifest.repository, "digest": manifest.digest, "tags": list(manifest.tags)}
