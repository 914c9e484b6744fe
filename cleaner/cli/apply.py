"""`cleaner apply`: one run on each registry that a policy in `mode: enforce` speaks of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cleaner.cleaning.orders import Mandate
from cleaner.cleaning.run import both
from cleaner.cli.console import ask, complaint, messages, presenting, results, say, write_json
from cleaner.cli.documents import apply_document
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    YesOption,
    chosen,
    insist_on_a_terminal,
    load_settings,
    nothing_enforced,
    reveal_tokens,
)
from cleaner.cli.outcome import Outcome, attempt, complaints, exit_code, not_begun, nothing_done, refused, worst
from cleaner.cli.plan_file import read_plan_file
from cleaner.cli.progress import progress
from cleaner.cli.signals import stop_on_signals
from cleaner.cli.suggestions import did_you_mean
from cleaner.cli.tables import show_deletions, show_held_back, show_report, show_warnings
from cleaner.config.settings import CollectionSchedule, RegistrySettings, Settings
from cleaner.errors import CleanerError, NotThere, UsageError
from cleaner.figures import some
from cleaner.model.event import Event, Warned
from cleaner.model.plan import Mode, Plan
from cleaner.model.report import Report
from cleaner.model.run import STOPPED
from cleaner.retention.policy import Policy, policy_for
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="REPOSITORY", help="Let this repository through share and cap, once. Repeatable."),
]


PlanArgument = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Nothing but what this plan condemns, which `cleaner plan -o FILE` wrote."),
]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person orders: which registry (None: all of the file), whom to let through, and whether to ask first.

    `plan` is the file of a reviewed plan: nothing else goes; None for no such file.
    """

    registry: str | None
    allowed: frozenset[str]
    ask: bool
    plan: Path | None = None


def apply(
    plan: PlanArgument = None,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    yes: YesOption = False,
    allow: AllowOption = None,
) -> None:
    """Delete what the policies in mode enforce condemn, and collect its space. Asks first."""
    settings = load_settings(config)
    try:
        outcomes = _carry_out(settings, Order(registry, frozenset(allow or ()), ask=not yes, plan=plan))
    except CleanerError as error:
        outcomes = refused(settings, registry, error)
    with presenting():
        if output is Format.JSON:
            write_json(apply_document(outcomes, settings.warnings))
        else:
            _show(settings, outcomes)
    for line in complaints(outcomes):
        say(line)
    raise typer.Exit(worst(exit_code(outcome.result) for outcome in outcomes))


def _carry_out(settings: Settings, order: Order) -> list[Outcome[Report]]:
    """Everything that can be refused is refused before the first request, or at least before the first deletion."""
    registries = chosen(settings, order.registry)
    enforced = [registry for registry in registries if registry.enforces]
    if not enforced:
        raise nothing_enforced(settings, registries)
    if order.ask:
        insist_on_a_terminal("Look at `cleaner plan`, then run `cleaner apply --yes`")
    mandates = _mandates(settings, enforced, order)
    meant = [registry for registry in enforced if registry.name in mandates]
    reveal_tokens(meant)
    with closing(Application.for_applying(settings, production())) as application, asyncio.Runner() as runner:
        if order.allowed:
            runner.run(_insist_on_allowed(application, meant, order.allowed))
        if order.ask and not _agreed(runner.run(_plans(application, meant, mandates)), meant):
            say("nothing was deleted: it was not confirmed")
            return [Outcome(registry.name, nothing_done(registry)) for registry in registries]
        return runner.run(_clean(application, registries, mandates))


def _mandates(settings: Settings, registries: Sequence[RegistrySettings], order: Order) -> dict[str, Mandate]:
    """What the order means for each registry; one that the reviewed plan does not speak of has none."""
    if order.plan is None:
        return {registry.name: Mandate(order.allowed) for registry in registries}
    reviewed = read_plan_file(order.plan, settings.registries, production().now())
    mandates = {
        name: Mandate(order.allowed, frozenset((entry.repository, entry.digest) for entry in condemned))
        for name, condemned in reviewed.items()
        if name in {registry.name for registry in registries}
    }
    if not mandates:
        names = ", ".join(registry.name for registry in registries)
        raise UsageError(f"{safe(str(order.plan))} says nothing of {names}", "Make a new one: cleaner plan -o FILE")
    return mandates


