"""Which caps a repository's deletions count in, and what waits behind them (policy page, "Limits")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cleaner.model.plan import HoldReason
from cleaner.planning.holds import Hold, Standing, approved_in
from cleaner.planning.limits import Queue, within_caps
from cleaner.planning.order import units
from cleaner.planning.terms import Terms
from cleaner.retention.policy import Policy, policy_for

_REGISTRY_CAP = "limits.deletions"


def capped(standings: Sequence[Standing], policies: tuple[Policy, ...], terms: Terms) -> list[Standing]:
    """The same repositories, with what waits for the next run held back as well."""
    queues = {each.repository: _queue(each, policies, terms) for each in standings}
    caps = {_cap_of(number): policy.limits.deletions for number, policy in enumerate(policies, 1)}
    limited = {_REGISTRY_CAP: terms.deletions, **{name: cap for name, cap in caps.items() if cap is not None}}
    granted = within_caps(queues, limited, _used(policies, terms))
    return [_behind(each, queues[each.repository], len(granted[each.repository])) for each in standings]


def _behind(standing: Standing, queue: Queue, granted: int) -> Standing:
    """With all units but the first `granted` of its queue held back."""
    late = [digest for unit in queue.units[granted:] for digest in unit.manifests]
    detail = f"past {' or '.join(queue.caps)} in this run; the rest waits for the next"
    hold = Hold(standing.repository, HoldReason.CAP, detail)
    return replace(standing, holds={**standing.holds, **dict.fromkeys(late, hold)})


def _queue(standing: Standing, policies: tuple[Policy, ...], terms: Terms) -> Queue:
    """What counts in the caps: all that is free and that no person let through."""
    if standing.repository in terms.allowed:
        return Queue((), ())
    place, counted = standing.place, standing.free - approved_in(standing.place, terms)
    verdicts = place.judgement.condemned().items()
    manifests = {digest: verdict.manifest for digest, verdict in verdicts if digest in counted}
    return Queue(units(manifests, place.judgement.families), _caps(place.policy, policies))


def _used(policies: tuple[Policy, ...], terms: Terms) -> Counter[str]:
    """What earlier tries of the run have used up of each cap."""
    used = Counter[str]()
    for repository, manifests in terms.deleted.items():
        policy = policy_for(repository, policies)
        if policy is not None and repository not in terms.allowed:
            for cap in _caps(policy, policies):
                used[cap] += manifests
    return used


def _caps(policy: Policy, policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """The caps that deletions under a policy count in."""
    number = next(number for number, each in enumerate(policies, 1) if each is policy)
    own = (_cap_of(number),) if policy.limits.deletions is not None else ()
    return (*own, _REGISTRY_CAP)


def _cap_of(policy_number: int) -> str:
    return f"policies[{policy_number - 1}].limits.deletions"
