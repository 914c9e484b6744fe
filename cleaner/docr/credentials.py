"""Credentials for the data plane: asked for once, late, with an expiry, and never shown.

Every call of `docker-credentials` makes a new token in the account's list (API page, "Data plane"), so one serves
until shortly before it runs out. Those that may write are others than those that may only read, and live shorter.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import msgspec

from cleaner.config.settings import Api, Family
from cleaner.docr.call import Call
from cleaner.docr.paths import Paths
from cleaner.docr.retries import Channel
from cleaner.errors import MalformedAnswer, RemoteError

_USUAL_HOST = "registry.digitalocean.com"


@dataclass(frozen=True, slots=True)
class Right:
    """What credentials are asked for: words and token scopes for messages, the `actions` of the tokens they give.

    They live for `lifetime` seconds, and are not used in the last `left_over` of them.
    """

    name: str
    scopes: str
    actions: str
    query: str
    lifetime: int
    left_over: int


READ_ONLY = Right(
    name="read-only",
    scopes="the scopes registry:read and registry:update, or full access where it is still refused",
    actions="pull",
    query="expiry_seconds=3600",
    lifetime=3600,
    left_over=300,
)
READ_WRITE = Right(
    name="read-write",
    scopes="the scope registry:update, or full access where it is still refused",
    actions="pull,push",
    query="read_write=true&expiry_seconds=600",
    lifetime=600,
    left_over=60,
)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A secret that serves until the event loop's time `until`; its value is never printed (law 11)."""

    value: str = field(repr=False)
    until: float

    def is_good(self) -> bool:
        """Whether it still serves."""
        return asyncio.get_running_loop().time() < self.until


def hosts_of(api: Api) -> tuple[str, ...]:
    """The hosts by which the data plane is known: the one that is asked, which may be a proxy, and the provider's."""
    return tuple(dict.fromkeys((httpx.URL(api.registry_url).netloc.decode("ascii"), _USUAL_HOST)))


class _Auth(msgspec.Struct):
    auth: str


class _DockerConfig(msgspec.Struct):
    auths: dict[str, _Auth]


class Credentials:
    """The basic credentials of one registry, as the header `authorization` wants them."""

    def __init__(self, right: Right, api: Api, paths: Paths, channel: Channel) -> None:
        self.right = right
        self._hosts = hosts_of(api)
        self._paths = paths
        self._channel = channel
        self._asking = asyncio.Lock()
        self._basic: Expiring | None = None
        self._refusal: RemoteError | None = None
        self._replaced = False

    async def basic(self) -> str:
        """`Basic …` for the realm.

        Raises:
            RemoteError: the control plane did not give any.
        """
        async with self._asking:
            if self._refusal is not None:
                raise self._refusal
            if self._basic is None or not self._basic.is_good():
                self._basic = await self._remembered()
            return self._basic.value

    def forgotten(self) -> bool:
        """Whether those that the realm refused are forgotten, so that others are asked for in their place.

        It happens once: others that are refused as well would leave one token behind after another.
        """
        if self._replaced:
            return False
        self._replaced, self._basic = True, None
        return True

    async def _remembered(self) -> Expiring:
        """Asked for anew; a refusal holds for the rest of the run."""
        try:
            return await self._ask()
        except RemoteError as error:
            self._refusal = error
            raise

    async def _ask(self) -> Expiring:
        older = await self._paths.family() is Family.REGISTRY
        tail = "docker-credentials"
        url = await (self._paths.account(f"/{tail}") if older else self._paths.below(tail))
        right = self.right
        call = Call("GET", f"{url}?{right.query}", f"asking for {right.name} credentials", right.scopes)
        asked = asyncio.get_running_loop().time()
        config = await self._channel.ask(call, _DockerConfig, lambda config: config)
        return Expiring(_header(config, self._hosts), asked + right.lifetime - right.left_over)


def _header(config: _DockerConfig, hosts: tuple[str, ...]) -> str:
    """Not part of reading the answer, where an error would be tried again: each try leaves a token behind."""
    entry = _entry(config.auths, hosts)
    try:
        pair = base64.b64decode(entry.auth.strip() if entry else "", validate=True).decode("ascii").strip()
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    if ":" not in pair:
        raise MalformedAnswer(
            "expected credentials for the data plane, as base64 of user:password, got none that can be read",
            "Check that `api.registry_url` is the registry that the account has",
        )
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _entry(auths: Mapping[str, _Auth], hosts: tuple[str, ...]) -> _Auth | None:
    only = next(iter(auths.values())) if len(auths) == 1 else None
    return next((auths[host] for host in hosts if host in auths), only)