async def _insist_on_allowed(
    application: Application, registries: Iterable[RegistrySettings], allowed: frozenset[str]
) -> None:
    """Nothing, where each is a repository that a policy in mode enforce speaks of, or a registry cannot be asked.

    Raises:
        NotThere: one is not; most likely it is misspelt.
    """
    known: set[str] = set()
    for registry in registries:
        try:
            names = await application.repositories(registry)
        except CleanerError:  # its run will tell
            return
        policies = {name: policy_for(name, registry.policies) for name in names}
        known |= {name for name, policy in policies.items() if policy is not None and policy.mode is Mode.ENFORCE}
    for name in sorted(allowed - known):
        step = did_you_mean(name, known, "See them all: cleaner plan")
        raise NotThere(f"--allow {safe(name)}: no repository of that name stands under a policy in mode enforce", step)


async def _plans(
    application: Application, registries: Sequence[RegistrySettings], mandates: Mapping[str, Mandate]
) -> list[Plan]:
    """The plans to show before asking; a registry that cannot be planned is left for the run to report."""
    plans, failures = [], []
    with progress(messages()) as tell:
        for registry in registries:
            try:
                plans.append(await application.plan(registry, None, tell, mandates[registry.name]))
            except CleanerError as error:
                failures.append(error)
    if not plans:
        raise failures[0]
    for failure in failures:
        for line in complaint(failure):
            say(line)
    return plans


def _agreed(plans: Sequence[Plan], registries: Sequence[RegistrySettings]) -> bool:
    """Show what would go, and ask."""
    console, now = messages(), production().now()
    policies = {registry.name: registry.policies for registry in registries}
    count = 0
    for plan in plans:
        going = [deletion for deletion in plan.deletions if deletion.mode is Mode.ENFORCE]
        held = [hold for hold in plan.held_back if _enforced(hold.repository, policies[plan.registry])]
        show_deletions(console, going, now)
        show_held_back(console, held)
        show_warnings(console, plan.warnings)
        count += len(going)
    asked = [plan.registry for plan in plans]
    collected = _collected([registry for registry in registries if registry.name in asked])
    return ask(f"Delete {some(count, 'manifest')} in {', '.join(asked)}{collected}?")


def _collected(registries: Sequence[RegistrySettings]) -> str:
    """What the question says of the garbage collection that follows, where one does."""
    schedules = {registry.name: registry.garbage_collection.schedule for registry in registries}
    after = [name for name, schedule in schedules.items() if schedule is CollectionSchedule.AFTER_CLEAN]
    if not after:
        return ""
    where = "" if len(after) == len(schedules) else f" in {', '.join(after)}"
    return f", and let a garbage collection free their space{where}"


def _enforced(repository: str | None, policies: tuple[Policy, ...]) -> bool:
    policy = policy_for(repository, policies) if repository is not None else None
    return policy is None or policy.mode is Mode.ENFORCE


async def _clean(
    application: Application, registries: Sequence[RegistrySettings], mandates: Mapping[str, Mandate]
) -> list[Outcome[Report]]:
    """One registry after the other; one that fails does not stop the others, a person or a service manager does."""
    stop_on_signals()
    outcomes: list[Outcome[Report]] = []
    with progress(messages()) as shown:
        tell = both(_warn, shown)
        for registry in registries:
            if any(exit_code(outcome.result) == STOPPED for outcome in outcomes):
                outcomes.append(Outcome(registry.name, not_begun(registry)))
            elif registry.name not in mandates:
                outcomes.append(Outcome(registry.name, nothing_done(registry, _why_not(registry))))
            else:
                outcomes.append(await attempt(registry, application.clean(registry, mandates[registry.name], tell)))
    return outcomes


def _warn(event: Event) -> None:
    """What a person should know is said at once; it stands in the answer, too."""
    if isinstance(event, Warned):
        say(f"warning: {event.registry}: {event.text}")


def _why_not(registry: RegistrySettings) -> str:
    return "the reviewed plan says nothing of it" if registry.enforces else "no policy of it is in mode enforce"


def _show(settings: Settings, outcomes: Iterable[Outcome[Report]]) -> None:
    console = results()
    show_warnings(console, map(str, settings.warnings))
    collecting = {registry.name: registry.garbage_collection for registry in settings.registries}
    for outcome in outcomes:
        if isinstance(outcome.result, Report):
            show_report(console, outcome.result, collecting[outcome.registry])
