"""What holds back and what goes, as the policy page says it, written to be obviously right.

Everything is looked at anew for each manifest, and for each next deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import HoldReason
from cleaner.model.verdict import Condemned
from cleaner.planning.survey import Judged, Survey
from cleaner.planning.terms import Terms
from cleaner.retention.policy import Policy

Key = tuple[str, Digest]
"""A manifest's repository and digest."""

Wait = tuple[HoldReason, datetime | None]
"""What a manifest waits for, and when its notice runs out if that is it."""


def goes(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> list[Key]:
    """What goes in this run, in an order in which it may go: enforced and planned policies counted apart."""
    return [
        key
        for mode in terms.modes
        for key in _Run(survey, policies, terms).goes_of([p for p in survey.judged if p.policy.mode is mode])
    ]


def waits(survey: Survey, policies: tuple[Policy, ...], terms: Terms) -> dict[Key, Wait]:
    """What is condemned, was reviewed if anything was, and does not go in this run."""
    going = goes(survey, policies, terms)
    return {
        key: _wait(place, key, terms) or (HoldReason.CAP, None)
        for place in survey.judged
        if place.policy.mode in terms.modes
        for key in condemned(place)
        if _is_reviewed(place, key, terms) and key not in going
    }


def condemned(place: Judged) -> dict[Key, Manifest]:
    """What the policy condemns in a repository."""
    verdicts = place.judgement.verdicts.values()
    return {(place.listing.repository, v.manifest.digest): v.manifest for v in verdicts if isinstance(v, Condemned)}


def above(place: Judged, key: Key) -> set[Key]:
    """The condemned manifests that must go before this one: what lists it and what it is attached to, at any remove."""
    families, found = place.judgement.families, set[Digest]()
    while more := {
        upper
        for digest in {key[1], *found}
        for edges in (families.children, families.attachments)
        for upper, lower in edges.items()
        if digest in lower and upper not in found
    }:
        found |= more
    return {(key[0], digest) for digest in found} & condemned(place).keys()


def _wait(place: Judged, key: Key, terms: Terms) -> Wait | None:
    """What holds it back before any cap."""
    if key[0] not in terms.allowed and _loses_more_than_its_share(place, terms) and not is_approved(place, key, terms):
        return HoldReason.SHARE, None
    if any(not veto.repositories or any(p.matches(key[0]) for p in veto.repositories) for veto in terms.vetoes):
        return HoldReason.SOURCE, None
    goes_at = max(_noticed(place, each, terms) for each in {key, *above(place, key)})
    return (HoldReason.NOTICE, goes_at) if goes_at > terms.now else None


def _noticed(place: Judged, key: Key, terms: Terms) -> datetime:
    """When its own notice runs out."""
    since = terms.since.get(key[0], {}).get(key[1], terms.now)
    return since + place.policy.notice if place.policy.notice else terms.now


def _is_reviewed(place: Judged, key: Key, terms: Terms) -> bool:
    return terms.only is None or {key, *above(place, key)} <= terms.only


def is_approved(place: Judged, key: Key, terms: Terms) -> bool:
    """Whether a person let it through, and all that must go before it."""
    return all(digest in terms.approved.get(name, ()) for name, digest in {key, *above(place, key)})


def _loses_more_than_its_share(place: Judged, terms: Terms) -> bool:
    def too_many(lost: Iterable[Manifest], of: Iterable[Manifest]) -> bool:
        return len(list(lost)) > place.policy.limits.share * len(list(of))

    everything = place.listing.manifests
    lost = [manifest for key, manifest in condemned(place).items() if not is_approved(place, key, terms)]
    return too_many(lost, everything) or too_many(
        (m for m in lost if m.is_version), (m for m in everything if m.is_version)
    )


@dataclass(slots=True)
class _Run:
    survey: Survey
    policies: tuple[Policy, ...]
    terms: Terms
    waiting: dict[Key, Manifest] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def goes_of(self, places: list[Judged]) -> list[Key]:
        """What no cap counts and what the caps let through, both in one order."""
        free = {
            key: manifest
            for place in places
            for key, manifest in condemned(place).items()
            if _is_reviewed(place, key, self.terms) and _wait(place, key, self.terms) is None
        }
        uncounted = {
            k for p in places for k in condemned(p) if k[0] in self.terms.allowed or is_approved(p, k, self.terms)
        }
        granted = {*self._pick({key: free[key] for key in free if key not in uncounted}), *(free.keys() & uncounted)}
        everywhere = replace(self.terms, allowed=frozenset(place.listing.repository for place in places))
        return _Run(self.survey, self.policies, everywhere)._pick({key: free[key] for key in free if key in granted})

    def _pick(self, waiting: Mapping[Key, Manifest]) -> list[Key]:
        """Until nothing is left that may go: the oldest version that may, else the oldest orphan, with its own."""
        self.waiting = dict(waiting)
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
