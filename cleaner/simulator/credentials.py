"""Who may pull and push: the credentials that the control plane hands out, and the data plane's short-lived tokens."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GRANT_LIFETIME = timedelta(minutes=15)
"""How long a token of the data plane works: "up to 15 minutes" (API page, "Garbage collection")."""

SERVICE = "registry.digitalocean.com"
"""The data plane as challenges and Docker configurations name it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One call's credentials: for one registry (None: for all), read-only or not, expiring or not."""

    secret: str = field(repr=False)
    registry: str | None
    created_at: datetime
    expires_at: datetime | None
    read_write: bool

    def covers(self, registry: str) -> bool:
        """Whether it opens `registry`."""
        return self.registry is None or self.registry == registry

    def docker_auth(self) -> str:
        """`auth` of a Docker configuration: the secret twice and a newline (API page, "Data plane")."""
        return base64.b64encode(f"{self.secret}:{self.secret}\n".encode()).decode()


@dataclass(frozen=True, slots=True)
class Grant:
    """A token of the data plane: what it allows, as pairs of a repository with its registry and an action."""

    secret: str = field(repr=False)
    allowed: frozenset[tuple[str, str]]
    issued_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it stops working."""
        return self.issued_at + GRANT_LIFETIME


class Credentials:
    """The account's list of credentials, and the grants given for them."""

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._issued: dict[str, Credential] = {}
        self._grants: dict[str, Grant] = {}

    def issue(self, registry: str | None, expiry: timedelta | None, *, read_write: bool) -> Credential:
        """Add credentials to the account's list; without `expiry` they never run out."""
        now = self._now()
        expires_at = None if expiry is None else now + expiry
        credential = Credential(f"sim_v1_{self._new_id()}", registry, now, expires_at, read_write)
        self._issued[credential.secret] = credential
        return credential

    def issued(self) -> Sequence[Credential]:
        """Every set of credentials ever asked for, in order."""
        return tuple(self._issued.values())

    def known(self, secret: str) -> Credential | None:
        """The credentials of that secret, None where they are wrong or have run out."""
        credential = self._issued.get(secret)
        if credential is None or (credential.expires_at is not None and credential.expires_at <= self._now()):
            return None
        return credential

    def grant(self, credential: Credential, scopes: Sequence[str]) -> Grant:
        """A token for those of the asked scopes (`repository:<registry>/<repository>:<actions>`) that are allowed."""
        allowed = frozenset(pair for scope in scopes for pair in _allowed(credential, scope))
        grant = Grant(self._new_id(), allowed, self._now())
        self._grants[grant.secret] = grant
        return grant

    def granted(self, secret: str) -> Grant | None:
        """The grant of that token, None where it is unknown or has run out."""
        grant = self._grants.get(secret)
        return grant if grant is not None and grant.expires_at > self._now() else None


def basic_secret(header: str) -> str | None:
    """The secret in an `Authorization: Basic` header, None unless user and password are the same one."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user if scheme.lower() == "basic" and user == password.strip() else None


def bearer_secret(header: str) -> str:
    """The secret in an `Authorization: Bearer` header, empty where it is another one."""
    scheme, _, secret = header.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _allowed(credential: Credential, scope: str) -> list[tuple[str, str]]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    registry, _, repository = name.partition("/")
    if kind != "repository" or not repository or not credential.covers(registry):
        return []
    permitted = {"pull", "push"} if credential.read_write else {"pull"}
    return [(name, action) for action in actions.split(",") if action in permitted]
