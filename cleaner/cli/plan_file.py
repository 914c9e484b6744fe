"""A plan in a file: written for a person to review, and read back to be carried out or approved.

It holds what is condemned, and by what text of the policies; nothing of it is secret but what the registry holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal

import msgspec

from cleaner.config.bounded import NotRegular, read_at_most
from cleaner.config.settings import RegistrySettings
from cleaner.config.units import duration_text
from cleaner.errors import UsageError
from cleaner.figures import rfc3339
from cleaner.model.manifest import Digest, parse_digest
from cleaner.model.plan import Deletion, HoldReason, Mode, Plan
from cleaner.retention.words import safe, say

OLDEST = timedelta(hours=24)
"""A plan that was made longer ago is not carried out or approved any more."""

LARGEST = 64 * 1024 * 1024
_LARGEST_TEXT = "64 MiB"
_SKEW = timedelta(minutes=5)  # it may come from another machine
_BEGINNING = b'{\n  "format": "registry-cleaner plan'
_MAKE_ANEW = "Make a new one: cleaner plan -o FILE"
_ELSEWHERE = "Name a file in a folder of yours"

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Entry(msgspec.Struct, frozen=True):
    """A condemned manifest as a plan file has it: why it goes, and what held it back when the plan was made."""

    repository: str
    digest: Digest
    tags: tuple[str, ...]
    mode: Mode
    reasons: tuple[str, ...]
    held_back: HoldReason | None
    goes_at: _Moment | None


class _Registry(msgspec.Struct):
    name: str
    policies: list[str]
    condemned: tuple[Entry, ...]


class _File(msgspec.Struct):
    format: Literal["registry-cleaner plan 1"]
    made_at: _Moment
    registries: list[_Registry]


def entries(plan: Plan) -> tuple[Entry, ...]:
    """Everything that a plan condemns, repository by repository: what goes, then what waits."""
    going = [_entry(deletion, None, None) for deletion in plan.deletions]
    waiting = [_entry(each.deletion, each.reason, each.goes_at) for each in plan.waiting]
    return tuple(sorted((*going, *waiting), key=lambda entry: entry.repository))


def insist_on_place(path: Path) -> None:
    """A plan can be written there: nothing is lost by it but an older plan.

    Raises:
        UsageError: what is there is no plan, or its folder is not there or not to be written to.
    """
    folder = path.parent
    if os.path.lexists(path) and not _is_plan(path):
        raise UsageError(f"{_shown(path)} is there already, and is no plan: it stays as it is", "Name another file")
    if not folder.is_dir():
        raise UsageError(f"{_shown(path)} cannot be written: {_shown(folder)} is no folder", "Make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{_shown(path)} cannot be written: this user may not write to {_shown(folder)}", _ELSEWHERE)


def write_plan_file(path: Path, plans: Sequence[Plan], registries: Iterable[RegistrySettings], now: datetime) -> None:
    """Write plans to a file that its owner alone may read; one that is there is replaced, whole or not at all.

    Raises:
        UsageError: the file cannot be written.
    """
    policies = {registry.name: _policies(registry) for registry in registries}
    found = [_Registry(plan.registry, policies[plan.registry], entries(plan)) for plan in plans]
    file = _File("registry-cleaner plan 1", now, found)
    content = msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"
    if len(content) > LARGEST:
        raise UsageError(f"the plan is above {_LARGEST_TEXT}, too long for anybody to review", "Plan fewer registries")
    try:
        _replace(path, content)
    except OSError as error:
        raise UsageError(f"the plan cannot be written to {_shown(path)}: {error.strerror}", _ELSEWHERE) from error


def read_plan_file(
    path: Path, registries: Iterable[RegistrySettings], now: datetime
) -> Mapping[str, tuple[Entry, ...]]:
    """What a plan file condemns in each registry that it speaks of.

    Raises:
        UsageError: it cannot be read or is no plan file, it is too old, or it was made for a registry that the
            configuration does not have, or under other policies.
    """
    file = _decoded(path)
    made = f"{_shown(path)} was made at {rfc3339(file.made_at)}"
    if file.made_at < now - OLDEST:
        raise UsageError(f"{made}: a plan counts for {duration_text(OLDEST)}", _MAKE_ANEW)
    if file.made_at > now + _SKEW:
        raise UsageError(f"{made}, and here it is {rfc3339(now)}", f"Set the clocks of both machines. {_MAKE_ANEW}")
    known = {registry.name: registry for registry in registries}
    for each in file.registries:
        _insist_on_policies(path, each, known)
    return {each.name: each.condemned for each in file.registries}


def _insist_on_policies(path: Path, found: _Registry, known: Mapping[str, RegistrySettings]) -> None:
    registry = known.get(found.name)
    if registry is None:
        names = ", ".join(sorted(known))
        raise UsageError(f"{_shown(path)} is for the registry {safe(found.name)}", f"The configuration has: {names}")
    if found.policies != _policies(registry):
        raise UsageError(
            f"{_shown(path)} was made under other policies of {registry.name} than those that are in force", _MAKE_ANEW
        )


def _decoded(path: Path) -> _File:
    try:
        content = read_at_most(path, LARGEST)
    except NotRegular:
        step = "Name the file that `cleaner plan -o FILE` wrote"
        raise UsageError(f"{_shown(path)} is no regular file", step) from None
    except OSError as error:
        raise UsageError(f"{_shown(path)} cannot be read: {error.strerror}", _MAKE_ANEW) from error
    if len(content) > LARGEST:
        raise UsageError(f"{_shown(path)} is above {_LARGEST_TEXT}, and so no plan file", _MAKE_ANEW)
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{_shown(path)} is no plan file: {safe(str(error))}", _MAKE_ANEW) from error
    for each in (entry for registry in file.registries for entry in registry.condemned):
        if parse_digest(each.digest) is None:
            raise UsageError(f"{_shown(path)} is no plan file: {safe(each.digest[:100])} is no digest", _MAKE_ANEW)
    return file


def _replace(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:  # it is made with 0600
        try:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(new.name).unlink()
            raise


def _is_plan(path: Path) -> bool:
    """Whether it is a plan, or an empty file, which holds nothing to be lost."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _BEGINNING.startswith(stream.read(len(_BEGINNING)))
    except OSError:
        return False


def _policies(registry: RegistrySettings) -> list[str]:
    return [policy.fingerprint for policy in registry.policies]


def _entry(deletion: Deletion, held_back: HoldReason | None, goes_at: datetime | None) -> Entry:
    manifest, reasons = deletion.manifest, tuple(say(reason) for reason in deletion.reasons)
    return Entry(manifest.repository, manifest.digest, manifest.tags, deletion.mode, reasons, held_back, goes_at)


def _shown(path: Path) -> str:
    return safe(str(path))
