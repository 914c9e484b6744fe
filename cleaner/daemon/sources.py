"""The in-use sources of a registry, and which of the few kinds each is: its name is a user's text, and no label."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from cleaner.config.settings import AppPlatform, ImagesFile, Kubernetes, RegistrySettings


class SourceKind(StrEnum):
    """What tells which images are in use, by its key in the configuration."""

    APP_PLATFORM = "app_platform"
    KUBERNETES = "kubernetes"
    FILE = "file"


def sources_of(registry: RegistrySettings) -> dict[str, SourceKind]:
    """The names of the registry's sources, in the configuration's order, and the kind of each."""
    return {source.place.name: _kind(source.place) for source in registry.in_use}


def _kind(place: AppPlatform | Kubernetes | ImagesFile) -> SourceKind:
    match place:
        case AppPlatform():
            return SourceKind.APP_PLATFORM
        case Kubernetes():
            return SourceKind.KUBERNETES
        case ImagesFile():
            return SourceKind.FILE
        case _:
            assert_never(place)
