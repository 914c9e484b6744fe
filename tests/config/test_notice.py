"""How long before its deletion a manifest is announced, and under which policy that counts (policy page, "Notice")."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.retention.policy import Policy
from tests.config.files import settings

TEXT = """\
grace: 24h
notice: 24h
protect: {tags: [latest, "hold-*"], digests: [], in_use: none}
limits: {keep_at_least: 2}
registries:
  - name: acme
    timezone: Europe/Berlin
    policies:
      - repositories: ["shop/*", api]
        untagged: {within: 14d}
        unmatched: keep
        keep:
          - {tags: [main, "v*"], except: [v1, v2], last: 5, within: 30d}
          - {tags: ["n-*"], calendar: {daily: 7, weekly: 4}}
          - {tags: ['re:(?P<line>.)(?P<version>.*)', 're:(?P<version>.*)(?P<line>.)'], semver: {majors: 2}, per: line}
"""


def policy(folder: Path, old: str, new: str) -> Policy:
    """The policy, with one passage of the text replaced."""
    assert TEXT.count(old) == 1
    return settings(folder, TEXT.replace(old, new)).registries[0].policies[0]


def fingerprint(folder: Path, old: str, new: str) -> str:
    """The policy's fingerprint, with one passage of the text replaced."""
    return policy(folder, old, new).fingerprint


def test_a_policy_may_say_its_own_notice(tmp_path: Path) -> None:
    """Longer, shorter, or none; one that says nothing has the notice of the file."""
    others = "unmatched: keep\n        notice: {}"
    assert policy(tmp_path, "unmatched: keep", "unmatched: keep").notice == timedelta(hours=24)
    assert policy(tmp_path, "unmatched: keep", others.format("3d")).notice == timedelta(days=3)
    assert policy(tmp_path, "unmatched: keep", others.format("0s")).notice == timedelta(0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("grace: 24h", "grace: 23h"),
        ('"hold-*"', '"hold*"'),
        ("[latest, ", "["),
        ("digests: []", f"digests: ['sha256:{'a' * 64}']"),
        ("limits: {keep_at_least: 2}", "limits: {keep_at_least: 3}"),
        ("unmatched: keep", "unmatched: keep\n        limits: {keep_at_least: 1}"),
        ("Europe/Berlin", "Europe/Paris"),
        ("    timezone: Europe/Berlin\n", ""),
        ('"shop/*", api', '"shop/*"'),
        ('"shop/*", api', '"shop/*", api, web'),
        ("{within: 14d}", "{within: 15d}"),
        ("{within: 14d}", "keep"),
        ("unmatched: keep", "unmatched: delete"),
        ('main, "v*"', '"v*"'),
        ("except: [v1, v2]", "except: [v1]"),
        ("last: 5", "last: 6"),
        ("last: 5, ", ""),
        ("within: 30d", "within: 31d"),
        ("daily: 7", "daily: 8"),
        ("daily: 7", "monthly: 7"),
        ("majors: 2", "minors: 2"),
        ("majors: 2", "majors: 3"),
        ("per: line", "per: version"),
        (", per: line", ""),
        ("'re:(?P<line>.)(?P<version>.*)', 're:(?P<version>.*)(?P<line>.)'", "'re:(?P<line>.)(?P<version>.*)'"),
        (
            "'re:(?P<line>.)(?P<version>.*)', 're:(?P<version>.*)(?P<line>.)'",
            "'re:(?P<version>.*)(?P<line>.)', 're:(?P<line>.)(?P<version>.*)'",
        ),
        ('          - {tags: ["n-*"], calendar: {daily: 7, weekly: 4}}\n', ""),
        ("        keep:", "        keep:\n          - {tags: [stable]}"),
    ],
)
def test_another_policy_has_another_fingerprint(tmp_path: Path, old: str, new: str) -> None:
    """What may condemn another manifest, however slightly edited, has to be announced anew."""
    assert fingerprint(tmp_path, old, new) != fingerprint(tmp_path, "grace", "grace")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("grace: 24h", "grace: 1d # a day"),
        ("within: 14d", "within: 2w"),
        ("notice: 24h", "notice: 7d"),
        ("grace: 24h", "grace: 24h\nmode: enforce"),
        ("unmatched: keep", "mode: enforce"),
        ("unmatched: keep", "notice: 3d"),
        ("        untagged: {within: 14d}\n        unmatched: keep\n", "        untagged: {within: 14d}\n"),
        ("unmatched: keep", "limits: {share: 1%, deletions: 5}"),
        ("unmatched: keep", "limits: {keep_at_least: 2}"),
        ("{keep_at_least: 2}", "{keep_at_least: 2, share: 10%, deletions: 7}"),
        ("limits: {keep_at_least: 2}\n", ""),
        ('protect: {tags: [latest, "hold-*"], digests: [], in_use: none}', "protect: {in_use: none}"),
        ('tags: [latest, "hold-*"]', 'tags: ["hold-*", latest]'),
        ("in_use: none", "in_use: [{file: images.txt}], remember: 1d"),
        ('["shop/*", api]', "[api, 'shop/*']"),
        ("except: [v1, v2]", "except: [v2, v1, v2]"),
        ("{daily: 7, weekly: 4}", "{weekly: 4, daily: 7}"),
        ("last: 5, within: 30d", "within: 30d, last: 5"),
        ("name: acme", "name: acme\n    schedule: 30 2 * * *"),
        (
            '          - {tags: ["n-*"], calendar: {daily: 7, weekly: 4}}\n',
            '          # nightly\n          - tags: ["n-*"]\n            calendar: {daily: 7, weekly: 4}\n',
        ),
        (
            "        keep:\n",
            "        keep: &rules\n",
        ),
    ],
)
def test_the_same_policy_in_other_words_has_the_same_fingerprint(tmp_path: Path, old: str, new: str) -> None:
    """Neither its mode and its notice nor what only slows deletions down, nor spelling, order or comments."""
    assert fingerprint(tmp_path, old, new) == fingerprint(tmp_path, "grace", "grace")


def test_the_order_of_rules_decides_nothing(tmp_path: Path) -> None:
    """They are joined by OR, so a rule may move; where the first of several patterns speaks, patterns may not."""
    lines = TEXT.splitlines(keepends=True)
    moved = "".join([*lines[:-3], lines[-1], lines[-3], lines[-2]])
    (registry,) = settings(tmp_path, moved).registries
    assert [rule.last for rule in registry.policies[0].keep] == [None, 5, None]
    assert registry.policies[0].fingerprint == fingerprint(tmp_path, "grace", "grace")


def test_the_fingerprint_is_a_sha256(tmp_path: Path) -> None:
    """In hexadecimal, as the ledger writes it down."""
    text = fingerprint(tmp_path, "grace", "grace")
    assert len(bytes.fromhex(text)) == 32
