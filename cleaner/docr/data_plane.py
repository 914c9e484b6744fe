"""Manifests themselves, and whether blobs are there, from the registry's own API (API page, "Data plane").

A manifest that cannot be read, for whatever reason, is a `ManifestUnreadable`: the repository is held back (law 2), and
the run goes on. After a few failures in a row the data plane counts as down for the rest of the run and is not asked
any more; after a few refusals in a row, not about the repository that they are about (law 12).
"""

from __future__ import annotations

import asyncio
from collections import Counter

from cleaner.docr import oci
from cleaner.docr.access import Access
from cleaner.docr.call import Answer, Call
from cleaner.docr.paths import READ_SCOPE
from cleaner.errors import Forbidden, ManifestLost, ManifestUnreadable, RemoteError, Unauthorized, Unreachable
from cleaner.model.deletion import Body
from cleaner.model.manifest import Content, Digest

CONNECTIONS = 4
"""So many things are read at once: the data plane's limits are stated nowhere."""

FAILURES_IN_A_ROW = 3
"""After so many the data plane counts as down, or a repository as closed."""


class DataPlane:
    """Reads manifests and looks for blobs, by digest."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._failures: Counter[str | None] = Counter()  # refusals by repository; None: of the data plane itself

    async def content(self, repository: str, digest: Digest) -> Content:
        """What the manifest is.

        Raises:
            ManifestUnreadable: it could not be read, or is not what its digest names.
        """
        return oci.content(repository, digest, await self._bytes(repository, digest))

    async def body(self, repository: str, digest: Digest) -> Body:
        """The manifest's very bytes.

        Raises:
            ManifestUnreadable: as `content`, or nobody could put it back.
        """
        return oci.body(repository, digest, await self._bytes(repository, digest))

    async def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the blob is there; the provider may say so by a redirect, which is not followed (law 11).

        Raises:
            RemoteError: it could not be found out.
        """
        url = self._access.addresses.blob(repository, digest)
        call = Call("HEAD", url, f"looking for the blob {digest} of {repository}", READ_SCOPE, {"accept": "*/*"})
        return (await self._answer(repository, call)).status != 404

    async def has_tag(self, repository: str, tag: str) -> bool:
        """Whether the tag stands on anything.

        Raises:
            RemoteError: it could not be found out.
        """
        url = self._access.addresses.manifest(repository, tag)
        call = Call("HEAD", url, f"looking for the tag {repository}:{tag}", READ_SCOPE, {"accept": oci.ACCEPT})
        return (await self._answer(repository, call)).status != 404

    async def _bytes(self, repository: str, digest: Digest) -> bytes:
        url = self._access.addresses.manifest(repository, digest)
        what = f"reading {repository}@{digest}"
        call = Call("GET", url, what, READ_SCOPE, {"accept": oci.ACCEPT}, limit=oci.MANIFEST_BYTES)
        try:
            answer = await self._answer(repository, call)
        except RemoteError as error:
            raise _unreadable(repository, digest, error.message, error.next_step) from error
        if answer.status == 404:
            raise ManifestLost(
                f"the manifest {repository}@{digest} cannot be read: the data plane does not know it",
                "Delete it, or push it anew",
            )
        return answer.body

    async def _answer(self, repository: str, call: Call) -> Answer:
        """The answer; a 404 is one as well, and no failure."""
        async with self._connections:
            if self._failures[None] >= FAILURES_IN_A_ROW:
                why = f"the data plane failed {FAILURES_IN_A_ROW} times in a row and is not asked any more in this run"
                raise Unreachable(why, "Run again when it answers")
            if self._failures[repository] >= FAILURES_IN_A_ROW:
                why = f"{repository} was refused {FAILURES_IN_A_ROW} times in a row and is not asked for in this run"
                raise Unreachable(why, "See why it was refused")
            try:
                answer = await self._access.send(repository, call)
            except RemoteError as error:
                self._failures[repository if isinstance(error, (Unauthorized, Forbidden)) else None] += 1
                raise
            self._failures[None] = self._failures[repository] = 0
            return answer


def _unreadable(repository: str, digest: Digest, why: str, next_step: str) -> ManifestUnreadable:
    return ManifestUnreadable(f"the manifest {repository}@{digest} cannot be read: {why}", next_step)
