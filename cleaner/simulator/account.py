"""The control plane's account level: registries, plan, names, credentials."""

from __future__ import annotations

import re
from datetime import timedelta

from starlette.responses import Response

from cleaner.simulator.answers import (
    Ask,
    answer,
    asked_registry,
    bad_request,
    conflict,
    no_content,
    not_found,
    posted,
    precondition_failed,
)
from cleaner.simulator.credentials import SERVICE
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.tiers import REGIONS, TIERS
from cleaner.simulator.world import Registry, World

_REGISTRY_NAME = re.compile(r"[a-z0-9-]{1,63}")
_REGISTRIES_MOST = 10


def only_registry(world: World, _ask: Ask) -> Response:
    """GET /v2/registry: the account's only one; 412 where it has several."""
    return answer({"registry": {**_registry(world, _sole(world)), "subscription": _subscription(world)}})


def delete_only_registry(world: World, _ask: Ask) -> Response:
    """DELETE /v2/registry: the account's only one; 412 where it has several."""
    world.delete_registry(_sole(world).name)
    return no_content()


def list_registries(world: World, _ask: Ask) -> Response:
    """GET /v2/registries."""
    subscription = _subscription(world)
    registries = [{**_registry(world, registry), "subscription": subscription} for registry in world.registries()]
    return answer({"registries": registries, "total_storage_usage_bytes": _stored_bytes(world)})


def get_registry(world: World, ask: Ask) -> Response:
    """GET /v2/registries/{registry}."""
    return answer({"registry": _registry(world, asked_registry(world, ask))})


def delete_registry(world: World, ask: Ask) -> Response:
    """DELETE /v2/registries/{registry}."""
    world.delete_registry(asked_registry(world, ask).name)
    return no_content()


def create_registry(world: World, ask: Ask) -> Response:
    """POST /v2/registry and /v2/registries; the plan changes where the body names one."""
    wanted = posted(ask)
    name, region = _free_name(world, wanted.get("name")), wanted.get("region", "fra1")
    if region not in REGIONS:
        raise bad_request(f"region must be one of {', '.join(REGIONS)}")
    if len(world.registries()) >= _REGISTRIES_MOST:
        raise precondition_failed(f"an account has at most {_REGISTRIES_MOST} registries")
    if "subscription_tier_slug" in wanted:
        _subscribe(world, wanted["subscription_tier_slug"])
    registry = world.create_registry(name, str(region))
    return answer({"registry": {**_registry(world, registry), "subscription": _subscription(world)}}, 201)


def validate_name(world: World, ask: Ask) -> Response:
    """POST …/validate-name: 204 where a registry could be called so, 409 where one is."""
    _free_name(world, posted(ask).get("name"))
    return no_content()


def get_subscription(world: World, _ask: Ask) -> Response:
    """GET …/subscription."""
    return answer({"subscription": _subscription(world)})


def update_subscription(world: World, ask: Ask) -> Response:
    """POST …/subscription: another plan; 412 where the account does not fit into it."""
    _subscribe(world, posted(ask).get("tier_slug"))
    return answer({"subscription": _subscription(world)})


def get_options(world: World, _ask: Ask) -> Response:
    """GET …/options: regions and plans, with what stands against each."""
    tiers = []
    for tier in TIERS.values():
        reasons = tier.objections(_repositories(world), _stored_bytes(world))
        tiers.append({**tier.as_json(), "eligible": not reasons, "eligibility_reasons": reasons})
    return answer({"options": {"available_regions": REGIONS, "subscription_tiers": tiers}})


def account_credentials(world: World, ask: Ask) -> Response:
    """GET /v2/registry/docker-credentials: for every registry of the account."""
    return _docker_configuration(world, ask, None)


def registry_credentials(world: World, ask: Ask) -> Response:
    """GET /v2/registries/{registry}/docker-credentials: for that registry."""
    return _docker_configuration(world, ask, asked_registry(world, ask).name)


def _docker_configuration(world: World, ask: Ask, registry: str | None) -> Response:
    seconds = ask.query.get("expiry_seconds", "0")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 9):
        raise bad_request("expiry_seconds must be a number from 0")
    read_write = ask.query.get("read_write", "false").lower()
    if read_write not in {"true", "false"}:
        raise bad_request("read_write must be true or false")
    expiry = timedelta(seconds=int(seconds)) or None
    credential = world.credentials.issue(registry, expiry, read_write=read_write == "true")
    return answer({"auths": {SERVICE: {"auth": credential.docker_auth()}}})


def _sole(world: World) -> Registry:
    registries = world.registries()
    if not registries:
        raise not_found()
    if len(registries) > 1:
        raise precondition_failed("This API is not supported for several registries: use /v2/registries instead.")
    return registries[0]


def _free_name(world: World, name: object) -> str:
    if not isinstance(name, str) or not _REGISTRY_NAME.fullmatch(name):
        raise bad_request("name must be 1 to 63 lower-case letters, digits and hyphens")
    if world.registry(name) is not None:
        raise conflict(f"the registry name {name} is taken")
    return name


def _subscribe(world: World, slug: object) -> None:
    tier = TIERS.get(slug) if isinstance(slug, str) else None
    if tier is None:
        raise bad_request(f"the tier must be one of {', '.join(TIERS)}")
    reasons = tier.objections(_repositories(world), _stored_bytes(world))
    if reasons:
        raise precondition_failed(f"registry is not eligible for tier because: [{' '.join(reasons)}]")
    world.subscribe(tier)


def _registry(world: World, registry: Registry) -> dict[str, object]:
    return {
        "name": registry.name,
        "created_at": rfc3339(registry.created_at),
        "region": registry.region,
        "storage_usage_bytes": registry.storage.stored_bytes(),
        "storage_usage_bytes_updated_at": rfc3339(world.now()),
    }


def _subscription(world: World) -> dict[str, object]:
    return {
        "tier": world.tier.as_json(),
        "created_at": rfc3339(world.tier_created_at),
        "updated_at": rfc3339(world.tier_updated_at),
    }


def _repositories(world: World) -> int:
    return sum(len(registry.storage.repositories()) for registry in world.registries())


def _stored_bytes(world: World) -> int:
    return sum(registry.storage.stored_bytes() for registry in world.registries())
