"""The account: its registries, their garbage collections, its plan. Pure, given the time and the identifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from cleaner.simulator import collection as life
from cleaner.simulator.collection import Collection
from cleaner.simulator.contents import digest_of, tags_of
from cleaner.simulator.credentials import Credentials
from cleaner.simulator.storage import NOTHING, Freed, Storage
from cleaner.simulator.tiers import TIERS, Tier

App: TypeAlias = dict[str, object]
"""An app as the control plane serves it, and beside that its list of `deployments`; any value may be garbled."""


@dataclass(slots=True)
class Registry:
    """One registry: what it holds, and its garbage collections, oldest first."""

    name: str
    region: str
    created_at: datetime
    storage: Storage
    collections: list[Collection] = field(default_factory=list)

    @property
    def active_collection(self) -> Collection | None:
        """The collection that has not ended; there is at most one. The registry is read-only until it ends."""
        return next((collection for collection in self.collections if collection.active), None)

    def advance(self, now: datetime) -> None:
        """Bring its active collection to where it stands at `now`, and do what it does when it succeeds."""
        self.collections = [self._advanced(collection, now) for collection in self.collections]

    def _advanced(self, collection: Collection, now: datetime) -> Collection:
        later = life.advanced(collection, now)
        if collection.active and later.status == life.SUCCEEDED:
            return replace(later, freed=_collect(self.storage, later.type))
        return later

    def put(self, collection: Collection) -> None:
        """Add a collection, or replace the one of its uuid."""
        others = [other for other in self.collections if other.uuid != collection.uuid]
        self.collections = [*others, collection]


@dataclass(frozen=True, slots=True)
class Account:
    """What a world begins with."""

    registries: Sequence[Registry]
    apps: Sequence[App] = ()


class World:
    """Everything behind both planes; `new_storage` makes an empty registry's. Whoever likes may change `apps`."""

    def __init__(
        self,
        account: Account,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        collection_duration: timedelta,
        new_storage: Callable[[], Storage],
    ) -> None:
        self.now = now
        self.new_id = new_id
        self.credentials = Credentials(now, new_id)
        self.tier: Tier = TIERS["professional"]
        self.tier_updated_at = self.tier_created_at = now()
        self._duration = collection_duration
        self._new_storage = new_storage
        self._registries = {registry.name: registry for registry in account.registries}
        self.apps = list(account.apps)

    def advance(self) -> None:
        """Let the time that has passed take effect; called before every look at the world."""
        now = self.now()
        for registry in self._registries.values():
            registry.advance(now)

    def registries(self) -> Sequence[Registry]:
        """All registries, by name."""
        return [self._registries[name] for name in sorted(self._registries)]

    def registry(self, name: str) -> Registry | None:
        """The registry of that name, None where there is none."""
        return self._registries.get(name)

    def create_registry(self, name: str, region: str) -> Registry:
        """Add an empty registry; there must be none of that name."""
        registry = Registry(name, region, self.now(), self._new_storage())
        self._registries[name] = registry
        return registry

    def delete_registry(self, name: str) -> None:
        """Delete a registry with all it holds."""
        del self._registries[name]

    def subscribe(self, tier: Tier) -> None:
        """Change the account's plan."""
        self.tier = tier
        self.tier_updated_at = self.now()

    def start_collection(self, registry: Registry, kind: str) -> Collection:
        """Start a collection of one of `collection.TYPES`; none may be active."""
        now = self.now()
        collection = Collection(self.new_id(), kind, now, now, self._duration)
        registry.put(collection)
        return collection

    def cancel_collection(self, registry: Registry, collection: Collection) -> Collection:
        """Ask an active collection to end."""
        cancelling = life.cancelled(collection, self.now())
        registry.put(cancelling)
        return cancelling


def _collect(storage: Storage, kind: str) -> Freed:
    """Whether the untagged types spare the children of an index is stated nowhere: here they do not."""
    if kind != life.UNREFERENCED:
        _delete_untagged(storage)
    return storage.free_unreferenced() if kind != life.UNTAGGED else NOTHING


def _delete_untagged(storage: Storage) -> None:
    for repository in storage.repositories():
        for entry in storage.manifests(repository) or ():
            if not tags_of(entry):
                storage.delete_manifest(repository, digest_of(entry))
