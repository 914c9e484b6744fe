"""What the log says of what guards against a loss. Pure."""

from __future__ import annotations

import logging
from collections import Counter
from typing import assert_never

from cleaner.daemon.log_lines import Fact, Line, line
from cleaner.model.audit import Finding
from cleaner.model.deletion import Restorable
from cleaner.model.safeguard import (
    Audited,
    CollectionWithheld,
    ManifestRestored,
    RestoreFailed,
    Safeguard,
    SourceFailed,
    SourceRead,
)

FINDINGS = 20
"""So many findings of an audit are written out; `cleaner audit` shows them all."""


def of_a_safeguard(event: Safeguard) -> Line:
    """Something that guards against a loss has looked, has brought something back, or raises the alarm."""
    match event:
        case SourceRead(_, source, images):
            return line(logging.DEBUG, "in-use source read", source=source, images=images)
        case SourceFailed(_, source, error):
            return line(logging.ERROR, "in-use source not readable", source=source, error=error)
        case ManifestRestored(_, manifest, because):
            return line(logging.WARNING, "manifest brought back", **_manifest(manifest), because=because)
        case RestoreFailed(_, manifest, error):
            return line(logging.ERROR, "manifest not brought back", **_manifest(manifest), error=error)
        case CollectionWithheld(_, detail):
            return line(logging.ERROR, "garbage collection withheld", detail=detail)
        case Audited(_, findings):
            return _audited(findings)
        case _:
            assert_never(event)


def _manifest(manifest: Restorable) -> dict[str, Fact]:
    return {"repository": manifest.repository, "digest": manifest.digest, "tags": list(manifest.tags)}


def _audited(findings: tuple[Finding, ...]) -> Line:
    kinds: dict[str, Fact] = dict(Counter(finding.kind.value for finding in findings))
    first: list[str] = [_in_words(finding) for finding in findings[:FINDINGS]]
    level = logging.WARNING if findings else logging.INFO
    return line(level, "registry audited", findings=len(findings), **kinds, first=first or None)


def _in_words(finding: Finding) -> str:
    used = f", which {finding.where} uses" if finding.where else ""
    return f"{finding.name}{used}: {finding.detail}"
