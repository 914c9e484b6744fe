"""Every reason in plain words, in one line, safe to print (`retention/words.py`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.model.manifest import Digest, Manifest
from cleaner.model.reason import (
    AmongNewest,
    AttachedTo,
    Calendar,
    ChildOf,
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
from cleaner.model.verdict import Condemned, Kept
from cleaner.retention.words import safe, say, say_age, say_limit, say_verdict, short
from tests.retention.builders import NOW, span

AB, CD = Digest("sha256:" + "ab" * 32), Digest("sha256:" + "cd" * 32)

SAID: list[tuple[KeepReason | GoReason, str]] = [
    (KeptByRule(1, ("v1.4",), ("v*",), (Last(10),)), "one of the 10 newest with a tag v* (rule 1: v1.4)"),
    (KeptByRule(2, ("main",), ("main", "release-*"), ()), "always kept with a tag main or release-* (rule 2: main)"),
    (
        KeptByRule(3, ("sha-1", "sha-2"), ("sha-*",), (Last(50), Within(span("30d"), span("3d")))),
        "one of the 50 newest and 3 d old, younger than 30 d, with a tag sha-* (rule 3: sha-1, sha-2)",
    ),
    (
        KeptByRule(4, ("n-1",), ("n-*",), (Calendar(("daily 7", "weekly 4")),)),
        "the newest of its period (daily 7, weekly 4) with a tag n-* (rule 4: n-1)",
    ),
    (
        KeptByRule(5, ("1.2.3-slim",), ("re:(?P<version>.+)(?P<variant>-.+)",), (Semver(("1.2.3",)),), "-slim"),
        'among the highest versions (1.2.3) with a tag re:(?P<version>.+)(?P<variant>-.+) in the group "-slim" '
        "(rule 5: 1.2.3-slim)",
    ),
    (Unmatched(("demo", "beta")), "no rule selects its tags demo, beta"),
    (Young(span("3h"), span("24h")), "3 h old, younger than the grace of 1 d"),
    (NoTime(future=True), "its time is in the future"),
    (NoTime(future=False), "it has no readable time"),
    (ProtectedTag("hold-1", "hold-*"), "its tag hold-1 is protected by hold-*"),
    (ProtectedDigest(), "its digest is protected"),
    (InUse("app_platform", "app shop, service web"), "in use, says app_platform: app shop, service web"),
    (
        WasInUse("kubernetes prod", "prod/shop/deployment/web", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        "was in use until 2026-11-20 10:00 UTC, says kubernetes prod: prod/shop/deployment/web",
    ),
    (
        TagMovedOn("stable", "file images.txt", "line 3", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        "its tag stable pointed here until 2026-11-20 10:00 UTC; in use by that name, says file images.txt: line 3",
    ),
    (AmongNewest(2), "one of the 2 newest versions: so many stay at least (keep_at_least)"),
    (OrphanKept(None, None), "untagged, and the policy keeps what is untagged"),
    (OrphanKept(span("14d"), span("3d")), "untagged and 3 d old, the policy keeps what is untagged for 14 d"),
    (ChildOf(AB, ("v1.4",)), "child of sha256:abababababab, tag v1.4"),
    (ChildOf(AB, ()), "child of sha256:abababababab, untagged"),
    (AttachedTo(AB, ("v1.4", "v1")), "attached to sha256:abababababab, tags v1.4, v1"),
    (Undecided(), "undecided: it hangs on a ring of manifests, each of which waits for another's fate"),
    (
        NoRuleKeeps(("pr-17",), span("31d"), ((3, (Within(span("14d"), span("31d")),)),)),
        "no rule keeps it; its tag pr-17 is 31 d old, rule 3 keeps 14 d",
    ),
    (
        NoRuleKeeps(("a", "b"), span("31d"), ((1, (Last(10), Calendar(("daily 7",)))), (2, (Semver(()),)))),
        "no rule keeps it; its tags a, b are 31 d old, rule 1 keeps the 10 newest and the newest of each period "
        "(daily 7), rule 2 keeps versions X.Y.Z only",
    ),
    (
        NoRuleKeeps(("1.0.0",), span("31d"), ((1, (Semver(("1.0.0",)),)),)),
        "no rule keeps it; its tag 1.0.0 is 31 d old, rule 1 keeps higher versions than 1.0.0",
    ),
    (
        NoRuleKeeps(("a", "b"), span("3d"), ((1, (Within(span("14d"), span("31d")),)),)),
        "no rule keeps it; its tags a, b are 3 d old, rule 1 keeps 14 d (31 d old by the tags that it selects)",
    ),
    (NoRuleKeeps(("demo",), span("31d"), ()), "no rule keeps it; its tag demo is 31 d old, and no rule selects it"),
    (
        GoesWith((AB,), (CD,)),
        "child of sha256:abababababab and attached to sha256:cdcdcdcdcdcd, and nothing of that stays",
    ),
    (OrphanOld(span("15d"), span("14d")), "untagged and 15 d old, the policy keeps what is untagged for 14 d"),
    (OrphanLeftBehind((AB, CD)), "left behind by sha256:abababababab, sha256:cdcdcdcdcdcd, deleted earlier"),
]


@pytest.mark.parametrize(("reason", "words"), SAID, ids=[f"{type(reason).__name__}: {words}" for reason, words in SAID])
def test_every_reason_has_plain_words(reason: KeepReason | GoReason, words: str) -> None:
    """What a person reads for each reason."""
    assert say(reason) == words


def test_no_kind_of_reason_is_left_out_above() -> None:
    """The table speaks of every reason there is."""
    assert {type(reason) for reason, _ in SAID} == {*get_args(KeepReason), *get_args(GoReason)}


def test_a_verdict_says_what_follows_from_each_reason() -> None:
    """Each reason of a verdict stands in a line of its own, behind `kept` or `goes`."""
    manifest = Manifest("shop/api", AB, NOW, ("v1",))
    assert say_verdict(Kept(manifest, (ProtectedDigest(), AmongNewest(2)))) == (
        "kept: its digest is protected",
        "kept: one of the 2 newest versions: so many stay at least (keep_at_least)",
    )
    gone = NoRuleKeeps(("pr-17",), span("31d"), ((3, (Within(span("14d"), span("31d")),)),))
    assert say_verdict(Condemned(manifest, (gone,))) == (
        "goes: no rule keeps it; its tag pr-17 is 31 d old, rule 3 keeps 14 d",
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v1.2.3_é-ß/日本", "v1.2.3_é-ß/日本"),
        ("a b", "a b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r\t\x00\x7f", "a\\nb\\r\\t\\x00\\x7f"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("a\u2028b\u200f", "a\\u2028b\\u200f"),
        ("\ud800", "\\ud800"),
    ],
)
def test_text_from_outside_cannot_steer_a_terminal(text: str, shown: str) -> None:
    """Controls, terminal escapes, bidi marks and line ends are shown, not obeyed."""
    assert safe(text) == shown


@given(st.text())
def test_safe_text_is_printable_whatever_comes(text: str) -> None:
    """All that `safe` lets through is printable, and printable text is left as it is."""
    assert safe(text).isprintable()
    assert safe(text) == text or not text.isprintable()


@pytest.mark.parametrize(
    "reason",
    [
        Unmatched(("\x1b[2J",)),
        ProtectedTag("\x1b", "\u202e"),
        InUse("\x1b", "a\nb"),
        WasInUse("\x1b", "a\nb", NOW),
        TagMovedOn("\x1b", "\u202e", "a\nb", NOW),
    ],
)
def test_words_are_safe_to_print(reason: KeepReason) -> None:
    """What comes from outside is made safe in every sentence."""
    assert say(reason).isprintable()


@pytest.mark.parametrize(
    ("time", "age", "limit"),
    [
        (timedelta(0), "0 s", "0 d"),
        (timedelta(seconds=90), "90 s", "90 s"),
        (timedelta(minutes=15, seconds=59), "15 min", "959 s"),
        (timedelta(hours=24), "24 h", "1 d"),
        (timedelta(hours=36), "36 h", "36 h"),
        (timedelta(hours=47, minutes=59), "47 h", "2879 min"),
        (timedelta(weeks=8), "56 d", "56 d"),
    ],
)
def test_ages_are_rounded_down_and_limits_are_exact(time: timedelta, age: str, limit: str) -> None:
    """An age reads as a person says it; a limit reads as it was written."""
    assert say_age(time) == age
    assert say_limit(time) == limit


def test_a_digest_is_shortened_to_twelve_digits() -> None:
    """The algorithm stays, and 12 hexadecimal digits."""
    assert short(AB) == "sha256:abababababab"
