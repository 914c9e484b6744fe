"""The metrics of what guards against a loss: in-use sources, what was brought back, withheld collections, audits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from cleaner.clock import Now
from cleaner.daemon import metric_table as table
from cleaner.daemon.series import Series
from cleaner.daemon.sources import SourceKind
from cleaner.model.audit import Finding, FindingKind
from cleaner.model.safeguard import (
    Audited,
    CollectionWithheld,
    ManifestRestored,
    RestoreFailed,
    Safeguard,
    SourceFailed,
    SourceRead,
)


class SafeguardMetrics:
    """Shows in `series` what it hears; what is told of an in-use source that is not expected is ignored."""

    def __init__(self, series: Series, now: Now) -> None:
        self._series = series
        self._now = now
        self._sources: Mapping[str, Mapping[str, SourceKind]] = {}
        self._images: dict[tuple[str, str], int] = {}

    def expect(self, sources: Mapping[str, Mapping[str, SourceKind]]) -> None:
        """From now on these registries have these in-use sources, by name, and no others."""
        self._sources = sources
        known = {(registry, name) for registry, its in sources.items() for name in its}
        self._images = {source: images for source, images in self._images.items() if source in known}
        for registry, its in sources.items():
            for kind in sorted(set(its.values())):
                self._show_images(registry, kind)

    def hear(self, event: Safeguard) -> None:
        """Take in one event of a registry that is expected."""
        match event:
            case SourceRead(registry, source, images):
                if kind := self._sources[registry].get(source):
                    self._images[registry, source] = images
                    self._show_images(registry, kind)
            case SourceFailed(registry, source):
                if kind := self._sources[registry].get(source):
                    self._series.add(table.IN_USE_FAILURES, registry, kind)
            case ManifestRestored(registry):
                self._series.add(table.RESTORED, registry)
            case RestoreFailed(registry):
                self._series.add(table.RESTORES_FAILED, registry)
            case CollectionWithheld(registry):
                self._series.add(table.WITHHELD, registry)
                self._series.show(table.WITHHELD_NOW, 1, registry)
            case Audited(registry, findings):
                self._show_audit(registry, findings)
            case _:
                assert_never(event)

    def _show_images(self, registry: str, kind: SourceKind) -> None:
        """The sum over the sources of that kind that have been read; nothing where none has."""
        names = [name for name, of in self._sources[registry].items() if of is kind]
        read = [self._images[registry, name] for name in names if (registry, name) in self._images]
        self._series.show(table.IN_USE, sum(read) if read else None, registry, kind)

    def _show_audit(self, registry: str, findings: tuple[Finding, ...]) -> None:
        counts = Counter(finding.kind for finding in findings)
        for kind in FindingKind:
            self._series.show(table.FINDINGS, counts[kind], registry, kind)
        self._series.show(table.AUDITED, self._now().timestamp(), registry)
