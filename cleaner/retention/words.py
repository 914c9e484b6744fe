"""Every reason in plain words: what the command line, the JSON and the ledger say of a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, assert_never

from cleaner.figures import clock_time
from cleaner.model.manifest import Digest
from cleaner.model.reason import (
    AmongNewest,
    AttachedTo,
    Calendar,
    ChildOf,
    Condition,
    GoesWith,
    GoReason,
    InUse,
    KeepReason,
    KeptByRule,
    Last,
    NoRuleKeeps,
    NoTime,
    OrphanKept,
    OrphanLeftBehind,
    OrphanOld,
    ProtectedDigest,
    ProtectedTag,
    Semver,
    TagMovedOn,
    Undecided,
    Unmatched,
    WasInUse,
    Within,
    Young,
)
from cleaner.model.verdict import Condemned, Kept, Verdict
from cleaner.retention.uses import UseReason

_Protection: TypeAlias = Young | NoTime | ProtectedTag | ProtectedDigest
_Bond: TypeAlias = ChildOf | AttachedTo | Undecided
_Policy: TypeAlias = KeptByRule | Unmatched | AmongNewest | OrphanKept

_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


def say_verdict(verdict: Verdict) -> tuple[str, ...]:
    """Each reason of a verdict, behind what follows from it: `kept: …` or `goes: …`."""
    match verdict:
        case Kept():
            return tuple(f"kept: {say(reason)}" for reason in verdict.reasons)
        case Condemned():
            return tuple(f"goes: {say(reason)}" for reason in verdict.reasons)
        case _:
            assert_never(verdict)


def say(reason: KeepReason | GoReason) -> str:
    """One reason in plain words, in one line, safe to print."""
    if isinstance(reason, GoReason):
        return _say_go(reason)
    if isinstance(reason, _Protection):
        return _say_protection(reason)
    if isinstance(reason, UseReason):
        return _say_use(reason)
    if isinstance(reason, _Bond):
        return _say_bond(reason)
    return _say_policy(reason)


def safe(text: str) -> str:
    """Text from outside, with what a terminal might obey shown escaped: controls, bidi marks, line ends."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def short(digest: Digest) -> str:
    """The digest with its first 12 hexadecimal digits, for people."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}"


def say_age(age: timedelta) -> str:
    """An age in whole units, rounded down: days from two days on, then hours, minutes, seconds."""
    unit, size = next(((unit, size) for unit, size in _UNITS if age >= 2 * size), _UNITS[-1])
    return f"{age // size} {unit}"


def say_limit(limit: timedelta) -> str:
    """A duration from the configuration, exact, in the largest unit that divides it."""
    unit, size = next(((unit, size) for unit, size in _UNITS if not limit % size), _UNITS[-1])
    return f"{limit // size} {unit}"


def _say_policy(reason: _Policy) -> str:
    match reason:
        case KeptByRule():
            return _say_kept_by_rule(reason)
        case Unmatched(tags):
            return f"no rule selects its {_named(tags)}"
        case AmongNewest(count):
            return f"one of the {count} newest versions: so many stay at least (keep_at_least)"
        case OrphanKept(timedelta() as limit, timedelta() as age):
            return f"untagged and {say_age(age)} old, the policy keeps what is untagged for {say_limit(limit)}"
        case OrphanKept():
            return "untagged, and the policy keeps what is untagged"
        case _:
            assert_never(reason)


def _say_protection(reason: _Protection) -> str:
    match reason:
        case Young(age, grace):
            return f"{say_age(age)} old, younger than the grace of {say_limit(grace)}"
        case NoTime(future):
            return "its time is in the future" if future else "it has no readable time"
        case ProtectedTag(tag, pattern):
            return f"its tag {safe(tag)} is protected by {safe(pattern)}"
        case ProtectedDigest():
            return "its digest is protected"
        case _:
            assert_never(reason)


def _say_use(reason: UseReason) -> str:
    says = f"says {safe(reason.source)}: {safe(reason.where)}"
    match reason:
        case InUse():
            return f"in use, {says}"
        case WasInUse(last_seen=last_seen):
            return f"was in use until {_say_moment(last_seen)}, {says}"
        case TagMovedOn(tag=tag, until=until):
            return f"its tag {safe(tag)} pointed here until {_say_moment(until)}; in use by that name, {says}"
        case _:
            assert_never(reason)


def _say_bond(reason: _Bond) -> str:
    match reason:
        case ChildOf(index, tags):
            return f"child of {short(index)}, {_named(tags)}"
        case AttachedTo(subject, tags):
            return f"attached to {short(subject)}, {_named(tags)}"
        case Undecided():
            return "undecided: it hangs on a ring of manifests, each of which waits for another's fate"
        case _:
            assert_never(reason)


def _say_go(reason: GoReason) -> str:
    match reason:
        case NoRuleKeeps():
            return _say_no_rule_keeps(reason)
        case GoesWith(indexes, subjects):
            bonds = [f"child of {short(index)}" for index in indexes]
            bonds += [f"attached to {short(subject)}" for subject in subjects]
            return f"{' and '.join(bonds)}, and nothing of that stays"
        case OrphanOld(age, limit):
            return f"untagged and {say_age(age)} old, the policy keeps what is untagged for {say_limit(limit)}"
        case OrphanLeftBehind(deleted):
            return f"left behind by {', '.join(short(digest) for digest in deleted)}, deleted earlier"
        case _:
            assert_never(reason)


def _say_kept_by_rule(reason: KeptByRule) -> str:
    conditions = " and ".join(_met(condition) for condition in reason.met) or "always kept"
    patterns = " or ".join(safe(pattern) for pattern in reason.patterns)
    group = "" if reason.group is None else f' in the group "{safe(reason.group)}"'
    return f"{conditions} with a tag {patterns}{group} (rule {reason.rule}: {_listed(reason.tags)})"


def _met(condition: Condition) -> str:
    match condition:
        case Last(count):
            return f"one of the {count} newest"
        case Within(limit, age):
            return f"{say_age(age)} old, younger than {say_limit(limit)},"
        case Calendar(periods):
            return f"the newest of its period ({', '.join(periods)})"
        case Semver(versions):
            return f"among the highest versions ({', '.join(versions)})"
        case _:
            assert_never(condition)


def _say_no_rule_keeps(reason: NoRuleKeeps) -> str:
    verb = "is" if len(reason.tags) == 1 else "are"
    aged = f"no rule keeps it; its {_named(reason.tags)} {verb} {say_age(reason.age)} old"
    missed = (
        f"rule {number} keeps {' and '.join(_asked(condition, reason.age) for condition in conditions)}"
        for number, conditions in reason.missed
    )
    return ", ".join((aged, *missed)) if reason.missed else f"{aged}, and no rule selects it"


def _asked(condition: Condition, own_age: timedelta) -> str:
    """What a condition keeps; where that is not the age told before, also how old it is to the rule."""
    match condition:
        case Last(count):
            return f"the {count} newest"
        case Within(limit, age):
            return say_limit(limit) + (f" ({say_age(age)} old by the tags that it selects)" if age != own_age else "")
        case Calendar(periods):
            return f"the newest of each period ({', '.join(periods)})"
        case Semver(()):
            return "versions X.Y.Z only"
        case Semver(versions):
            return f"higher versions than {', '.join(versions)}"
        case _:
            assert_never(condition)


def _say_moment(moment: datetime) -> str:
    return f"{clock_time(moment, UTC)} UTC"


def _named(tags: tuple[str, ...]) -> str:
    """`tag v1`, `tags v1, v2`, or that there are none."""
    if not tags:
        return "untagged"
    return f"{'tag' if len(tags) == 1 else 'tags'} {_listed(tags)}"


def _listed(tags: Iterable[str]) -> str:
    return ", ".join(safe(tag) for tag in tags)
