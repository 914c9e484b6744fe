"""Somebody else who works on the registry of a scene while nobody looks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx

from tests.cli.scene import TOKEN, Scene
from tests.loopback import ask
from tests.shelves import OCI_INDEX, digest_of

_REPOSITORY = "acme/shop/web"


@dataclass(slots=True)
class Stranger:
    """Another user of the account, who may push, delete and collect."""

    acme: Scene
    _pushing: dict[str, str] = field(default_factory=dict)

    def pull(self, reference: str) -> httpx.Response:
        """A manifest, by tag or digest."""
        headers = {**self._push_headers(), "accept": "*/*"}
        return ask("GET", self._manifest(reference), headers=headers).raise_for_status()

    def push(self, reference: str, content: bytes, media_type: str) -> None:
        """Push a manifest under a tag or its digest."""
        headers = {**self._push_headers(), "content-type": media_type}
        ask("PUT", self._manifest(reference), headers=headers, content=content).raise_for_status()

    def push_index(self, tag: str, children: list[httpx.Response]) -> str:
        """Push these once more, and an index that lists them; then delete them again. Gives the index's digest."""
        listed = [{"mediaType": OCI_INDEX, "digest": digest_of(child.text), "size": 1} for child in children]
        for child in children:
            self.push(digest_of(child.text), child.content, child.headers["content-type"])
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
        self.push(tag, index.encode(), OCI_INDEX)
        for child in children:
            self.delete(digest_of(child.text))
        return digest_of(index)

    def delete(self, digest: str) -> None:
        """Delete a manifest."""
        path = f"/v2/registries/acme/repositories/shop%2Fweb/digests/{digest}"
        ask("DELETE", f"{self.acme.origins.control}{path}", headers=_BEARER).raise_for_status()

    def collect(self) -> None:
        """Start a garbage collection."""
        url = f"{self.acme.origins.control}/v2/registries/acme/garbage-collection"
        ask("POST", url, headers=_BEARER).raise_for_status()

    def _manifest(self, reference: str) -> str:
        return f"{self.acme.origins.registry}/v2/{_REPOSITORY}/manifests/{reference}"

    def _push_headers(self) -> dict[str, str]:
        if not self._pushing:
            account = f"{self.acme.origins.control}/v2/registry"
            given = ask("GET", f"{account}/docker-credentials?read_write=true", headers=_BEARER).raise_for_status()
            (auth,) = given.json()["auths"].values()
            scope = {"scope": f"repository:{_REPOSITORY}:pull,push", "service": "registry.digitalocean.com"}
            basic = {"Authorization": f"Basic {auth['auth']}"}
            token = ask("GET", f"{account}/auth", params=scope, headers=basic).raise_for_status().json()["token"]
            self._pushing["Authorization"] = f"Bearer {token}"
        return self._pushing


_BEARER = {"Authorization": f"Bearer {TOKEN}"}
