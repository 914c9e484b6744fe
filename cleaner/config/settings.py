"""The configuration as frozen values: what the loader compiles a file into and the other rooms read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

from cleaner.config.bounded import NotRegular, read_at_most
from cleaner.errors import ConfigError, Problem
from cleaner.model.plan import Mode
from cleaner.retention.patterns import Pattern
from cleaner.retention.policy import Policy, Protections

SECRET_BYTES = 64 * 1024
"""No secret is longer; of a file that is, nothing is used."""

_NOTHING_ELSE = "name a file that holds nothing but the secret"


class Family(StrEnum):
    """Which family of the control plane's paths is asked (API page, "Control plane")."""

    AUTO = "auto"
    REGISTRIES = "registries"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the configuration file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def problem(self, message: str, hint: str = "") -> Problem:
        """A problem at this position."""
        return Problem(self.file, self.line, self.column, message, hint)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by the name of its source, never by its value: nothing of the value can be printed or pickled (law 11).

    `source` says in words where the value comes from.
    """

    source: str
    _read: Callable[[], str] = field(repr=False, compare=False)

    @classmethod
    def from_env(cls, name: str, env: Mapping[str, str], place: Place) -> Secret:
        """The secret in the environment variable `name`; `place` is where the configuration names it."""
        source = f"the environment variable {name}"

        def read() -> str:
            if name not in env:
                _refuse(place, f"{source} is not set", "set it, or name a file: {file: …}")
            return _one_line(env[name], source, place)

        return cls(source, read)

    @classmethod
    def from_file(cls, path: Path, place: Place) -> Secret:
        """The secret in the file at `path`; `place` is where the configuration names it."""
        source = f"the file {path}"

        def read() -> str:
            return _one_line(_read_bounded(path, place), source, place)

        return cls(source, read)

    def reveal(self) -> str:
        """The value, read anew each time (secrets are rotated), without surrounding whitespace.

        Raises:
            ConfigError: the variable or file is missing, unreadable, empty, above 64 KiB, or no single line of ASCII.
        """
        return self._read()


def _read_bounded(path: Path, place: Place) -> str:
    try:
        content = read_at_most(path, SECRET_BYTES)
    except NotRegular:
        _refuse(place, f"{path} is no regular file", _NOTHING_ELSE)
    except OSError as error:
        _refuse(place, f"the file {path} cannot be read: {error.strerror}", "create it, or let this user read it")
    if len(content) > SECRET_BYTES:
        _refuse(place, f"the file {path} is above 64 KiB", _NOTHING_ELSE)
    return content.decode("ascii", errors="replace")


def _one_line(text: str, source: str, place: Place) -> str:
    value = text.strip()
    if not value:
        _refuse(place, f"{source} is empty", "put the secret there")
    if not (value.isascii() and value.isprintable()):
        _refuse(place, f"{source} holds more than a secret", "expected one line of printable ASCII characters")
    return value


def _refuse(place: Place, message: str, hint: str) -> NoReturn:
    raise ConfigError((place.problem(message, hint),)) from None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests a rolling minute and a rolling hour, 0 for no such window; `reserve` is left to the token's other users.

    Law 13; the API page, "Rate limit", has the provider's numbers.
    """

    per_minute: int
    per_hour: int
    reserve: Fraction


@dataclass(frozen=True, slots=True)
class Api:
    """The provider's two planes and the way to ask them.

    The URLs have no trailing slash, and are https, or http on loopback (law 11).
    """

    token: Secret
    url: str
    registry_url: str
    family: Family
    rate_limit: RateLimit


class CollectionSchedule(StrEnum):
    """When a garbage collection is started."""

    AFTER_CLEAN = "after-clean"
    BEFORE_CLEAN = "before-clean"
    NEVER = "never"
    CRON = "cron"


class LogLevel(StrEnum):
    """How much the daemon writes to its log: nothing less than this."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class OnTimeout(StrEnum):
    """What becomes of a collection of ours that is still active after its timeout."""

    CANCEL = "cancel"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """When to collect; `min_freed` in bytes, `cron` given with the schedule CRON.

    It begins once nothing was pushed for `quiet`. `timeout` bounds the wait for that, and the wait for its end.
    """

    schedule: CollectionSchedule
    cron: str | None
    min_freed: int
    timeout: timedelta
    on_timeout: OnTimeout
    quiet: timedelta


@dataclass(frozen=True, slots=True)
class AppPlatform:
    """The account's apps: their active, in-progress, pending and pinned deployments, and so many before them."""

    deployments: int

    @property
    def name(self) -> str:
        """As messages, reasons and metrics name it."""
        return "app_platform"


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A cluster, by the name that `cluster` gives it: where `kubeconfig` says, None for the one around this process.

    `context` is the kubeconfig's, None for its current one.
    """

    cluster: str
    kubeconfig: Path | None
    context: str | None

    @property
    def name(self) -> str:
        """As messages, reasons and metrics name it."""
        return f"kubernetes {self.cluster}"


@dataclass(frozen=True, slots=True)
class ImagesFile:
    """A file of image references."""

    path: Path

    @property
    def name(self) -> str:
        """As messages, reasons and metrics name it."""
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class InUseSource:
    """A source that tells which images are in use, and the repositories that it speaks for; none: for all.

    What it tells counts for every repository. While it cannot be read, nothing goes in those that it speaks for.
    """

    place: AppPlatform | Kubernetes | ImagesFile
    repositories: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """One registry and all that holds for it.

    `deletions` caps the manifests that one run deletes; `recheck` is how old a listing may be when a deletion
    relies on it. What was in use is remembered for `remember`, and so is what a tag pointed to. `notify` are the URLs
    of those who are told what is announced and what was done, unchecked. `schedule` is a cron line in `timezone`, None
    for no schedule. `heartbeat` is the URL of a dead man's switch, unchecked, None where there is none to be told.
    """

    name: str
    api: Api
    policies: tuple[Policy, ...]
    protections: Protections
    in_use: tuple[InUseSource, ...]
    remember: timedelta
    notify: tuple[Secret, ...]
    deletions: int
    recheck: timedelta
    garbage_collection: GarbageCollection
    schedule: str | None
    timezone: ZoneInfo
    jitter: timedelta
    heartbeat: Secret | None

    @property
    def enforces(self) -> bool:
        """Whether any of its policies is carried out, not only reported on."""
        return any(policy.mode is Mode.ENFORCE for policy in self.policies)


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration file that loaded without an error.

    `state` is a database URL, `listen` is `host:port`. `admin` is the token of those who may reload and start runs
    by HTTP, None where nobody may.
    """

    path: Path
    registries: tuple[RegistrySettings, ...]
    state: str
    listen: str
    log_level: LogLevel
    admin: Secret | None
    warnings: tuple[Problem, ...]
