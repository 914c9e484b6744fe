"""From the models of a file without errors to the values that the other rooms read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from cleaner.config import models, policies
from cleaner.config.fingerprint import fingerprint
from cleaner.config.mappings import Model
from cleaner.config.protect import UNNAMED_CLUSTER, InUseEntry, Protect
from cleaner.config.settings import (
    Api,
    AppPlatform,
    CollectionSchedule,
    Family,
    GarbageCollection,
    ImagesFile,
    InUseSource,
    Kubernetes,
    OnTimeout,
    RateLimit,
    RegistrySettings,
    Secret,
)
from cleaner.config.tree import Node
from cleaner.model.manifest import Digest
from cleaner.model.plan import Mode
from cleaner.retention.patterns import Pattern, compile_pattern
from cleaner.retention.policy import Limits, Period, Policy, Protections, Rule, SemverLimits

_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True, slots=True)
class Source:
    """What a file was read from: its path, its tree, and the environment that its secrets may come from."""

    path: Path
    root: Node
    env: Mapping[str, str]

    def beside(self, path: str) -> Path:
        """A path that the file names; a relative one starts at the file's folder."""
        return self.path.parent / path

    def secret(self, named: models.SecretSource, node: Node) -> Secret:
        """The secret that the file names at `node`."""
        if named.file is not None:
            return Secret.from_file(self.beside(named.file), node.place)
        return Secret.from_env(str(named.env), self.env, node.place)


def registry_settings(file: models.File, number: int, source: Source) -> RegistrySettings:
    """The settings of the file's registry `number`, counted from 0."""
    registry, node = file.registries[number], source.root.at(("registries", number))
    zone = ZoneInfo(registry.timezone)
    protections = _protections(file, zone)
    return RegistrySettings(
        name=registry.name,
        api=_api(file, number, source),
        policies=tuple(_identified(_policy(policy, registry, file), protections) for policy in registry.policies),
        protections=protections,
        in_use=_in_use(file.protect, source),
        remember=file.protect.remember,
        notify=_notify(file, source),
        deletions=file.limits.deletions,
        recheck=file.recheck,
        garbage_collection=_garbage_collection(registry.garbage_collection),
        schedule=registry.schedule,
        timezone=zone,
        jitter=registry.jitter,
        heartbeat=_heartbeat(registry.heartbeat, node, source),
    )


def admin(file: models.File, source: Source) -> Secret | None:
    """The token that enables the requests which change something, where the file names one."""
    return None if file.admin is None else source.secret(file.admin.token, source.root.at(("admin", "token")))


def _notify(file: models.File, source: Source) -> tuple[Secret, ...]:
    return tuple(source.secret(named, source.root.at(("notify", n))) for n, named in enumerate(file.notify))


def _heartbeat(heartbeat: models.Heartbeat | None, registry: Node, source: Source) -> Secret | None:
    return None if heartbeat is None else source.secret(heartbeat.url, registry.at(("heartbeat", "url")))


def _api(file: models.File, number: int, source: Source) -> Api:
    own = file.registries[number].api
    api = _over(own, file.api)
    limit = _over(own.rate_limit, file.api.rate_limit)
    return Api(
        token=source.secret(api.token, _token_node(source.root, number)),
        url=api.url,
        registry_url=api.registry_url,
        family=Family(api.family),
        rate_limit=RateLimit(limit.per_minute, limit.per_hour, limit.reserve),
    )


def _over(own: _Model, general: _Model) -> _Model:
    """What `own` gives, and the rest from `general`: a registry's own overrides key by key."""
    return general.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def _token_node(root: Node, number: int) -> Node:
    """Where the token is named for that registry; the file itself where it is the default."""
    own, general = root.at(("registries", number)).child("api"), root.child("api")
    return next((api.fields["token"] for api in (own, general) if "token" in api.fields), root)


def _identified(policy: Policy, protections: Protections) -> Policy:
    return replace(policy, fingerprint=fingerprint(policy, protections))


def _policy(policy: policies.Policy, registry: models.Registry, file: models.File) -> Policy:
    own, limits = policy.limits, file.limits
    return Policy(
        repositories=_patterns(policy.repositories),
        keep=tuple(_rule(rule, number) for number, rule in enumerate(policy.keep, start=1)),
        mode=Mode(policy.mode or registry.mode or file.mode),
        limits=Limits(
            share=limits.share if own.share is None else own.share,
            keep_at_least=own.keep_at_least or limits.keep_at_least,
            deletions=own.deletions,
        ),
        untagged_within=None if policy.untagged == "keep" else policy.untagged.within,
        delete_unmatched=policy.unmatched == "delete",
        notice=file.notice if policy.notice is None else policy.notice,
    )


def _rule(rule: policies.Rule, number: int) -> Rule:
    return Rule(
        number=number,
        tags=_patterns(rule.tags),
        except_tags=_patterns(rule.except_),
        last=rule.last,
        within=rule.within,
        calendar={Period(period): count for period, count in rule.calendar or () if count is not None},
        semver=None
        if rule.semver is None
        else SemverLimits(rule.semver.majors, rule.semver.minors, rule.semver.patches),
        per=rule.per,
    )


def _patterns(texts: list[str]) -> tuple[Pattern, ...]:
    return tuple(compile_pattern(text) for text in texts)


def _protections(file: models.File, zone: ZoneInfo) -> Protections:
    return Protections(
        zone=zone,
        grace=file.grace,
        tags=_patterns(file.protect.tags),
        digests=frozenset(Digest(digest) for digest in file.protect.digests),
    )


def _in_use(protect: Protect, source: Source) -> tuple[InUseSource, ...]:
    if protect.in_use is None or protect.in_use == "none":
        return ()
    return tuple(InUseSource(_place(entry, source), _patterns(entry.repositories or [])) for entry in protect.in_use)


def _place(entry: InUseEntry, source: Source) -> AppPlatform | Kubernetes | ImagesFile:
    if entry.app_platform is not None:
        return AppPlatform(entry.app_platform.deployments)
    if (own := entry.kubernetes) is not None:
        kubeconfig = None if own.kubeconfig is None else source.beside(own.kubeconfig)
        return Kubernetes(own.cluster or own.context or UNNAMED_CLUSTER, kubeconfig, own.context)
    return ImagesFile(source.beside(str(entry.file)))


def _garbage_collection(collection: models.GarbageCollection) -> GarbageCollection:
    is_word = collection.schedule in set(CollectionSchedule)
    return GarbageCollection(
        schedule=CollectionSchedule(collection.schedule) if is_word else CollectionSchedule.CRON,
        cron=None if is_word else collection.schedule,
        min_freed=collection.min_freed,
        timeout=collection.timeout,
        on_timeout=OnTimeout(collection.on_timeout),
        quiet=collection.quiet,
    )
