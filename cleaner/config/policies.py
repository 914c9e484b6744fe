"""The models of a policy, its rules and its limits: what each key takes, its default, and its meaning (policy page).

The docstrings are the descriptions in the JSON Schema.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from cleaner.config.mappings import Levels, Model
from cleaner.config.scalars import Count, Duration, DurationOrZero, GroupName, PatternText, Share

ModeWord: TypeAlias = Literal["plan", "enforce"]
Patterns: TypeAlias = Annotated[list[PatternText], Field(min_length=1)]


class Calendar(Levels):
    """The newest of each of the last N periods that have one, in the registry's time zone; any of them keeps."""

    hourly: Count | None = None
    """So many hours that have one."""
    daily: Count | None = None
    """So many days that have one."""
    weekly: Count | None = None
    """So many ISO weeks that have one."""
    monthly: Count | None = None
    """So many months that have one."""
    yearly: Count | None = None
    """So many years that have one."""


class Semver(Levels):
    """Of the highest majors the highest minors of the highest patches; a level left out is unlimited."""

    majors: Count | None = None
    """So many highest major versions."""
    minors: Count | None = None
    """So many highest minor versions of each major."""
    patches: Count | None = None
    """So many highest patches of each minor."""


class Rule(Model):
    """Keeps the manifests whose tags it selects and for which all its conditions hold; all of them without any."""

    tags: Patterns = Field(default=["*"])
    """The tags it selects: any of these patterns matches."""
    except_: list[PatternText] = Field(default=[], alias="except")
    """Tags that it does not select after all."""
    last: Count | None = None
    """Keeps the N newest."""
    within: Duration | None = None
    """Keeps what is younger; at least `grace`."""
    calendar: Calendar | None = None
    semver: Semver | None = None
    per: GroupName | None = None
    """Makes one rule of each value that this group captures; every pattern in `tags` has it."""


class Untagged(Model):
    """Keeps the orphans that are younger."""

    within: Duration
    """At least `grace`."""


class Limits(Model):
    """What stands between a slip and a loss."""

    deletions: Count = 1000
    """At most so many manifests a run and registry; the rest waits for the next run."""
    share: Share = Fraction(1, 2)
    """A repository that would lose more than this share of its versions, or of its manifests, is left whole."""
    keep_at_least: Count = 2
    """So many versions of a repository stay, whatever else is written."""


class PolicyLimits(Model):
    """Limits for the policy's repositories; a key that is not given is as at the top of the file."""

    deletions: Count | None = None
    """A cap over the policy's repositories together, besides the registry's."""
    share: Share | None = None
    """A repository that would lose more than this share of its versions, or of its manifests, is left whole."""
    keep_at_least: Count | None = None
    """So many versions of a repository stay, whatever else is written."""


def _untagged_kind(value: Any) -> str | None:
    return "keep" if value == "keep" else "a mapping" if isinstance(value, dict) else None


class Policy(Model):
    """What is kept in the repositories that fall under it: those that no earlier policy matches."""

    repositories: Patterns
    """Patterns of repository names."""
    mode: ModeWord | None = None
    """Replaces the registry's."""
    keep: Annotated[list[Rule], Field(min_length=1)]
    """The rules; what any of them keeps stays."""
    untagged: Annotated[
        Annotated[Literal["keep"], Tag("keep")] | Annotated[Untagged, Tag("a mapping")],
        Discriminator(
            _untagged_kind,
            custom_error_type="expected",
            custom_error_message="keep or {within: 14d}",
        ),
    ] = "keep"
    """What becomes of orphans: manifests without a tag that no index lists and whose subject does not exist."""
    unmatched: Literal["keep", "delete"] = "keep"
    """What becomes of a version whose tags no rule selects."""
    notice: DurationOrZero | None = None
    """Replaces the one at the top of the file."""
    limits: PolicyLimits = PolicyLimits()
