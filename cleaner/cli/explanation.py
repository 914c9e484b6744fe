"""Why the manifests of a repository stay or go, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.text import Text

from cleaner.cleaning.by_hand import Explained
from cleaner.cli.lineage import Entry
from cleaner.cli.tables import show_warnings, shown_tag
from cleaner.config.settings import RegistrySettings
from cleaner.documents import Document
from cleaner.figures import clock_time, rfc3339_or_none
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.verdict import Condemned, Kept, Verdict
from cleaner.planning.holds import goes_at
from cleaner.planning.survey import Judged
from cleaner.retention.words import safe, say, say_limit, say_verdict, short

_INDENT, _DEEPEST = "    ", 12


@dataclass(frozen=True, slots=True)
class Explanation:
    """A judged repository, the manifest in it that is asked about (None: all of them), and the outline to show.

    `found` says what stands between what is condemned there and its end.
    """

    registry: RegistrySettings
    place: Judged
    found: Explained
    asked: Manifest | None
    outline: tuple[Entry, ...]

    @property
    def policy_number(self) -> int:
        """The policy's place in the file, from 1."""
        return next(n for n, policy in enumerate(self.registry.policies, 1) if policy is self.place.policy)

    def goes_at(self) -> dict[Digest, datetime]:
        """When each condemned manifest goes at the earliest, where the policy has a notice."""
        if not self.place.policy.notice:
            return {}
        return goes_at(self.place, self.place.judgement.condemned(), self.found.since, self.found.now)


def show_explanation(console: Console, explanation: Explanation) -> None:
    """The policy, then the outline: each manifest with its verdict and every reason."""
    place = explanation.place
    patterns = ", ".join(safe(pattern.text) for pattern in place.policy.repositories)
    heading = (
        f"{safe(place.listing.repository)}: policy {explanation.policy_number} ({patterns}), mode {place.policy.mode}"
    )
    console.print(Text(heading, style="bold"), soft_wrap=True)
    goes = explanation.goes_at()
    for entry in explanation.outline:
        _show_entry(console, explanation, entry, goes.get(entry.digest))
    verdicts = place.judgement.verdicts
    if any(isinstance(verdicts[entry.digest], Condemned) for entry in explanation.outline):
        console.print("Limits may still hold back what goes: see `cleaner plan`.", soft_wrap=True)
    show_warnings(console, (f"nothing goes here until it can be read: {v.detail}" for v in explanation.found.vetoes))


def _show_entry(console: Console, explanation: Explanation, entry: Entry, goes_at: datetime | None) -> None:
    verdict = explanation.place.judgement.verdicts[entry.digest]
    manifest = verdict.manifest
    indent = _INDENT * min(entry.depth, _DEEPEST)
    line = Text(f"{indent}{entry.relation} " if entry.relation else indent)
    mark = " ◀ asked about" if manifest == explanation.asked else ""
    names = ", ".join(shown_tag(tag) for tag in manifest.tags) or "untagged"
    line.append(short(entry.digest), style="green" if isinstance(verdict, Kept) else "red")
    line.append(f"  {names}  {clock_time(manifest.updated_at, explanation.registry.timezone)}")
    line.append(" (see above)" if entry.again else mark, style="bold")
    console.print(line, soft_wrap=True)
    for reason in () if entry.again else _said(explanation, verdict, goes_at):
        console.print(Text(f"{indent}  {reason}"), soft_wrap=True)


def _said(explanation: Explanation, verdict: Verdict, goes_at: datetime | None) -> list[str]:
    absent = explanation.place.judgement.families.absent.get(verdict.manifest.digest, ())
    return [
        *say_verdict(verdict),
        *(_on_its_way(explanation, verdict.manifest.digest, goes_at) if isinstance(verdict, Condemned) else ()),
        *(f"names {short(digest)}, which this repository does not have" for digest in absent),
    ]


def _on_its_way(explanation: Explanation, digest: Digest, goes_at: datetime | None) -> Iterator[str]:
    """What is known of the time that a condemned manifest has left, and of its approval."""
    found, zone = explanation.found, explanation.registry.timezone
    if digest in found.since:
        yield f"condemned since {clock_time(found.since[digest], zone)}"
    if goes_at is not None:
        notice = say_limit(explanation.place.policy.notice)
        yield f"announced: it goes from {clock_time(goes_at, zone)} on, after a notice of {notice}"
    if digest in found.approved:
        yield f"approved at {clock_time(found.approved[digest], zone)}: neither share nor cap holds it back"


def explanation_document(explanation: Explanation) -> Document:
    """The manifest that is asked about with its `family`, or all `manifests` of the repository."""
    place, goes = explanation.place, explanation.goes_at()
    digests = list(dict.fromkeys(entry.digest for entry in explanation.outline))
    where: Document = {
        "registry": explanation.registry.name,
        "repository": place.listing.repository,
        "policy": explanation.policy_number,
        "mode": str(place.policy.mode),
        "unreadable_sources": [{"source": veto.source, "error": veto.detail} for veto in explanation.found.vetoes],
    }
    documents = {digest: _entry_document(explanation, digest, goes.get(digest)) for digest in digests}
    if explanation.asked is None:
        return {**where, "manifests": list(documents.values())}
    asked = documents.pop(explanation.asked.digest)
    return {**where, **asked, "family": list(documents.values())}


def _entry_document(explanation: Explanation, digest: Digest, goes_at: datetime | None) -> Document:
    verdict, families = explanation.place.judgement.verdicts[digest], explanation.place.judgement.families
    condemned = isinstance(verdict, Condemned)
    return {
        "digest": digest,
        "tags": list(verdict.manifest.tags),
        "updated_at": rfc3339_or_none(verdict.manifest.updated_at),
        "verdict": "keep" if isinstance(verdict, Kept) else "delete",
        "reasons": [say(reason) for reason in verdict.reasons],
        "condemned_since": rfc3339_or_none(explanation.found.since.get(digest) if condemned else None),
        "goes_at": rfc3339_or_none(goes_at),
        "approved_at": rfc3339_or_none(explanation.found.approved.get(digest)),
        "indexes": list(families.indexes.get(digest, ())),
        "subjects": list(families.subjects.get(digest, ())),
        "children": list(families.children.get(digest, ())),
        "attachments": list(families.attachments.get(digest, ())),
        "absent": list(families.absent.get(digest, ())),
    }
