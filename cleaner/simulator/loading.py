"""Reads a load file (contracts, "Simulator"): its structure is checked, its values are taken as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from cleaner.simulator.contents import Contents
from cleaner.simulator.world import Account, App, Registry

LARGEST = 256 * 2**20
"""The largest load file that is read, in bytes."""


class LoadError(Exception):
    """The load file cannot be read, is too large, or is no load file; names the file and the place in it."""


def load_file(path: Path, created_at: datetime) -> Account:
    """The account of a load file, its registries created at that time.

    Raises:
        LoadError: the file is missing, above `LARGEST`, no JSON, or of another structure.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                raise LoadError(f"the load file {path} is larger than {LARGEST // 2**20} MiB")
            text = file.read(LARGEST)
    except OSError as error:
        raise LoadError(f"cannot read the load file {path}: {error.strerror}") from error
    try:
        return loaded(json.loads(text, parse_constant=_refuse_constant), created_at)
    except RecursionError as error:
        raise LoadError(f"the load file {path} is nested too deeply") from error
    except (ValueError, LoadError) as error:
        raise LoadError(f"the load file {path} cannot be used: {error}") from error


def loaded(value: object, created_at: datetime) -> Account:
    """The account that a load file's JSON describes.

    Raises:
        LoadError: the structure is another one; names the place.
    """
    if not isinstance(value, dict) or "registries" not in value:
        raise LoadError("expected an object with a list under `registries`")
    found = _named(value, "registries", "the file")
    registries = [_registry(name, entry, where, created_at) for name, entry, where in found]
    return Account(registries, [_app(app, where) for where, app in _objects(value, "apps", "the file")])


def _app(app: App, where: str) -> App:
    return {**app, "deployments": [deployment for _, deployment in _objects(app, "deployments", where)]}


def _registry(name: str, facts: dict[str, object], where: str, created_at: datetime) -> Registry:
    contents = Contents()
    for repository, below, place in _named(facts, "repositories", where):
        contents.add_repository(repository)
        for _, manifest in _objects(below, "manifests", place):
            listed = {key: part for key, part in manifest.items() if key != "body"}
            contents.load(repository, listed, _encoded(manifest.get("body")))
    region = facts.get("region", "fra1")
    return Registry(name, region if isinstance(region, str) else "fra1", created_at, contents)


def _named(value: object, key: str, where: str) -> Iterator[tuple[str, dict[str, object], str]]:
    """The objects of the list under `key`, each with its name, which no other has, and its place."""
    seen: set[str] = set()
    for place, item in _objects(value, key, where):
        name = item.get("name")
        if not isinstance(name, str) or not name:
            raise LoadError(f"{place} has no name: expected a text under `name`")
        if name in seen:
            raise LoadError(f"{place} has the name of another one: {name}")
        seen.add(name)
        yield name, item, place


def _objects(value: object, key: str, where: str) -> Iterator[tuple[str, dict[str, object]]]:
    listed = value.get(key, []) if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise LoadError(f"{where}: expected an object with a list under `{key}`")
    for number, item in enumerate(listed):
        if not isinstance(item, dict):
            raise LoadError(f"{key}[{number}] of {where}: expected an object")
        yield f"{key}[{number}] of {where}", item


def _encoded(body: object) -> bytes | None:
    return body.encode(errors="surrogatepass") if isinstance(body, str) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
