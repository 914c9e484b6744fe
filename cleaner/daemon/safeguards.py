"""What guards against a loss, for the status page: what is in use as last read, the last audit, and their alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cleaner.daemon.board import Known, RegistryFacts, SourceFacts
from cleaner.daemon.figures import NAME, Moment, moment, shown
from cleaner.daemon.sources import sources_of
from cleaner.figures import some
from cleaner.model.audit import Finding, FindingKind

_KINDS = {
    FindingKind.BROKEN_TAG: ("tag that cannot be pulled whole", "tags that cannot be pulled whole"),
    FindingKind.DANGLING_ATTACHMENT: ("attachment without its subject", "attachments without their subjects"),
    FindingKind.MISSING_IMAGE: ("image in use that is not there", "images in use that are not there"),
}


@dataclass(frozen=True, slots=True)
class SourceView:
    """An in-use source: what it named and when that was; `failed` where it could not be read since."""

    name: str
    images: str
    read: Moment | None
    failed: Moment | None


@dataclass(frozen=True, slots=True)
class UsesView:
    """What is in use: a headline, and each source of the configuration."""

    headline: str
    troubled: bool
    sources: tuple[SourceView, ...]


@dataclass(frozen=True, slots=True)
class AuditView:
    """The last audit: how much it found, and of what kinds."""

    headline: str
    troubled: bool
    kinds: tuple[str, ...]
    at: Moment


def known_sources(facts: RegistryFacts) -> dict[str, SourceFacts]:
    """What is known of each in-use source of the configuration, by name, in its order."""
    return {name: facts.sources.get(name, SourceFacts()) for name in sources_of(facts.settings)}


def counted(findings: Iterable[Finding]) -> dict[FindingKind, int]:
    """How many findings there are of each kind."""
    counts = Counter(finding.kind for finding in findings)
    return {kind: counts[kind] for kind in FindingKind}


def uses_view(facts: RegistryFacts, now: datetime) -> UsesView | None:
    """What the page says of what is in use; None where no source is configured."""
    sources = known_sources(facts)
    failed = sum(source.failure is not None for source in sources.values())
    read = [source.images.value for source in sources.values() if source.images is not None]
    if failed:
        headline = f"{failed} of {len(sources)} unreadable" if len(sources) > 1 else "unreadable"
    else:
        headline = some(sum(read), "image") if read else "not looked yet"
    zone = facts.settings.timezone
    views = tuple(_source(name, source, now, zone) for name, source in sources.items())
    return UsesView(headline, failed > 0, views) if sources else None


def audit_view(facts: RegistryFacts, now: datetime) -> AuditView | None:
    """What the page says of the last audit; None before the first."""
    if facts.audit is None:
        return None
    found = facts.audit.value
    headline = some(len(found), "finding") if found else "nothing found"
    return AuditView(headline, bool(found), tuple(_kinds(found)), moment(facts.audit.at, now, facts.settings.timezone))


def alarms(facts: RegistryFacts) -> Iterator[str]:
    """What somebody should look at, the worst first."""
    if facts.withheld is not None:
        yield f"Needed and not brought back: {shown(facts.withheld.value)}"
    for name, source in known_sources(facts).items():
        if source.failure is not None:
            yield (
                f"What is in use by {shown(name, NAME)} cannot be read, so nothing is deleted that it could have "
                f"vetoed: {shown(source.failure.value)}"
            )
    if facts.audit is not None and facts.audit.value:
        yield f"The last audit found {', '.join(_kinds(facts.audit.value))}: cleaner audit names them"


def _source(name: str, source: SourceFacts, now: datetime, zone: tzinfo) -> SourceView:
    return SourceView(
        name=shown(name, NAME),
        images="not read yet" if source.images is None else some(source.images.value, "image"),
        read=_moment(source.images, now, zone),
        failed=_moment(source.failure, now, zone),
    )


def _moment(known: Known[int] | Known[str] | None, now: datetime, zone: tzinfo) -> Moment | None:
    return None if known is None else moment(known.at, now, zone)


def _kinds(findings: Iterable[Finding]) -> Iterator[str]:
    for kind, count in counted(findings).items():
        if count:
            yield f"{count:,} {_KINDS[kind][count != 1]}"
