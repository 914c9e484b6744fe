"""A policy, and what guards a registry beside its policies, in plain words, for `cleaner check`."""

from __future__ import annotations

from typing import assert_never

from cleaner.config.settings import AppPlatform, ImagesFile, InUseSource, Kubernetes, RegistrySettings
from cleaner.config.units import share_text
from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Rule, SemverLimits
from cleaner.retention.words import safe, say_limit


def describe(number: int, policy: Policy) -> list[str]:
    """What a policy means, line by line; `number` is its place in the file, from 1."""
    untagged = (
        "kept" if policy.untagged_within is None else f"kept for {say_limit(policy.untagged_within)}, then they go"
    )
    unmatched = "go" if policy.delete_unmatched else "are kept"
    limits = policy.limits
    notice = f"; what goes is announced {say_limit(policy.notice)} before" if policy.notice else ""
    cap = "" if limits.deletions is None else f", and at most {limits.deletions} manifests for this policy"
    return [
        f"policy {number} (mode {policy.mode}) for {_patterns(policy.repositories)}",
        *(f"  keeps {_rule(rule)}" for rule in policy.keep),
        f"  versions that no rule selects {unmatched}; orphans (untagged) are {untagged}",
        f"  a run takes at most {share_text(limits.share)} of a repository{cap}; "
        f"{limits.keep_at_least} versions stay at least{notice}",
    ]


def describe_safeguards(registry: RegistrySettings) -> list[str]:
    """What guards a registry beside its policies, and who is told, line by line; of a secret its source alone."""
    sources = [_source(source) for source in registry.in_use] or ["nothing is asked"]
    told = "; ".join(safe(secret.source) for secret in registry.notify)
    return [
        *(f"in use: {source}" for source in sources),
        f"what was in use, and what its tag pointed to, is kept for {say_limit(registry.remember)} more"
        if registry.remember
        else "what was in use is not remembered",
        f"told of what is announced and done: whom {told} names" if told else "nobody is told of what is done",
    ]


def _source(source: InUseSource) -> str:
    limited = f"; while it cannot be read, only {_patterns(source.repositories)} wait" if source.repositories else ""
    return f"{_place(source.place)}{limited}"


def _place(place: AppPlatform | Kubernetes | ImagesFile) -> str:
    match place:
        case AppPlatform(deployments):
            return f"App Platform, with {deployments} earlier deployments of each app"
        case Kubernetes(cluster, None):
            return f"the Kubernetes cluster around this process, called {safe(cluster)}"
        case Kubernetes(cluster, kubeconfig, context):
            chosen = "the current context" if context is None else f"the context {safe(context)}"
            return f"the Kubernetes cluster {safe(cluster)}, by {chosen} of {safe(str(kubeconfig))}"
        case ImagesFile(path):
            return f"the images named in {safe(str(path))}"
        case _:
            assert_never(place)


def _rule(rule: Rule) -> str:
    excepted = f" except {_patterns(rule.except_tags)}" if rule.except_tags else ""
    each = f", for each {safe(rule.per)}" if rule.per else ""
    return f"{_patterns(rule.tags)}{excepted}: {' and '.join(_conditions(rule)) or 'always'}{each}"


def _conditions(rule: Rule) -> list[str]:
    conditions: list[str] = []
    if rule.last is not None:
        conditions.append(f"the {rule.last} newest")
    if rule.within is not None:
        conditions.append(f"younger than {say_limit(rule.within)}")
    if rule.calendar:
        periods = ", ".join(f"{count} {period}" for period, count in rule.calendar.items())
        conditions.append(f"the newest of each period ({periods})")
    if rule.semver is not None:
        conditions.append(_versions(rule.semver))
    return conditions


def _versions(limits: SemverLimits) -> str:
    levels = {"major": limits.majors, "minor": limits.minors, "patch": limits.patches}
    plurals = {"major": "majors", "minor": "minors", "patch": "patches"}
    counts = ", ".join(f"{count or 'all'} {name if count == 1 else plurals[name]}" for name, count in levels.items())
    return f"the highest versions ({counts})"


def _patterns(patterns: tuple[Pattern, ...]) -> str:
    return ", ".join(safe(pattern.text) for pattern in patterns)
