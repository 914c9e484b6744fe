"""The configuration language as pydantic models: what each key takes, its default, and its meaning (policy page).

The docstrings are the descriptions in the JSON Schema. What needs two places of the file is in `checks`.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from cleaner.config.mappings import Choice, Model
from cleaner.config.policies import Limits, ModeWord, Policy
from cleaner.config.protect import Protect
from cleaner.config.scalars import (
    CollectionScheduleText,
    CountOrZero,
    CronLine,
    Duration,
    DurationOrZero,
    EnvName,
    Listen,
    Origin,
    RegistryName,
    SecretFile,
    ShareBelowAll,
    Size,
    SqliteUrl,
    TimeZone,
)


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
    """Where what was deleted, and when, is recorded; a relative path starts at the folder of the configuration."""
    listen: Listen = "127.0.0.1:9095"
    """Where the daemon serves its status and metrics; the flag --listen goes before it."""
    log: Log = Log()
    admin: Admin | None = None
    grace: DurationOrZero = timedelta(hours=24)
    """Nothing younger is ever deleted."""
    notice: DurationOrZero = timedelta(0)
    """A manifest goes only if it was condemned so long ago already, and ever since; a policy may say its own."""
    notify: list[SecretSource] = Field(default=[])
    """URLs of apprise: who is told what is announced and what was done."""
    recheck: Duration = timedelta(minutes=10)
    """How old a repository's listing may be when a deletion relies on it."""
    protect: Protect = Protect()
    limits: Limits = Limits()
    registries: Annotated[list[Registry], Field(min_length=1)]
    """The registries to keep inside their policies."""
