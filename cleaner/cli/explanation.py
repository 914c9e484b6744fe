"""Why the manifests of a repository stay or go, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from cleaner.cli.lineage import Entry
from cleaner.cli.tables import shown_tag
from cleaner.config.settings import RegistrySettings
from cleaner.documents import Document
from cleaner.figures import clock_time, rfc3339_or_none
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.verdict import Condemned, Kept, Verdict
from cleaner.planning.survey import Judged
from cleaner.retention.words import safe, say, say_verdict, short

_INDENT, _DEEPEST = "    ", 12


@dataclass(frozen=True, slots=True)
class Explanation:
    """A judged repository, the manifest in it that is asked about (None: all of them), and the outline to show."""

    registry: RegistrySettings
    place: Judged
    asked: Manifest | None
    outline: tuple[Entry, ...]

    @property
    def policy_number(self) -> int:
        """The policy's place in the file, from 1."""
        return next(n for n, policy in enumerate(self.registry.policies, 1) if policy is self.place.policy)


def show_explanation(console: Console, explanation: Explanation) -> None:
    """The policy, then the outline: each manifest with its verdict and every reason."""
    place = explanation.place
    patterns = ", ".join(safe(pattern.text) for pattern in place.policy.repositories)
    heading = (
        f"{safe(place.listing.repository)}: policy {explanation.policy_number} ({patterns}), mode {place.policy.mode}"
    )
    console.print(Text(heading, style="bold"), soft_wrap=True)
    manifests = place.listing.by_digest()
    for entry in explanation.outline:
        _show_entry(console, explanation, entry, manifests[entry.digest])
    verdicts = place.judgement.verdicts
    if any(isinstance(verdicts[entry.digest], Condemned) for entry in explanation.outline):
        console.print("Limits and in-use sources may still hold back what goes: see `cleaner plan`.", soft_wrap=True)


def _show_entry(console: Console, explanation: Explanation, entry: Entry, manifest: Manifest) -> None:
    verdict = explanation.place.judgement.verdicts[entry.digest]
    indent = _INDENT * min(entry.depth, _DEEPEST)
    line = Text(f"{indent}{entry.relation} " if entry.relation else indent)
    mark = " ◀ asked about" if manifest == explanation.asked else ""
    names = ", ".join(shown_tag(tag) for tag in manifest.tags) or "untagged"
    line.append(short(entry.digest), style="green" if isinstance(verdict, Kept) else "red")
    line.append(f"  {names}  {clock_time(manifest.updated_at, explanation.registry.timezone)}")
    line.append(" (see above)" if entry.again else mark, style="bold")
    console.print(line, soft_wrap=True)
    for reason in () if entry.again else _said(explanation, verdict):
        console.print(Text(f"{indent}  {reason}"), soft_wrap=True)


def _said(explanation: Explanation, verdict: Verdict) -> list[str]:
    absent = explanation.place.judgement.families.absent.get(verdict.manifest.digest, ())
    return [
        *say_verdict(verdict),
        *(f"names {short(digest)}, which this repository does not have" for digest in absent),
    ]


def explanation_document(explanation: Explanation) -> Document:
    """The manifest that is asked about with its `family`, or all `manifests` of the repository."""
    place = explanation.place
    digests = list(dict.fromkeys(entry.digest for entry in explanation.outline))
    where: Document = {
        "registry": explanation.registry.name,
        "repository": place.listing.repository,
        "policy": explanation.policy_number,
        "mode": str(place.policy.mode),
    }
    if explanation.asked is None:
        return {**where, "manifests": [_entry_document(place, digest) for digest in digests]}
    asked = explanation.asked.digest
    family = [_entry_document(place, digest) for digest in digests if digest != asked]
    return {**where, **_entry_document(place, asked), "family": family}


def _entry_document(place: Judged, digest: Digest) -> Document:
    verdict, families = place.judgement.verdicts[digest], place.judgement.families
    return {
        "digest": digest,
        "tags": list(verdict.manifest.tags),
        "updated_at": rfc3339_or_none(verdict.manifest.updated_at),
        "verdict": "keep" if isinstance(verdict, Kept) else "delete",
        "reasons": [say(reason) for reason in verdict.reasons],
        "indexes": list(families.indexes.get(digest, ())),
        "subjects": list(families.subjects.get(digest, ())),
        "children": list(families.children.get(digest, ())),
        "attachments": list(families.attachments.get(digest, ())),
        "absent": list(families.absent.get(digest, ())),
    }
