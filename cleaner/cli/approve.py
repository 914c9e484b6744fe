"""`cleaner approve`: a person has seen what a repository would lose beyond its limits, and lets exactly that go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from cleaner.cleaning.run import both
from cleaner.cli.console import ask, messages, results, say, write_json
from cleaner.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    RegistryOption,
    YesOption,
    answering,
    changeable,
    insist_on_a_terminal,
    load_settings,
    reveal_tokens,
)
from cleaner.cli.plan_file import Entry, entries, read_plan_file
from cleaner.cli.progress import Listed, progress
from cleaner.cli.suggestions import did_you_mean
from cleaner.cli.tables import show_entries
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError, ListingIncomplete, ManifestUnreadable, NotThere, SourceUnreadable, UsageError
from cleaner.figures import some
from cleaner.model.plan import HoldReason, Mode, Plan
from cleaner.retention.policy import policy_for
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

WhatArgument = Annotated[
    str,
    typer.Argument(
        metavar="REPOSITORY|FILE",
        help="A repository, or a plan that `cleaner plan -o FILE` wrote: a file of that name comes first.",
    ),
]
_UNREAD = {
    HoldReason.SOURCE: SourceUnreadable,
    HoldReason.LISTING: ListingIncomplete,
    HoldReason.MANIFEST: ManifestUnreadable,
}


def approve(
    what: WhatArgument,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
    yes: YesOption = False,
) -> None:
    """Let what a repository would lose now through share and cap, exactly these manifests. Asks first."""
    settings = load_settings(config)
    with answering(output):
        one = changeable(settings, registry)
        if not yes:
            insist_on_a_terminal("Look at `cleaner plan`, then add --yes")
        reviewed = _from_file(settings, one, Path(what)) if _is_file(what) else None
        with closing(Application.for_applying(settings, production())) as application:
            shown = asyncio.run(_from_registry(application, one, what)) if reviewed is None else reviewed
            show_entries(messages(), shown)
            approved = shown if yes or _agreed(one, shown) else ()
            _write_down(application, one, approved)
    _answer(one, approved, output)


def _is_file(what: str) -> bool:
    """Whether it names a file: no repository's name begins like a path, and a folder is no plan."""
    return what.startswith((".", "/")) or (Path(what).exists() and not Path(what).is_dir())


def _from_file(settings: Settings, registry: RegistrySettings, path: Path) -> tuple[Entry, ...]:
    """What a plan file condemns of the registry."""
    try:
        found = read_plan_file(path, settings.registries, production().now())
    except UsageError as error:
        step = f"{error.next_step}. For the repository {safe(str(path))}, be in a folder without a file of that name"
        raise UsageError(error.message, step) from error
    approvable = _approvable(registry, found.get(registry.name, ()))
    if not approvable:
        raise UsageError(
            f"{safe(str(path))} condemns nothing of {registry.name} in mode enforce: there is nothing to approve",
            "See what would go: cleaner plan",
        )
    return approvable


async def _from_registry(application: Application, registry: RegistrySettings, repository: str) -> tuple[Entry, ...]:
    """What the repository would lose now, beyond its limits or within them."""
    reveal_tokens([registry])
    listed = Listed()
    with progress(messages()) as shown:
        plan = await application.plan(registry, None, both(listed.hear, shown))
    approvable = _approvable(registry, [entry for entry in entries(plan) if entry.repository == repository])
    if not approvable:
        raise _nothing(plan, repository, sorted(listed.of(registry.name)))
    return approvable


def _approvable(registry: RegistrySettings, found: Sequence[Entry]) -> tuple[Entry, ...]:
    """What stands in mode enforce, and was judged with all that is in use."""
    modes = {name: policy_for(name, registry.policies) for name in {entry.repository for entry in found}}
    enforced = {name for name, policy in modes.items() if policy is not None and policy.mode is Mode.ENFORCE}
    return tuple(e for e in found if e.repository in enforced and e.held_back is not HoldReason.SOURCE)


def _nothing(plan: Plan, repository: str, known: Sequence[str]) -> CleanerError:
    name = safe(repository)
    if repository not in known:
        step = did_you_mean(repository, known, "See them all: cleaner plan")
        return NotThere(f"{plan.registry} has no repository {name}, and there is no file of that name here", step)
    for hold in plan.held_back:
        here = hold.repository == repository or (hold.repository is None and hold.manifests > 0)
        if here and hold.reason in _UNREAD:
            return _UNREAD[hold.reason](f"nothing of {name} can be approved now: {hold.detail}")
    return NotThere(
        f"nothing of {name} in {plan.registry} would go in mode enforce: there is nothing to approve",
        "See what would go: cleaner plan",
    )


def _agreed(registry: RegistrySettings, shown: Sequence[Entry]) -> bool:
    count = some(len(shown), "manifest")
    places = ", ".join(safe(name) for name in sorted({entry.repository for entry in shown}))
    return ask(f"Let {count} of {places} in {registry.name} through share and cap, until they are gone?")


def _write_down(application: Application, registry: RegistrySettings, approved: Sequence[Entry]) -> None:
    for repository in sorted({entry.repository for entry in approved}):
        digests = [entry.digest for entry in approved if entry.repository == repository]
        application.approve(registry, repository, digests)


def _answer(registry: RegistrySettings, approved: Sequence[Entry], output: Format) -> None:
    if output is Format.JSON:
        pairs = [{"repository": entry.repository, "digest": entry.digest} for entry in approved]
        write_json({"registry": registry.name, "approved": pairs})
        return
    if not approved:
        say("nothing was approved: it was not confirmed")
    for repository, each in groupby(approved, key=lambda entry: entry.repository):
        count = some(len(list(each)), "manifest")
        line = f"{safe(repository)}: {count} approved: share and cap do not hold them back any more"
        results().print(line, soft_wrap=True)
