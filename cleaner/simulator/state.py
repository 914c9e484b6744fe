"""What the simulator shows of itself: its contents in the shape of a load file, and what only it can know."""

from __future__ import annotations

from cleaner.simulator.contents import digest_of
from cleaner.simulator.credentials import Credential
from cleaner.simulator.garbage_collections import as_json
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.storage import Entry, Storage
from cleaner.simulator.world import Registry, World


def state(world: World) -> dict[str, object]:
    """The answer to `GET /_simulator/state` (contracts, "Simulator"), and each set of credentials handed out."""
    return {
        "registries": [_registry(registry) for registry in world.registries()],
        "docker_credentials": [_credential(credential) for credential in world.credentials.issued()],
        **({"apps": world.apps} if world.apps else {}),
    }


def _registry(registry: Registry) -> dict[str, object]:
    storage = registry.storage
    return {
        "name": registry.name,
        "region": registry.region,
        "repositories": [{"name": name, "manifests": _manifests(storage, name)} for name in storage.repositories()],
        "garbage_collections": [as_json(registry, collection) for collection in registry.collections[::-1]],
        "read_only": registry.active_collection is not None,
    }


def _manifests(storage: Storage, repository: str) -> list[Entry]:
    return [_with_body(storage, repository, entry) for entry in storage.manifests(repository) or ()]


def _with_body(storage: Storage, repository: str, entry: Entry) -> Entry:
    body = storage.body(repository, digest_of(entry))
    return dict(entry) if body is None else {**entry, "body": body.decode(errors="surrogatepass")}


def _credential(credential: Credential) -> dict[str, object]:
    expires_at = credential.expires_at
    return {
        "registry": credential.registry,
        "created_at": rfc3339(credential.created_at),
        "expires_at": None if expires_at is None else rfc3339(expires_at),
        "read_write": credential.read_write,
    }
