"""`cleaner audit`: whether every tag pulls, every attachment has its subject, and everything in use is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import closing

import typer
from rich.console import Console

from cleaner.cleaning.audit import Audit
from cleaner.cli.console import messages, presenting, results, say, say_notes, write_json
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, chosen, load_settings, reveal_tokens
from cleaner.cli.outcome import Outcome, attempt, complaints, refused, worst
from cleaner.cli.progress import progress
from cleaner.cli.tables import show_warnings, table
from cleaner.config.settings import Settings
from cleaner.documents import Document
from cleaner.errors import CleanerError
from cleaner.figures import some
from cleaner.model.audit import Finding, FindingKind
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

_TITLES = {
    FindingKind.BROKEN_TAG: "Tags that cannot be pulled completely",
    FindingKind.DANGLING_ATTACHMENT: "Attached to what is gone",
    FindingKind.MISSING_IMAGE: "In use, and not there",
}


def audit(config: ConfigOption = None, registry: RegistryOption = None, output: FormatOption = Format.TABLE) -> None:
    """Look for tags that do not pull, attachments without a subject, and images in use that are missing."""
    settings = load_settings(config)
    try:
        outcomes, notes = asyncio.run(_audits(settings, registry))
    except CleanerError as error:
        outcomes, notes = refused(settings, registry, error), ()
    with presenting():
        if output is Format.JSON:
            write_json({"registries": [_document(outcome) for outcome in outcomes], "notes": notes})
        else:
            for outcome in outcomes:
                if isinstance(outcome.result, Audit):
                    _show(results(), outcome.result)
    for line in complaints(outcomes):
        say(line)
    raise typer.Exit(worst(outcome.result.exit_code for outcome in outcomes))


async def _audits(settings: Settings, name: str | None) -> tuple[list[Outcome[Audit]], tuple[str, ...]]:
    """What each registry's audit came to, and what a person should know of how, which is said too."""
    registries = chosen(settings, name)
    reveal_tokens(registries)
    with closing(Application.for_planning(settings, production())) as application, progress(messages()) as tell:
        say_notes(application.notes)
        return [await attempt(one, application.audit(one, tell)) for one in registries], application.notes


def _show(console: Console, found: Audit) -> None:
    for kind in FindingKind:
        _show_findings(console, _TITLES[kind], [finding for finding in found.findings if finding.kind is kind])
    show_warnings(console, (f"not looked at: {text}" for text in found.unseen))
    sound = (
        "everything that was looked at is sound" if found.unseen else "every tag pulls, and all that is in use is there"
    )
    console.print(
        f"{found.registry}: {some(len(found.findings), 'finding') if found.findings else sound}", soft_wrap=True
    )


def _show_findings(console: Console, title: str, findings: Iterable[Finding]) -> None:
    shown = table("Image", "What is wrong", "Who uses it", title=title)
    for finding in findings:
        shown.add_row(safe(finding.name), safe(finding.detail), safe(finding.where))
    if shown.row_count:
        console.print(shown)


def _document(outcome: Outcome[Audit]) -> Document:
    found = outcome.result
    if isinstance(found, CleanerError):
        return {"name": outcome.registry, "error": str(found), "findings": [], "unseen": []}
    findings = [
        {
            "kind": finding.kind.value,
            "repository": finding.repository,
            "image": finding.name,
            "detail": finding.detail,
            "where": finding.where or None,
        }
        for finding in found.findings
    ]
    return {"name": found.registry, "error": None, "findings": findings, "unseen": list(found.unseen)}
