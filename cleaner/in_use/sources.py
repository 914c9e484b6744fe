"""What is in use, asked of the sources that a configuration names (law 6: whole, or an error)."""

from __future__ import annotations

import asyncio
from typing import assert_never

import httpx

from cleaner.config.settings import AppPlatform, ImagesFile, InUseSource, Kubernetes
from cleaner.docr.apps import Apps
from cleaner.errors import RemoteError, SourceUnreadable
from cleaner.in_use import app_platform, images_file, kubernetes
from cleaner.in_use.references import Home, in_order
from cleaner.model.use import Use

SECONDS = 120
"""A source that has not told all within so many seconds counts as unreadable (law 12)."""


class Sources:
    """Reads the sources of one registry, `home`; `http` is httpx's transport to clusters, None for the network."""

    def __init__(self, home: Home, apps: Apps, http: httpx.AsyncBaseTransport | None) -> None:
        self._home = home
        self._apps = apps
        self._http = http

    async def read(self, source: InUseSource) -> tuple[Use, ...]:
        """What a source says is in use, workload by workload, sorted.

        Raises:
            SourceUnreadable: it could not be read whole, says something that cannot be read, or took too long.
        """
        name = source.place.name
        try:
            async with asyncio.timeout(SECONDS):
                return in_order(await self._uses(source.place))
        except TimeoutError:
            raise SourceUnreadable(
                f"{name} did not tell within {SECONDS} seconds what is in use", "Try again later"
            ) from None
        except RemoteError as error:
            raise SourceUnreadable(f"{name} cannot be read: {error.message}", error.next_step) from error

    async def _uses(self, place: AppPlatform | Kubernetes | ImagesFile) -> tuple[Use, ...]:
        match place:
            case AppPlatform():
                return await app_platform.read(place, self._home, self._apps)
            case Kubernetes():
                return await kubernetes.read(place, self._home, self._http)
            case ImagesFile():
                return await images_file.read(place, self._home)
            case _:
                assert_never(place)
