"""The way into the data plane: addresses, and a short-lived token of the realm for each repository (API page)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx
import msgspec

from cleaner.docr.answers import accepted, is_html
from cleaner.docr.call import Answer, Call, Send
from cleaner.docr.credentials import Credentials, Expiring
from cleaner.docr.paths import READ_SCOPE, segment
from cleaner.docr.retries import Channel
from cleaner.docr.transport import Origin, stay_at
from cleaner.errors import MalformedAnswer, Unauthorized

_BEARER = re.compile(r"\bbearer\s", re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s",]+))', re.IGNORECASE)
_USUAL_LIFE, _LONGEST_LIFE, _LEFT_OVER = 60, 3600, 10


class _TokenAnswer(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the manifests and blobs of a registry are, and the only origin that a realm may have (law 11)."""

    registry_url: str
    registry: str
    realm_origin: Origin

    def manifest(self, repository: str, reference: str) -> str:
        """The address of a manifest, by digest or by tag."""
        return f"{self._below(repository)}/manifests/{quote(reference, safe=':')}"

    def blob(self, repository: str, digest: str) -> str:
        """The address of a blob."""
        return f"{self._below(repository)}/blobs/{digest}"

    def _below(self, repository: str) -> str:
        path = "/".join(segment(part) for part in repository.split("/"))
        return f"{self.registry_url}/v2/{segment(self.registry)}/{path}"


class Access:
    """Sends what is asked of the data plane, each with a token for its repository, where one is wanted.

    `registry` asks the data plane, `realm` the place that gives its tokens. What a token allows is what the credentials
    allow, and no more, whatever a challenge asks for.
    """

    def __init__(self, addresses: Addresses, registry: Channel, realm: Channel, credentials: Credentials) -> None:
        self.addresses = addresses
        self._registry = registry
        self._realm = realm
        self._credentials = credentials
        self._authorising = asyncio.Lock()
        self._tokens: dict[str, Expiring] = {}

    async def send(self, repository: str, call: Call) -> Answer:
        """The answer to what is asked of a repository; a token is asked for on a challenge, and only once.

        Raises:
            RemoteError: of the kind that the last attempt met.
        """
        token = self._tokens.get(repository)
        token = token if token and token.is_good() else None
        answer = await self._registry.send(_signed(call, token))
        if answer.status != 401:
            return answer
        call = _signed(call, await self._fresh_token(repository, token, answer))
        answer = await self._registry.send(call)
        return accepted(answer, call) if answer.status == 401 else answer

    async def _fresh_token(self, repository: str, refused: Expiring | None, challenge: Answer) -> Expiring:
        async with self._authorising:
            known = self._tokens.get(repository)
            if known is None or known is refused or not known.is_good():
                known = self._tokens[repository] = await self._token(repository, challenge)
            return known

    async def _token(self, repository: str, challenge: Answer) -> Expiring:
        actions = self._credentials.right.actions
        what = f"asking for a token to {actions} {repository}"
        realm, service = _challenge(challenge, what)
        stay_at(self.addresses.realm_origin, realm, what)
        scope = f"repository:{self.addresses.registry}/{repository}:{actions}"
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


def unless_it_tells(send: Send) -> Send:
    """The layer that raises a status that is no success, but for those that tell what the request is there to learn.

    A 401 is a challenge. To a read, a 404 says that it is not there; to a HEAD, a redirect says that it is, elsewhere.
    """

    async def layer(call: Call) -> Answer:
        answer = await send(call)
        return answer if _tells(call, answer) else accepted(answer, call)

    return layer


def _tells(call: Call, answer: Answer) -> bool:
    is_absent = call.method in ("GET", "HEAD") and answer.status == 404 and not is_html(answer)
    return answer.status == 401 or is_absent or (call.method == "HEAD" and 300 <= answer.status < 400)


def _signed(call: Call, token: Expiring | None) -> Call:
    return replace(call, headers={**call.headers, "authorization": f"Bearer {token.value}"}) if token else call


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
