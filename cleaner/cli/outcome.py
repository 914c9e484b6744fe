"""What a command came to on each registry, and the exit code that this deserves (contracts, "Exit codes")."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from cleaner.cleaning.report import Reporter
from cleaner.cli.console import complaint
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError
from cleaner.model.plan import Freed, Plan
from cleaner.model.report import Report
from cleaner.model.run import STOPPED

Result = TypeVar("Result")

_WORST_FIRST = (STOPPED, 2, 1, 3)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """One registry's result, or the error that stands in its place."""

    registry: str
    result: Result | CleanerError


async def attempt(registry: RegistrySettings, doing: Awaitable[Result]) -> Outcome[Result]:
    """What `doing` comes to on a registry, its error included."""
    try:
        return Outcome(registry.name, await doing)
    except CleanerError as error:
        return Outcome(registry.name, error)


def refused(settings: Settings, name: str | None, error: CleanerError) -> list[Outcome[Result]]:
    """The outcome where nothing was begun: the same error for every registry that was meant."""
    names = [registry.name for registry in settings.registries] if name is None else [name]
    return [Outcome(each, error) for each in names]


def exit_code(result: Report | Plan | CleanerError) -> int:
    """The exit code that one result deserves."""
    if isinstance(result, Plan):
        return 3 if any(held.reason.is_trouble for held in result.held_back) else 0
    return result.exit_code


def nothing_done(registry: RegistrySettings, *warnings: str) -> Report:
    """The report of a run that was not begun, for a person declined it or nothing was to be done."""
    return replace(Reporter(registry.name).report(None, Freed(0, 0)), warnings=warnings)


def not_begun(registry: RegistrySettings) -> Report:
    """The report of a run that a person's stop kept from beginning."""
    return replace(nothing_done(registry), error="not begun: the run was stopped before", exit_code=STOPPED)


def complaints(outcomes: Iterable[Outcome[Result]]) -> list[str]:
    """What went wrong, a line each; what holds for several registries is said once."""
    lines: list[str] = []
    for outcome in outcomes:
        match outcome.result:
            case CleanerError() as error:
                lines += complaint(error)
            case Report(error=str(text)):
                lines.append(f"error: {outcome.registry}: {text}")
            case _:
                pass
    return list(dict.fromkeys(lines))


def worst(codes: Iterable[int]) -> int:
    """The exit code of all together: 2 before 1 before 3 before 0, and before all of them that a person stopped it."""
    given = frozenset(codes)
    return next((code for code in _WORST_FIRST if code in given), 0)
