"""The configuration language as pydantic models: what each key takes, its default, and its meaning (policy page).

The docstrings are the descriptions in the JSON Schema. What needs two places of the file is in `checks`.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from cleaner.config.scalars import (
    CollectionScheduleText,
    Count,
    CountOrZero,
    CronLine,
    DigestText,
    Duration,
    DurationOrZero,
    EnvName,
    FilePath,
    GroupName,
    Listen,
    Origin,
    PatternText,
    RegistryName,
    SecretFile,
    Share,
    ShareBelowAll,
    Size,
    SqliteUrl,
    TimeZone,
)
from cleaner.config.units import NotAsExpected

ModeWord: TypeAlias = Literal["plan", "enforce"]
Patterns: TypeAlias = Annotated[list[PatternText], Field(min_length=1)]


class Model(BaseModel):
    """One mapping of the language: no key but its own, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Choice(Model):
    """A mapping of which exactly one key is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _has_one_key(self) -> Choice:
        if len(self.model_fields_set) != 1:
            raise NotAsExpected(f"exactly one of {', '.join(type(self).model_fields)}")
        return self


class Levels(Model):
    """A mapping of which at least one key is given: without any it would be no condition."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _has_a_key(self) -> Levels:
        if not self.model_fields_set:
            raise NotAsExpected(
                f"at least one of {', '.join(type(self).model_fields)}", "an empty condition says nothing"
            )
        return self


class Calendar(Levels):
    """The newest of each of the last N periods that have one, in the registry's time zone; any of them keeps."""

    hourly: Count | None = None
    """So many hours that have one."""
    daily: Count | None = None
    """So many days that have one."""
    weekly: Count | None = None
    """So many ISO weeks that have one."""
    monthly: Count | None = None
    """So many months that have one."""
    yearly: Count | None = None
    """So many years that have one."""


class Semver(Levels):
    """Of the highest majors the highest minors of the highest patches; a level left out is unlimited."""

    majors: Count | None = None
    """So many highest major versions."""
    minors: Count | None = None
    """So many highest minor versions of each major."""
    patches: Count | None = None
    """So many highest patches of each minor."""


class Rule(Model):
    """Keeps the manifests whose tags it selects and for which all its conditions hold; all of them without any."""

    tags: Patterns = ["*"]
    """The tags it selects: any of these patterns matches."""
    except_: list[PatternText] = Field(default=[], alias="except")
    """Tags that it does not select after all."""
    last: Count | None = None
    """Keeps the N newest."""
    within: Duration | None = None
    """Keeps what is younger; at least `grace`."""
    calendar: Calendar | None = None
    semver: Semver | None = None
    per: GroupName | None = None
    """Makes one rule of each value that this group captures; every pattern in `tags` has it."""


class Untagged(Model):
    """Keeps the orphans that are younger."""

    within: Duration
    """At least `grace`."""


class Limits(Model):
    """What stands between a slip and a loss."""

    deletions: Count = 1000
    """At most so many manifests a run and registry; the rest waits for the next run."""
    share: Share = Fraction(1, 2)
    """A repository that would lose more than this share of its versions, or of its manifests, is left whole."""
    keep_at_least: Count = 2
    """So many versions of a repository stay, whatever else is written."""


class PolicyLimits(Model):
    """Limits for the policy's repositories; a key that is not given is as at the top of the file."""

    deletions: Count | None = None
    """A cap over the policy's repositories together, besides the registry's."""
    share: Share | None = None
    """A repository that would lose more than this share of its versions, or of its manifests, is left whole."""
    keep_at_least: Count | None = None
    """So many versions of a repository stay, whatever else is written."""


def _untagged_kind(value: Any) -> str | None:
    return "keep" if value == "keep" else "a mapping" if isinstance(value, dict) else None


class Policy(Model):
    """What is kept in the repositories that fall under it: those that no earlier policy matches."""

    repositories: Patterns
    """Patterns of repository names."""
    mode: ModeWord | None = None
    """Replaces the registry's."""
    keep: Annotated[list[Rule], Field(min_length=1)]
    """The rules; what any of them keeps stays."""
    untagged: Annotated[
        Annotated[Literal["keep"], Tag("keep")] | Annotated[Untagged, Tag("a mapping")],
        Discriminator(
            _untagged_kind,
            custom_error_type="expected",
            custom_error_message="keep or {within: 14d}",
        ),
    ] = "keep"
    """What becomes of orphans: manifests without a tag that no index lists and whose subject does not exist."""
    unmatched: Literal["keep", "delete"] = "keep"
    """What becomes of a version whose tags no rule selects."""
    limits: PolicyLimits = PolicyLimits()


class SecretSource(Choice):
    """Where a secret is; never the secret itself."""

    env: EnvName | None = None
    """An environment variable that holds it."""
    file: SecretFile | None = None
    """A file that holds it, read anew each time; a relative path starts at the folder of the configuration."""


