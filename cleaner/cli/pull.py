"""Pulls images whole from a data plane, as a container runtime does: every child, every blob, each hashed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class PullFailed(Exception):
    """An image cannot be pulled whole; says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Planes:
    """Where a registry is pulled from, and the API token that asks for its credentials."""

    control: str
    registry: str
    name: str
    token: str = field(repr=False)


class Puller:
    """Pulls from one registry. What was pulled and hashed once in a repository is not pulled there again."""

    def __init__(self, planes: Planes, client: httpx.Client) -> None:
        self._planes = planes
        self._client = client
        self._tokens: dict[str, str] = {}
        self._whole: set[tuple[str, str]] = set()
        self.manifests = self.blobs = self.bytes = 0

    def pull(self, repository: str, tag: str, digest: str) -> None:
        """Pull what stands under a tag, which must be the manifest of that digest.

        Raises:
            PullFailed: something of it is missing, or is not what its digest says.
        """
        waiting = [_Part("manifests", tag, digest)]
        while waiting:
            part = waiting.pop()
            if (repository, part.reference) in self._whole:
                continue
            content = self._get(repository, part)
            if part.kind == "manifests":
                self.manifests += 1
                waiting += _below(content)
            else:
                self.blobs += 1
            self.bytes += len(content)
            self._whole.add((repository, part.reference))

    def _get(self, repository: str, part: _Part) -> bytes:
        token = self._tokens.get(repository) or self._tokens.setdefault(repository, self._sign_in(repository))
        url = (
            f"{self._planes.registry}/v2/{self._planes.name}/{repository}/{part.kind}/{quote(part.reference, safe=':')}"
        )
        answer = self._client.get(url, headers={"Accept": _ACCEPT, "Authorization": f"Bearer {token}"})
        if answer.status_code != httpx.codes.OK:
            raise PullFailed(f"{repository}: {part.kind} {part.reference} answered {answer.status_code}")
        algorithm, _, value = part.digest.partition(":")
        if hashlib.new(algorithm, answer.content).hexdigest() != value:
            raise PullFailed(f"{repository}: {part.kind} {part.reference} is not {part.digest}")
        return answer.content

    def _address(self, repository: str) -> str:
        return f"{self._planes.registry}/v2/{self._planes.name}/{repository}"

    def _sign_in(self, repository: str) -> str:
        """A token for pulls of one repository, by way of the challenge, as any container runtime gets it."""
        challenge = self._client.get(f"{self._address(repository)}/tags/list")
        asked = dict(_PARAMETER.findall(challenge.headers.get("www-authenticate", "")))
        credentials = self._client.get(
            f"{self._planes.control}/v2/registries/{self._planes.name}/docker-credentials?expiry_seconds=600",
            headers={"Authorization": f"Bearer {self._planes.token}"},
        ).json()["auths"]
        ((_, entry),) = credentials.items()
        realm = self._client.get(asked.pop("realm"), params=asked, headers={"Authorization": f"Basic {entry['auth']}"})
        return str(realm.json()["token"])


@dataclass(frozen=True, slots=True)
class _Part:
    """A manifest or a blob: what to ask for, a tag or a digest, and the digest that the answer must have."""

    kind: str
    reference: str
    digest: str


def _below(content: bytes) -> list[_Part]:
    """What a manifest lists: children, configuration, layers."""
    manifest = json.loads(content)
    children = [child["digest"] for child in manifest.get("manifests", ())]
    blobs = [*manifest.get("layers", ()), *([manifest["config"]] if "config" in manifest else ())]
    return [
        *(_Part("manifests", digest, digest) for digest in children),
        *(_Part("blobs", blob["digest"], blob["digest"]) for blob in blobs),
    ]
