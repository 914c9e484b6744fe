"""What would go next, for the status page: a plan repository by repository, with reasons, in bounded length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import assert_never

from cleaner.daemon.board import Known, RegistryFacts
from cleaner.daemon.figures import NAME, Moment, moment, shown
from cleaner.figures import freed, size, some
from cleaner.model.plan import Deletion, HeldBack, HoldReason, Mode, Plan, Unmanaged
from cleaner.model.reason import GoesWith, GoReason, NoRuleKeeps, OrphanLeftBehind, OrphanOld
from cleaner.retention.words import say, say_age, short

REPOSITORIES, MANIFESTS, TAGS, LINES = 20, 10, 8, 20
"""The most repositories, manifests of each, tags of each, and lines of the other lists that a page shows."""


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A manifest that would go; `digest` is its short form, `whole` all of it, `more_tags` how many are not shown."""

    digest: str
    whole: str
    tags: tuple[str, ...]
    more_tags: int
    age: str
    why: str


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """What would go of one repository; `reasons` are in few words, with how many manifests each speaks of."""

    name: str
    count: int
    reported_only: bool
    reasons: tuple[tuple[str, int], ...]
    manifests: tuple[ManifestView, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line about a repository."""

    name: str
    amount: str
    says: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan; the numbers called `more` are of what is not shown. `earlier` where a run has ended since.

    What is announced does not count as held back: it goes once its notice has run out. `first_goes` is when the first
    of it does, None once that is over. `next_step` says what a person can do about what a limit holds back.
    """

    made: Moment
    as_of: Moment | None
    earlier: bool
    manifests: int
    kept: int
    going: int
    enforced: int
    announced: int
    first_goes: Moment | None
    held_back: int
    frees: str
    repositories: tuple[RepositoryView, ...]
    more_repositories: int
    notices: tuple[Line, ...]
    more_notices: int
    held: tuple[Line, ...]
    more_held: int
    next_step: str
    unmanaged: tuple[Line, ...]
    more_unmanaged: int


def plan_view(facts: RegistryFacts, known: Known[Plan], now: datetime) -> PlanView:
    """What the page says of a registry's plan."""
    plan, as_of = known.value, facts.plan_as_of or known.at
    repositories, first_goes = by_repository(plan.deletions), first_to_go(plan)
    held = [each for each in plan.held_back if each.reason.is_trouble]
    notices = [each for each in plan.held_back if not each.reason.is_trouble]
    return PlanView(
        made=moment(known.at, now, facts.settings.timezone),
        as_of=moment(as_of, now, facts.settings.timezone) if as_of > now else None,
        earlier=facts.last_run is not None and facts.last_run.at > known.at,
        manifests=plan.manifests,
        kept=plan.kept,
        going=len(plan.deletions),
        enforced=sum(deletion.mode is Mode.ENFORCE for deletion in plan.deletions),
        announced=len(plan.announced),
        first_goes=moment(first_goes, now, facts.settings.timezone) if first_goes and first_goes > now else None,
        held_back=sum(each.manifests for each in held),
        frees=freed(plan.freed),
        repositories=tuple(_repository(deletions, as_of) for deletions in repositories[:REPOSITORIES]),
        more_repositories=max(0, len(repositories) - REPOSITORIES),
        notices=tuple(_held(each) for each in notices[:LINES]),
        more_notices=max(0, len(notices) - LINES),
        held=tuple(_held(each) for each in held[:LINES]),
        more_held=max(0, len(held) - LINES),
        next_step=_next_step(facts, held),
        unmanaged=tuple(_untouched(unmanaged) for unmanaged in plan.unmanaged[:LINES]),
        more_unmanaged=max(0, len(plan.unmanaged) - LINES),
    )


def first_to_go(plan: Plan) -> datetime | None:
    """When the first of what is announced goes; None where nothing is."""
    return min((each.goes_at for each in plan.announced if each.goes_at is not None), default=None)


def by_repository(deletions: Iterable[Deletion]) -> list[tuple[Deletion, ...]]:
    """A plan's deletions, those of each repository and mode together, in the plan's order."""
    return [tuple(group) for _, group in groupby(deletions, key=lambda each: (each.manifest.repository, each.mode))]


def in_few_words(reason: GoReason) -> str:
    """The kind of a reason."""
    match reason:
        case NoRuleKeeps():
            return "no rule keeps it"
        case GoesWith():
            return "goes with its family"
        case OrphanOld():
            return "untagged and old"
        case OrphanLeftBehind():
            return "left behind by an earlier run"
        case _:
            assert_never(reason)


def kinds_of_reasons(deletions: Sequence[Deletion]) -> tuple[tuple[str, int], ...]:
    """How many manifests go for each kind of reason, the most frequent first."""
    counts = Counter(kind for each in deletions for kind in sorted({in_few_words(reason) for reason in each.reasons}))
    return tuple(counts.most_common())


def _repository(deletions: Sequence[Deletion], as_of: datetime) -> RepositoryView:
    first = deletions[0]
    return RepositoryView(
        name=shown(first.manifest.repository, NAME),
        count=len(deletions),
        reported_only=first.mode is Mode.PLAN,
        reasons=kinds_of_reasons(deletions),
        manifests=tuple(_manifest(deletion, as_of) for deletion in deletions[:MANIFESTS]),
        more=max(0, len(deletions) - MANIFESTS),
    )


def _manifest(deletion: Deletion, as_of: datetime) -> ManifestView:
    manifest = deletion.manifest
    return ManifestView(
        digest=short(manifest.digest),
        whole=manifest.digest,
        tags=tuple(shown(tag, NAME) for tag in manifest.tags[:TAGS]),
        more_tags=max(0, len(manifest.tags) - TAGS),
        age="" if manifest.updated_at is None else say_age(as_of - manifest.updated_at),
        why=shown("; ".join(say(reason) for reason in deletion.reasons)),
    )


def _held(held: HeldBack) -> Line:
    return Line(shown(held.repository or "all", NAME), some(held.manifests, "manifest"), shown(held.detail))


def _next_step(facts: RegistryFacts, held: Iterable[HeldBack]) -> str:
    """What a person can do about share and cap; about what cannot be read, the details say it."""
    if not any(each.reason in {HoldReason.SHARE, HoldReason.CAP} for each in held):
        return ""
    approve = ", and cleaner approve REPOSITORY lets it go" if facts.settings.enforces else ""
    return f"What goes beyond share or cap: cleaner plan shows it{approve}"


def _untouched(unmanaged: Unmanaged) -> Line:
    amount = f"{some(unmanaged.manifests, 'manifest')}, {size(unmanaged.bytes)}"
    return Line(shown(unmanaged.repository, NAME), amount, "")
