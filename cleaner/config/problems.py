"""What pydantic finds wrong, in plain words and at its place in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cleaner.config.models import File
from cleaner.config.settings import Place
from cleaner.config.tree import Node, printable
from cleaner.config.units import NotAsExpected
from cleaner.errors import Problem

_EXPECTED = {
    "dict_type": "a mapping",
    "list_type": "a list",
    "model_type": "a mapping",
    "too_short": "at least one entry",
}
_UNSHOWN = frozenset({"state", "url", "registry_url", "kubeconfig"})
"""Keys whose values may hold a password, or be one, where they are not as expected."""
_SECRETS = {
    "token": ("the API token", "{env: DIGITALOCEAN_ACCESS_TOKEN} or {file: /run/secrets/token}"),
    "admin": ("the token", "{token: {env: CLEANER_ADMIN_TOKEN}} or {token: {file: /run/secrets/admin-token}}"),
    "heartbeat": ("its URL", "{url: {env: HEARTBEAT_URL}} or {url: {file: /run/secrets/heartbeat-url}}"),
    "notify": ("each URL", "notify: [{env: NOTIFY_URL}] or notify: [{file: /run/secrets/notify-url}]"),
}
"""Keys below which nothing is echoed, since it may be the secret itself (law 11): what it is, and how to name it."""


def problems_of(error: ValidationError, root: Node) -> Iterator[Problem]:
    """One problem for each error, at the place of the key or value that it is about."""
    for details in error.errors(include_url=False):
        match details["type"]:
            case "extra_forbidden":
                yield _unknown_key(details["loc"], root)
            case "missing":
                *parents, key = details["loc"]
                yield root.at(parents).place.problem(f"the key '{key}' is missing", "it has no default")
            case _:
                yield _unexpected_value(details, root)


def _unexpected_value(details: ErrorDetails, root: Node) -> Problem:
    node = root.at(details["loc"])
    if secret := _secret_at(details["loc"]):
        return _unnamed_secret(node.place, *secret)
    expected, hint = _expected(details, node)
    got = "" if _UNSHOWN.intersection(details["loc"]) else f", got {node.shown}"
    return node.place.problem(f"expected {expected}{got}", hint)


def _expected(details: ErrorDetails, node: Node) -> tuple[str, str]:
    context = details.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, NotAsExpected):
        return cause.expected, cause.hint
    match details["type"]:
        case "list_type":
            return "a list", f"write a list: [{node.shown}]" if node.text else ""
        case "literal_error":
            return str(context["expected"]), ""
        case known:
            return _EXPECTED.get(known, details["msg"]), ""


def _unknown_key(path: tuple[int | str, ...], root: Node) -> Problem:
    *parents, key = path
    node = root.at(parents)
    place = node.keys.get(str(key), node.place)
    if secret := _secret_at(parents):
        return _unnamed_secret(place, *secret)
    known = sorted(_keys_at(parents))
    near = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
    return place.problem(f"unknown key '{printable(str(key))}'", hint)


def _secret_at(path: Iterable[int | str]) -> tuple[str, str] | None:
    return next((_SECRETS[step] for step in path if isinstance(step, str) and step in _SECRETS), None)


def _unnamed_secret(place: Place, what: str, how: str) -> Problem:
    return place.problem(
        f"expected the name of the variable or of the file that holds {what}", f"write {how}, never inline"
    )


def _keys_at(path: list[int | str]) -> set[str]:
    model: type[BaseModel] = File
    for step in path:
        field = next((f for name, f in model.model_fields.items() if step in {name, f.alias}), None)
        model = (_model_in(field.annotation) if field else None) or model
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
