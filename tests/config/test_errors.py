"""Errors at load (policy page, "Errors and warnings at load"): all at once, each at its place, in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import SMALLEST, problems, with_rule

COUNT = "expected a whole number, at least 1"
CRON = "expected a cron line of five fields such as '30 2 * * *'"
DURATION = "expected a duration such as 90s, 15m, 36h, 14d or 8w"
ENTRY = "expected at least one entry, got an empty list"
LISTEN = "expected an address and a port such as 127.0.0.1:9095"
NAME = "expected a registry's name: 1 to 63 lower-case letters, digits and hyphens"
PATTERN = "expected a pattern: a glob, or re: and a regular expression of RE2"
LABEL = "expected a name of at most 253 printable characters"
MAPPING = "expected a mapping such as"
ONE_SOURCE = "expected exactly one of app_platform, kubernetes, file"
PATH = "expected the path of a file"
SHARE = "expected a share from 0% to 100%, such as 20%"
SOURCES = "expected none, or a list of sources such as [{app_platform: {}}]"
SOURCE = "expected a mapping such as {app_platform: {}}, {kubernetes: {}} or {file: images.txt}"
STRING = "expected a pattern as a string"
URLS = (
    "expected the name of the variable or of the file that holds each URL "
    "(write notify: [{env: NOTIFY_URL}] or notify: [{file: /run/secrets/notify-url}], never inline)"
)
ZONE = "expected a time zone such as UTC or Europe/Berlin"
YOUNG = "is shorter than grace (1d), which keeps more already"

AT_THE_TOP = [
    ("graze: 24h", "2:1: unknown key 'graze' (did you mean 'grace'?)"),
    ("purge: 1", "2:1: unknown key 'purge' (known here: admin, api, grace, limits, listen, log, mode, "),
    ("mode: off", "2:7: expected 'plan' or 'enforce', got off"),
    ("mode:", "2:6: expected 'plan' or 'enforce', got nothing"),
    ("grace: 24", f"2:8: {DURATION}, got 24"),
    ("grace: 999999d", "2:8: expected a duration of at most 100 years, got '999999d'"),
    ("recheck: 0s", "2:10: expected a duration above zero, got '0s'"),
    ("listen: 9095", f"2:9: {LISTEN}, got 9095"),
    ("log: debug", "2:6: expected a mapping, got 'debug'"),
    ("log: {level: verbose}", "2:14: expected 'debug', 'info', 'warning' or 'error', got 'verbose'"),
    ("log: {lvl: info}", "2:7: unknown key 'lvl' (did you mean 'level'?)"),
    ("admin: {}", "2:8: the key 'token' is missing (it has no default)"),
    ("listen: localhost:99999", f"2:9: {LISTEN}, got 'localhost:99999'"),
    ("limits: {deletions: 0}", f"2:21: {COUNT}, got 0"),
    ("limits: {deletions: 010}", f"2:21: {COUNT}, got 010"),
    ("limits: {deletions: 1_000}", f"2:21: {COUNT}, got 1_000"),
    ("limits: {deletions: 1.5}", f"2:21: {COUNT}, got 1.5"),
    ("limits: {deletions: '5'}", f"2:21: {COUNT}, got '5'"),
    ("limits: {keep_at_least: 0}", f"2:25: {COUNT}, got 0"),
    ("limits: {share: 0.5}", f"2:17: {SHARE}, got 0.5"),
    ("limits: {share: 101%}", f"2:17: {SHARE}, got '101%'"),
    ("limits: []", "2:9: expected a mapping, got an empty list"),
    ("protect: {tags: latest}", "2:17: expected a list, got 'latest' (write a list: ['latest'])"),
    ("protect: {tags: [1.10]}", f'2:18: {STRING}, got 1.10 (quote it: "1.10")'),
    ("protect: {digests: [abc]}", "2:21: expected a digest: sha256: and 64 lower-case hexadecimal digits, got 'abc'"),
    ("protect: {in_use: }", f"2:19: {SOURCES}, got nothing"),
    ("protect: {in_use: []}", f"2:19: {SOURCES}, got an empty list"),
    ("protect: {in_use: nothing}", f"2:19: {SOURCES}, got 'nothing'"),
    ("protect: {in_use: [kubernetes]}", f"2:20: {SOURCE}, got 'kubernetes'"),
    ("protect: {in_use: [{docker: {}}]}", "2:21: unknown key 'docker' (known here: app_platform, file, kubernetes, r"),
    ("protect: {in_use: {file: a}}", f"2:19: {SOURCES}, got a mapping"),
    ("protect: {in_use: [{}]}", f"2:20: {ONE_SOURCE}, got a mapping"),
    ("protect: {in_use: [{repositories: [a]}]}", f"2:20: {ONE_SOURCE}"),
    ("protect: {in_use: [{file: a, kubernetes: {}}]}", f"2:20: {ONE_SOURCE}, got a mapping (give each source an entry"),
    ("protect: {in_use: [{file: a, repositories: []}]}", f"2:44: {ENTRY}"),
    ("protect: {in_use: [{file: a, repositories: a}]}", "2:44: expected a list, got 'a' (write a list: ['a'])"),
    ("protect: {in_use: [{file: a, repositories: [1]}]}", f'2:45: {STRING}, got 1 (quote it: "1")'),
    ("protect: {in_use: [{file: [a]}]}", f"2:27: {PATH}, got a list"),
    ("protect: {in_use: [{file: ''}]}", f"2:27: {PATH}, got ''"),
    ("protect: {in_use: [{app_platform: }]}", f"2:35: {MAPPING} {{}} or {{deployments: 5}}, got nothing"),
    ("protect: {in_use: [{app_platform: 5}]}", f"2:35: {MAPPING} {{}} or {{deployments: 5}}, got 5"),
    ("protect: {in_use: [{app_platform: {deployments: -1}}]}", "2:49: expected a whole number, at least 0, got -1"),
    ("protect: {in_use: [{app_platform: {deploys: 1}}]}", "2:36: unknown key 'deploys' (did you mean 'deployments'?)"),
    ("protect: {in_use: [{kubernetes: prod}]}", f"2:33: {MAPPING} {{}} or {{kubeconfig: kube.yaml}}, got 'prod'"),
    ("protect: {in_use: [{kubernetes: {name: a}}]}", "2:34: unknown key 'name' (known here: cluster, context, kub"),
    ("protect: {in_use: [{kubernetes: {cluster: 1}}]}", f'2:43: {LABEL}, got 1 (quote it: "1")'),
    ("protect: {in_use: [{kubernetes: {cluster: ''}}]}", f"2:43: {LABEL}, got ''"),
    ("protect: {in_use: [{kubernetes: {cluster: ' a'}}]}", f"2:43: {LABEL}, got ' a'"),
    (r'protect: {in_use: [{kubernetes: {cluster: "a\nb"}}]}', rf"2:43: {LABEL}, got 'a\nb'"),
    (f"protect: {{in_use: [{{kubernetes: {{cluster: {'a' * 254}}}}}]}}", f"2:43: {LABEL}, got 'aaa"),
    ("protect: {in_use: [{kubernetes: {kubeconfig: 5}}]}", f'2:46: {PATH} (quote it: "5")'),
    ("protect: {in_use: [{kubernetes: {kubeconfig: {}}}]}", f"2:46: {PATH}"),
    (r'protect: {in_use: [{kubernetes: {kubeconfig: "s\nt"}}]}', f"2:46: {PATH}"),
    (
        "protect: {in_use: [{kubernetes: {context: a}}]}",
        "2:33: expected a kubeconfig beside the context, got a mapping",
    ),
    ("protect: {remember: 30}", f"2:21: {DURATION}, got 30"),
    ("notice: 24", f"2:9: {DURATION}, got 24"),
    ("notice: none", f"2:9: {DURATION}, got 'none'"),
    ("notify:", f"2:8: {URLS}"),
    ("notify: {env: NOTIFY_URL}", f"2:9: {URLS}"),
    ("notify: [https://token@chat.example]", f"2:10: {URLS}"),
    ("notify: [{}]", f"2:10: {URLS}"),
    ("notify: [{env: A, file: b}]", f"2:10: {URLS}"),
    ("notify: [{url: 'https://token@chat.example'}]", f"2:11: {URLS}"),
    ("api: {rate_limit: {per_minute: -1}}", "2:32: expected a whole number, at least 0, got -1"),
    ("api: {rate_limit: {reserve: 100%}}", "2:29: expected a share below 100%, got '100%' (with all of it reserved"),
    ("api: {family: both}", "2:15: expected 'auto', 'registries' or 'registry', got 'both'"),
]

IN_A_REGISTRY = [
    ("schedule: daily", f"3:15: {CRON}, got 'daily'"),
    ("schedule: 61 2 * * *", f"3:15: {CRON}, got '61 2 * * *'"),
    ("schedule: 1", f"3:15: {CRON}, got 1"),
    ("schedule: 0 0 30 2 *", "3:15: expected a cron line that fires at some time, got '0 0 30 2 *'"),
    ("timezone: Mars/Olympus", f"3:15: {ZONE}, got 'Mars/Olympus'"),
    ("timezone: ../UTC", f"3:15: {ZONE}, got '../UTC'"),
    ("timezone: Europe", f"3:15: {ZONE}, got 'Europe'"),
    ("jitter: 5", f"3:13: {DURATION}, got 5"),
    ("grace: 24h", "3:5: unknown key 'grace' (known here: api, garbage_collection, heartbeat, jitter, "),
    ("garbage_collection: {schedule: hourly}", "3:36: expected after-clean, before-clean, never or a cron line"),
    ("garbage_collection: {min_freed: 100}", "3:37: expected a size such as 0B, 500MB or 20GiB, got 100"),
    ("garbage_collection: {timeout: 0h}", "3:35: expected a duration above zero, got '0h'"),
    ("garbage_collection: {quiet: 5}", f"3:33: {DURATION}, got 5"),
    ("heartbeat: {}", "3:16: the key 'url' is missing (it has no default)"),
    ("garbage_collection: {on_timeout: kill}", "3:38: expected 'cancel' or 'leave', got 'kill'"),
]

REGISTRIES = [
    ("[]", f"1:13: {ENTRY}"),
    ("{name: acme}", "1:13: expected a list, got a mapping"),
    ("[{policies: [{repositories: [a], keep: [{}]}]}]", "1:14: the key 'name' is missing (it has no default)"),
    ("[{name: Acme, policies: [{repositories: [a], keep: [{}]}]}]", f"1:21: {NAME}, got 'Acme'"),
    ("[{name: 1.10, policies: [{repositories: [a], keep: [{}]}]}]", f'1:21: {NAME}, got 1.10 (quote it: "1.10")'),
    ("[{name: acme}]", "1:14: the key 'policies' is missing"),
    ("[{name: acme, policies: []}]", f"1:37: {ENTRY}"),
    ("[{name: acme, policies: [{keep: [{}]}]}]", "1:38: the key 'repositories' is missing"),
    ("[{name: acme, policies: [{repositories: [], keep: [{}]}]}]", f"1:53: {ENTRY}"),
    ("[{name: acme, policies: [{repositories: [no], keep: [{}]}]}]", f'1:54: {STRING}, got no (quote it: "no")'),
    ("[{name: acme, policies: [{repositories: [a]}]}]", "1:38: the key 'keep' is missing"),
    ("[{name: acme, policies: [{repositories: [a], keep: []}]}]", f"1:64: {ENTRY}"),
]

IN_A_POLICY = [
    ("untagged: delete", "6:19: expected keep or {within: 14d}, got 'delete'"),
    ("untagged: {}", "6:19: the key 'within' is missing"),
    ("untagged: {within: 2d, x: 1}", "6:32: unknown key 'x' (known here: within)"),
    ("untagged: {within: 6m}", f"6:28: within: 6m {YOUNG} (6m is 6 minutes, not months: six months are 26w)"),
    ("unmatched: yes", "6:20: expected 'keep' or 'delete', got yes"),
    ("limits: {share: 5}", f"6:25: {SHARE}, got 5"),
    ("limits: {deletions: 0}", f"6:29: {COUNT}, got 0"),
    ("notice: 7", f"6:17: {DURATION}, got 7"),
    ("notice:", f"6:16: {DURATION}, got nothing"),
]

IN_A_RULE = [
    ("", f"5:15: {ENTRY}"),
    ("~", "5:16: expected a mapping, got ~"),
    ("{tags: []}", f"5:23: {ENTRY}"),
    ("{tags: v*}", "5:23: expected a list, got 'v*' (write a list: ['v*'])"),
    ("{tags: ['']}", f"5:24: {PATTERN}, got '' (the pattern is empty)"),
    ("{tags: ['re:']}", f"5:24: {PATTERN}, got 're:' (the pattern is empty)"),
    ("{tags: ['[a']}", f"5:24: {PATTERN}, got '[a' (a class that is opened"),
    (r"{tags: ['re:(a)\1']}", rf"5:24: {PATTERN}, got 're:(a)\1'"),
    ("{tags: ['re:(?=a)']}", f"5:24: {PATTERN}, got 're:(?=a)'"),
    (f"{{tags: [{'a' * 1001}]}}", f"5:24: expected a pattern of at most 1,000 characters, got '{'a' * 60}…'"),
    ("{tags: [[a]]}", f"5:24: {STRING}, got a list"),
    ("{tags: [1.10]}", f'5:24: {STRING}, got 1.10 (quote it: "1.10")'),
    ("{tags: [no]}", f'5:24: {STRING}, got no (quote it: "no")'),
    ("{tags: [1:30]}", f'5:24: {STRING}, got 1:30 (quote it: "1:30")'),
    ("{tags: [010]}", f'5:24: {STRING}, got 010 (quote it: "010")'),
    ("{tags: [22]}", f'5:24: {STRING}, got 22 (quote it: "22")'),
    ("{tags: [2026-11-24]}", f'5:24: {STRING}, got 2026-11-24 (quote it: "2026-11-24")'),
    ("{tags: [null]}", f'5:24: {STRING}, got null (quote it: "null")'),
    ("{except: [1.10]}", f'5:26: {STRING}, got 1.10 (quote it: "1.10")'),
    ("{per: 1}", '5:22: expected the name of a group that the patterns capture, got 1 (quote it: "1")'),
    ("{last: 0}", f"5:23: {COUNT}, got 0"),
    ("{last: many}", f"5:23: {COUNT}, got 'many'"),
    ("{calendar: {}}", "5:27: expected at least one of hourly, daily, weekly, monthly, yearly, got a mapping"),
    ("{calendar: {daily: 0}}", f"5:35: {COUNT}, got 0"),
    ("{calendar: {dayly: 7}}", "5:28: unknown key 'dayly' (did you mean 'daily'?)"),
    ("{semver: {}}", "5:25: expected at least one of majors, minors, patches, got a mapping (an empty condition"),
    ("{semver: {minors: 0}}", f"5:34: {COUNT}, got 0"),
    ("{within: 0d}", "5:25: expected a duration above zero, got '0d'"),
    ("{within: 37000d}", "5:25: expected a duration of at most 100 years, got '37000d'"),
    ("{within: 6m}", f"5:25: within: 6m {YOUNG} (6m is 6 minutes, not months: six months are 26w)"),
    ("{within: 23h}", f"5:25: within: 23h {YOUNG} (write at least 1d, or shorten grace)"),
    ("{tags: ['re:(?P<a>x)', 're:(?P<b>x)'], per: a}", "5:39: the pattern 're:(?P<b>x)' has no group 'a'"),
    ("{tags: [v*], per: line}", "5:24: the pattern 'v*' has no group 'line', by which per divides (capture it: "),
    ("{per: line}", "5:22: per: line needs patterns that capture this group, and this rule has no tags"),
]


@pytest.mark.parametrize(("line", "problem"), AT_THE_TOP)
def test_a_wrong_value_at_the_top_is_named(tmp_path: Path, line: str, problem: str) -> None:
    """Where it is, what was expected, what is there, and a hint."""
    (found,) = problems(tmp_path, f"{SMALLEST}\n{line}\n")
    assert found.startswith(problem)


@pytest.mark.parametrize(("entries", "problem"), REGISTRIES)
def test_what_a_registry_lacks_is_named(tmp_path: Path, entries: str, problem: str) -> None:
    """A file has registries, they have names and policies, these have patterns and rules."""
    (found,) = problems(tmp_path, f"registries: {entries}")
    assert found.startswith(problem)


@pytest.mark.parametrize(("entry", "problem"), IN_A_REGISTRY)
def test_a_wrong_value_in_a_registry_is_named(tmp_path: Path, entry: str, problem: str) -> None:
    """Where it is, what was expected, what is there, and a hint."""
    text = f"registries:\n  - name: acme\n    {entry}\n    policies: [{{repositories: [a], keep: [{{}}]}}]"
    (found,) = problems(tmp_path, text)
    assert found.startswith(problem)


@pytest.mark.parametrize(("entry", "problem"), IN_A_POLICY)
def test_a_wrong_value_in_a_policy_is_named(tmp_path: Path, entry: str, problem: str) -> None:
    """Where it is, what was expected, what is there, and a hint."""
    (found,) = problems(tmp_path, with_rule("{last: 1}") + f"        {entry}")
    assert found.startswith(problem)


@pytest.mark.parametrize(("rule", "problem"), IN_A_RULE)
def test_a_wrong_value_in_a_rule_is_named(tmp_path: Path, rule: str, problem: str) -> None:
    """Where it is, what was expected, what is there, and a hint."""
    (found,) = problems(tmp_path, with_rule(rule))
    assert found.startswith(problem)


def test_the_rules_of_a_policy_hold_a_bounded_number_of_patterns(tmp_path: Path) -> None:
    """Each tag is held against each pattern: 2,000 in one policy are enough for anybody."""
    tags = ", ".join(f'"t{number}"' for number in range(1_500))
    text = SMALLEST.replace('keep: [{tags: ["*"]}]', f"keep: [{{tags: [{tags}]}}, {{tags: [{tags}], last: 1}}]")
    assert text != SMALLEST
    [problem] = problems(tmp_path, text)
    assert "the rules of this policy hold 3,000 patterns, more than 2,000" in problem
