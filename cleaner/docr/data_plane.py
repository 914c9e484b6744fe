"""Manifests themselves, from the registry's own API (API page, "Data plane").

Whatever goes wrong here is a `ManifestUnreadable`: the repository is held back (law 2), and the run goes on. After a
few failures in a row the data plane counts as down for the rest of the run and is not asked any more (law 12).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import httpx
import msgspec

from cleaner.docr import oci
from cleaner.docr.answers import accepted
from cleaner.docr.call import Answer, Call, Send
from cleaner.docr.credentials import Credentials, Expiring
from cleaner.docr.paths import READ_SCOPE, segment
from cleaner.docr.retries import Channel
from cleaner.docr.transport import Origin, stay_at
from cleaner.errors import MalformedAnswer, ManifestUnreadable, RemoteError, Unauthorized
from cleaner.model.manifest import Content, Digest

CONNECTIONS = 4
"""So many manifests are read at once: the data plane's limits are stated nowhere."""

FAILURES_IN_A_ROW = 3
"""After so many the data plane counts as down."""

_BEARER = re.compile(r"\bbearer\s", re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s",]+))', re.IGNORECASE)
_USUAL_LIFE, _LONGEST_LIFE, _LEFT_OVER = 60, 3600, 10


class _TokenAnswer(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the manifests of a registry are, and the only origin that a realm may have (law 11)."""

    registry_url: str
    registry: str
    realm_origin: Origin


class DataPlane:
    """Reads manifests by digest. `registry` asks the data plane, `realm` the place that gives its tokens."""

    def __init__(self, addresses: Addresses, registry: Channel, realm: Channel, credentials: Credentials) -> None:
        self._addresses = addresses
        self._registry = registry
        self._realm = realm
        self._credentials = credentials
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._authorising = asyncio.Lock()
        self._tokens: dict[str, Expiring] = {}
        self._failures = 0

    async def content(self, repository: str, digest: Digest) -> Content:
        """What the manifest is.

        Raises:
            ManifestUnreadable: it could not be read, or is not what its digest names.
        """
        async with self._connections:
            if self._failures >= FAILURES_IN_A_ROW:
                why = f"the data plane failed {FAILURES_IN_A_ROW} times in a row and is not asked any more in this run"
                raise _unreadable(repository, digest, why, "Run again when it answers")
            try:
                answer = await self._answer(repository, digest)
            except RemoteError as error:
                self._failures += 1
                raise _unreadable(repository, digest, error.message, error.next_step) from error
        self._failures = 0
        if answer.status == 404:
            raise _unreadable(repository, digest, "the data plane does not know it", "Delete it, or push it anew")
        return oci.content(repository, digest, answer.body)

    async def _answer(self, repository: str, digest: Digest) -> Answer:
        """The manifest, or a 404; a token is asked for where the data plane wants one, and only once."""
        token = self._tokens.get(repository)
        token = token if token and token.is_good() else None
        call = self._call(repository, digest, token)
        answer = await self._registry.send(call)
        if answer.status == 401:
            fresh = await self._fresh_token(repository, token, answer)
            call = self._call(repository, digest, fresh)
            answer = await self._registry.send(call)
        return answer if answer.status == 404 else accepted(answer, call)

    def _call(self, repository: str, digest: Digest, token: Expiring | None) -> Call:
        where = self._addresses
        return Call(
            "GET",
            f"{where.registry_url}/v2/{segment(where.registry)}/{_path(repository)}/manifests/{digest}",
            f"reading {repository}@{digest}",
            READ_SCOPE,
            {"accept": oci.ACCEPT} | ({"authorization": f"Bearer {token.value}"} if token else {}),
            limit=oci.MANIFEST_BYTES,
        )

    async def _fresh_token(self, repository: str, refused: Expiring | None, challenge: Answer) -> Expiring:
        async with self._authorising:
            known = self._tokens.get(repository)
            if known is None or known is refused or not known.is_good():
                known = self._tokens[repository] = await self._token(repository, challenge)
            return known

    async def _token(self, repository: str, challenge: Answer) -> Expiring:
        """A token to pull from this repository and no more, whatever the challenge asks for."""
        what = f"asking for a token to read {repository}"
        realm, service = _challenge(challenge, what)
        stay_at(self._addresses.realm_origin, realm, what)
        scope = f"repository:{self._addresses.registry}/{repository}:pull"
        url = str(httpx.URL(realm).copy_merge_params({"service": service, "scope": scope}))
        try:
            return await self._granted(url, what)
        except Unauthorized:
            if not self._credentials.forgotten():
                raise
            return await self._granted(url, what)

    async def _granted(self, url: str, what: str) -> Expiring:
        headers = {"authorization": await self._credentials.basic()}
        asked = asyncio.get_running_loop().time()
        answer = await self._realm.ask(Call("GET", url, what, READ_SCOPE, headers), _TokenAnswer, lambda given: given)
        life = min(answer.expires_in or _USUAL_LIFE, _LONGEST_LIFE) - _LEFT_OVER
        return Expiring(_printable(answer.token or answer.access_token or "", what), asked + life)


def unless_meant_for_us(send: Send) -> Send:
    """The layer that raises a status that is no success, except a 401, which is a challenge, and a 404, a fact."""

    async def layer(call: Call) -> Answer:
        answer = await send(call)
        return answer if answer.status in (401, 404) else accepted(answer, call)

    return layer


def _path(repository: str) -> str:
    return "/".join(segment(part) for part in repository.split("/"))


def _challenge(answer: Answer, what: str) -> tuple[str, str]:
    """Realm and service of a bearer challenge."""
    given = _BEARER.split(answer.headers.get("www-authenticate", ""), maxsplit=1)
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(given[-1])}
    if len(given) == 1 or not parameters.get("realm"):
        raise MalformedAnswer(
            f"{what}: expected a bearer challenge with a realm, got none",
            "Check that `api.registry_url` leads to the provider's registry",
        )
    return parameters["realm"], parameters.get("service", "")


def _printable(token: str, what: str) -> str:
    if token and token.isascii() and token.isprintable():
        return token
    raise MalformedAnswer(f"{what}: expected a token, got none that can be sent", "Run again later")


def _unreadable(repository: str, digest: Digest, why: str, next_step: str) -> ManifestUnreadable:
    return ManifestUnreadable(f"the manifest {repository}@{digest} cannot be read: {why}", next_step)