class RateLimit(Model):
    """The token's budget, which its other users share; 0 for no such window."""

    per_minute: CountOrZero = 250
    """Requests in any 60 seconds."""
    per_hour: CountOrZero = 5000
    """Requests in any 60 minutes."""
    reserve: ShareBelowAll = Fraction(1, 5)
    """Left to the token's other users."""


class Api(Model):
    """The account: its token, and where its registries are asked. A registry's own replaces these key by key."""

    token: SecretSource = SecretSource(env="DIGITALOCEAN_ACCESS_TOKEN")
    """The account's API token."""
    url: Origin = "https://api.digitalocean.com"
    """The control plane: https, or http on loopback."""
    registry_url: Origin = "https://registry.digitalocean.com"
    """The data plane: https, or http on loopback."""
    family: Literal["auto", "registries", "registry"] = "auto"
    """Which family of paths is asked; auto: the newer, and the older after a 404."""
    rate_limit: RateLimit = RateLimit()


class GarbageCollection(Model):
    """When the space of what was deleted is freed; the registry is read-only meanwhile."""

    schedule: CollectionScheduleText = "after-clean"
    """after-clean, before-clean, never, or a cron line in the registry's time zone."""
    min_freed: Size = 100 * 1024**2
    """Collects only where at least so much is expected to be freed."""
    quiet: DurationOrZero = timedelta(0)
    """Collects once nothing was pushed for so long, which is waited for up to `timeout`."""
    timeout: Duration = timedelta(hours=2)
    """How long the end is waited for."""
    on_timeout: Literal["cancel", "leave"] = "cancel"
    """What becomes of one that is still active then; one that is not ours is never cancelled."""


class Heartbeat(Model):
    """A dead man's switch that is told of the start, the success and the failure of each run of the daemon.

    In the convention of healthchecks.io: /start, nothing, or /fail behind the URL.
    """

    url: SecretSource
    """Whoever knows it can tell of a success that was none."""


class Registry(Model):
    """One registry of the account and its policies."""

    name: RegistryName
    """As the account names it."""
    schedule: CronLine | None = None
    """When the daemon cleans it: a cron line in its time zone; never by itself where there is none."""
    timezone: TimeZone = "UTC"
    """In which days begin, and cron lines are meant."""
    jitter: DurationOrZero = timedelta(0)
    """Each start is put off by a random time up to this."""
    mode: ModeWord | None = None
    """Replaces the one at the top of the file."""
    api: Api = Api()
    garbage_collection: GarbageCollection = GarbageCollection()
    heartbeat: Heartbeat | None = None
    policies: Annotated[list[Policy], Field(min_length=1)]
    """A repository falls under the first that matches its name; under none, nothing in it is touched."""


class InUseEntry(Choice):
    """One source that tells which images are in use."""

    app_platform: dict[str, Any] | None = None
    """Apps of the account, their deployments and rollback targets."""
    kubernetes: dict[str, Any] | None = None
    """Workloads of a cluster and their earlier revisions."""
    file: FilePath | None = None
    """A file of image references, one a line; a relative path starts at the folder of the configuration."""


def _in_use_kind(value: Any) -> str | None:
    return "none" if value == "none" else "a list" if isinstance(value, list) and value else None


class Protect(Model):
    """What is kept whatever the rules say."""

    tags: list[PatternText] = ["latest", "hold-*"]
    """Patterns of tags, attachment tags included."""
    digests: list[DigestText] = []
    """Manifests by digest."""
    in_use: (
        Annotated[
            Annotated[Literal["none"], Tag("none")] | Annotated[list[InUseEntry], Field(min_length=1), Tag("a list")],
            Discriminator(
                _in_use_kind,
                custom_error_type="expected",
                custom_error_message="none, or a list of sources such as {app_platform: {}}",
            ),
        ]
        | None
    ) = None
    """What runs: none, or a list of sources. `mode: enforce` needs one of them: there is no default."""


class Log(Model):
    """What the daemon writes to its log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Nothing less than this; the flag --log-level goes before it."""


class Admin(Model):
    """Enables POST /-/reload and POST /-/run/{registry}, which nobody may send where it is not given."""

    token: SecretSource
    """Whoever sends it as `Authorization: Bearer …` may reload, and start runs."""


class File(Model):
    """The configuration of registry-cleaner."""

    model_config = ConfigDict(title="registry-cleaner")

    mode: ModeWord = "plan"
    """Whether policies are only reported on, or carried out; a registry or a policy may say its own."""
    api: Api = Api()
    state: SqliteUrl = "sqlite:////var/lib/registry-cleaner/state.db"
    """Where what was deleted, and when, is recorded."""
    listen: Listen = "127.0.0.1:9095"
    """Where the daemon serves its status and metrics; the flag --listen goes before it."""
    log: Log = Log()
    admin: Admin | None = None
    grace: DurationOrZero = timedelta(hours=24)
    """Nothing younger is ever deleted."""
    recheck: Duration = timedelta(minutes=10)
    """How old a repository's listing may be when a deletion relies on it."""
    protect: Protect = Protect()
    limits: Limits = Limits()
    registries: Annotated[list[Registry], Field(min_length=1)]
    """The registries to keep inside their policies."""
