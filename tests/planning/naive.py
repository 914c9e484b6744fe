"""The limits of the policy page, written to be obviously right: everything is looked at anew for each next deletion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import Mode
from cleaner.model.verdict import Condemned
from cleaner.planning.plan import Terms
from cleaner.planning.survey import Judged, Survey
from cleaner.retention.policy import Policy

Key = tuple[str, Digest]
"""A manifest's repository and digest."""


def left_whole(survey: Survey, terms: Terms) -> dict[str, int]:
    """The repositories that would lose more than their share, with how many manifests that holds back."""
    return {
        place.listing.repository: len(_condemned(place))
        for place in survey.judged
        if place.policy.mode in terms.modes
        and place.listing.repository not in terms.allowed
        and _loses_more_than_its_share(place)
    }


def _loses_more_than_its_share(place: Judged) -> bool:
    def too_many(lost: Iterable[Manifest], of: Iterable[Manifest]) -> bool:
        return len(list(lost)) > place.policy.limits.share * len(list(of))

    everything, condemned = place.listing.manifests, _condemned(place)
    return too_many(condemned, everything) or too_many(
        (m for m in condemned if m.is_version), (m for m in everything if m.is_version)
    )


def _condemned(place: Judged) -> list[Manifest]:
    return [v.manifest for v in place.judgement.verdicts.values() if isinstance(v, Condemned)]


def goes(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> list[Key]:
    """What goes in this run, in an order in which it may go: enforced and planned policies counted apart.

    A source that cannot be read stops everything.
    """
    if terms.veto is not None:
        return []
    whole = left_whole(survey, terms)
    return [
        key
        for mode in terms.modes
        for key in _Run(survey, policies, terms).goes_of(
            [p for p in survey.judged if p.policy.mode is mode and p.listing.repository not in whole], mode
        )
    ]


@dataclass(slots=True)
class _Run:
    survey: Survey
    policies: tuple[Policy, ...]
    terms: Terms
    waiting: dict[Key, Manifest] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def goes_of(self, places: list[Judged], mode: Mode) -> list[Key]:
        """Until nothing is left that may go: the oldest version that may, else the oldest orphan, with its own."""
        assert all(place.policy.mode is mode for place in places)
        self.waiting = {(m.repository, m.digest): m for place in places for m in _condemned(place)}
        going: list[Key] = []
        while ready := [key for key in self.waiting if self._may_go(key)]:
            bundle = self._with_all_that_goes_with_it(min(ready, key=self._age))
            if self._is_admitted(bundle):
                going += bundle
                for key in bundle:
                    del self.waiting[key]
        return going

    def _may_go(self, key: Key) -> bool:
        """Nothing condemned above it waits, and none of its caps is closed."""
        return not self._waits_for(key) & self.waiting.keys() and not self.closed & self._caps(key).keys()

    def _waits_for(self, key: Key) -> set[Key]:
        """The indexes that list it and the subjects that it is attached to."""
        families = {p.listing.repository: p.judgement.families for p in self.survey.judged}[key[0]]
        indexes = {d for d, children in families.children.items() if key[1] in children}
        subjects = {d for d, attachments in families.attachments.items() if key[1] in attachments}
        return {(key[0], digest) for digest in indexes | subjects}

    def _age(self, key: Key) -> tuple[bool, float, Digest, str]:
        """Versions before orphans, older before newer, then by digest."""
        manifest = self.waiting[key]
        assert manifest.updated_at is not None
        return (not manifest.is_version, manifest.updated_at.timestamp(), manifest.digest, manifest.repository)

    def _with_all_that_goes_with_it(self, first: Key) -> list[Key]:
        """It, and all that is no version and waits for nothing but what is in here; of several the first by digest."""
        bundle = [first]

        def goes_along(key: Key) -> bool:
            still = self._waits_for(key) & self.waiting.keys()
            return key not in bundle and not self.waiting[key].is_version and bool(still) and still <= set(bundle)

        while more := [key for key in self.waiting if goes_along(key)]:
            bundle.append(min(more))
        return bundle

    def _is_admitted(self, bundle: list[Key]) -> bool:
        """Count it in all of its caps, or close those that it does not fit in; the first alone always fits."""
        caps = self._caps(bundle[0])
        full = {n for n, limit in caps.items() if self.used.get(n, 0) and self.used[n] + len(bundle) > limit}
        self.closed |= full
        if not full:
            self.used |= {name: self.used.get(name, 0) + len(bundle) for name in caps}
        return not full

    def _caps(self, key: Key) -> Mapping[str, int]:
        """The caps that a manifest counts in: its policy's if it has one, and the registry's; none where allowed."""
        if key[0] in self.terms.allowed:
            return {}
        policy = next(p.policy for p in self.survey.judged if p.listing.repository == key[0])
        own = policy.limits.deletions
        registry = {"registry": self.terms.deletions}
        return registry if own is None else {f"policy {self.policies.index(policy)}": own, **registry}
