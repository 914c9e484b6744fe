"""The control plane below a registry: repositories, manifests, tags."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from cleaner.simulator.answers import Ask, answer, asked_registry, conflict, no_content, not_found
from cleaner.simulator.contents import tags_of
from cleaner.simulator.pages import numbered, paging, token_paging, tokened
from cleaner.simulator.storage import Entry
from cleaner.simulator.world import Registry, World


def list_repositories(world: World, ask: Ask) -> Response:
    """GET …/repositories, the listing before V2."""
    registry, asked = asked_registry(world, ask), paging(ask)
    names = registry.storage.repositories()
    shown = [_repository(registry, name) for name in asked.of(names)]
    return answer({"repositories": shown, **numbered(ask, asked, len(names))})


def list_repositories_v2(world: World, ask: Ask) -> Response:
    """GET …/repositoriesV2."""
    registry, asked = asked_registry(world, ask), token_paging(ask)
    names = registry.storage.repositories()
    shown = [_repository_v2(registry, name) for name in asked.of(names)]
    return answer({"repositories": shown, **tokened(ask, asked, len(names))})


def list_manifests(world: World, ask: Ask) -> Response:
    """GET …/repositories/{repository}/digests."""
    registry, asked = asked_registry(world, ask), paging(ask)
    entries = _entries(registry, ask)
    shown = [_manifest(registry, ask.params["repository"], entry) for entry in asked.of(entries)]
    return answer({"manifests": shown, **numbered(ask, asked, len(entries))})


def list_tags(world: World, ask: Ask) -> Response:
    """GET …/repositories/{repository}/tags."""
    registry, asked = asked_registry(world, ask), paging(ask)
    tags = [(tag, entry) for entry in _entries(registry, ask) for tag in tags_of(entry)]
    shown = [_tag(registry, ask.params["repository"], tag, entry) for tag, entry in asked.of(tags)]
    return answer({"tags": shown, **numbered(ask, asked, len(tags))})


def delete_manifest(world: World, ask: Ask) -> Response:
    """DELETE …/digests/{digest}: 204 with its tags, 404 where there is none."""
    registry = _writable(world, ask)
    if not registry.storage.delete_manifest(ask.params["repository"], ask.params["digest"]):
        raise not_found()
    return no_content()


def delete_tag(world: World, ask: Ask) -> Response:
    """DELETE …/tags/{tag}: 204 also where there is none (API page, "Deletes")."""
    _writable(world, ask).storage.delete_tag(ask.params["repository"], ask.params["tag"])
    return no_content()


def delete_repository(world: World, ask: Ask) -> Response:
    """DELETE …/repositories/{repository}: 204 also where there is none (API page, "Deletes")."""
    _writable(world, ask).storage.delete_repository(ask.params["repository"])
    return no_content()


def _writable(world: World, ask: Ask) -> Registry:
    registry = asked_registry(world, ask)
    if registry.active_collection is not None:
        raise conflict(f"registry {registry.name} is read-only: a garbage collection is active")
    return registry


def _entries(registry: Registry, ask: Ask) -> Sequence[Entry]:
    entries = registry.storage.manifests(ask.params["repository"])
    if entries is None:
        raise not_found()
    return entries


def _manifest(registry: Registry, repository: str, entry: Entry) -> Entry:
    return {"registry_name": registry.name, "repository": repository, **entry}


def _tag(registry: Registry, repository: str, tag: object, entry: Entry) -> dict[str, object]:
    facts: Entry = {key: entry[key] for key in ("compressed_size_bytes", "size_bytes", "updated_at") if key in entry}
    named = {"registry_name": registry.name, "repository": repository, "tag": tag}
    return {**named, "manifest_digest": entry.get("digest"), **facts}


def _repository(registry: Registry, name: str) -> dict[str, object]:
    entries = registry.storage.manifests(name) or ()
    tags = [(tag, entry) for entry in _newest_first(entries) for tag in tags_of(entry)]
    latest = {"latest_tag": _tag(registry, name, *tags[0])} if tags else {}
    return {"registry_name": registry.name, "name": name, **latest, "tag_count": len(tags)}


def _repository_v2(registry: Registry, name: str) -> dict[str, object]:
    entries = registry.storage.manifests(name) or ()
    newest = next(iter(_newest_first(entries)), None)
    return {
        "registry_name": registry.name,
        "name": name,
        "latest_manifest": None if newest is None else _manifest(registry, name, newest),
        "tag_count": sum(len(tags_of(entry)) for entry in entries),
        "manifest_count": len(entries),
    }


def _newest_first(entries: Sequence[Entry]) -> Sequence[Entry]:
    """By the text of `updated_at`: it may be garbled, and nobody may decide by it."""
    return sorted(entries, key=lambda entry: str(entry.get("updated_at", "")), reverse=True)
