"""Where the file is looked for, and what it means: every default, and what overrides what (policy page)."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cleaner.config.load import find
from cleaner.config.settings import (
    CollectionSchedule,
    Family,
    GarbageCollection,
    LogLevel,
    OnTimeout,
    RateLimit,
    RegistrySettings,
)
from cleaner.errors import ConfigError, UsageError
from cleaner.model.plan import Mode
from cleaner.retention.patterns import compile_pattern
from cleaner.retention.policy import Limits, Period, Policy, Protections, Rule, SemverLimits
from tests.config.files import SMALLEST, problems, settings, with_rule

POLICY = 'policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]'


def _registry(folder: Path, *lines: str) -> RegistrySettings:
    return settings(folder, "\n".join([SMALLEST, *lines])).registries[0]


def _with(folder: Path, *lines: str) -> RegistrySettings:
    return settings(folder, "\n    ".join(["registries:\n  - name: acme", POLICY, *lines])).registries[0]


def test_the_file_that_a_flag_names_is_the_one() -> None:
    """Whatever the environment says, and whether or not it exists: loading says what is wrong with it."""
    assert find(Path("mine.yaml"), {"CLEANER_CONFIG": "theirs.yaml"}) == Path("mine.yaml")


def test_without_a_flag_the_environment_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any file that lies about; an empty variable names none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").touch()
    assert find(None, {"CLEANER_CONFIG": "theirs.yaml"}) == Path("theirs.yaml")
    assert find(None, {"CLEANER_CONFIG": ""}) == Path("config.yaml")


def test_where_there_is_none_every_place_tried_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable and both files; exit 2."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find(None, {})
    for place in ("CLEANER_CONFIG", "config.yaml", "/etc/registry-cleaner/config.yaml", "-c"):
        assert place in str(caught.value)


def test_a_file_that_says_the_least_has_every_default(tmp_path: Path) -> None:
    """The policy page's block of defaults, value by value."""
    loaded = settings(tmp_path, SMALLEST)
    registry = loaded.registries[0]
    every = (compile_pattern("*"),)
    assert loaded.state == "sqlite:////var/lib/registry-cleaner/state.db"
    assert (loaded.listen, loaded.warnings, loaded.path) == ("127.0.0.1:9095", (), tmp_path / "config.yaml")
    assert (loaded.log_level, loaded.admin, registry.heartbeat) == (LogLevel.INFO, None, None)
    assert registry.api.url == "https://api.digitalocean.com"
    assert registry.api.registry_url == "https://registry.digitalocean.com"
    assert registry.api.family is Family.AUTO
    assert registry.api.rate_limit == RateLimit(250, 5000, Fraction(1, 5))
    (policy,) = registry.policies
    assert policy == Policy(every, (Rule(1, every),), mode=Mode.PLAN, limits=Limits(), fingerprint=policy.fingerprint)
    assert policy.notice == timedelta(0)
    assert registry.protections == Protections(
        ZoneInfo("UTC"), timedelta(hours=24), (compile_pattern("latest"), compile_pattern("hold-*"))
    )
    assert registry.garbage_collection == GarbageCollection(
        CollectionSchedule.AFTER_CLEAN, None, 100 * 1024**2, timedelta(hours=2), OnTimeout.CANCEL, quiet=timedelta(0)
    )
    assert (registry.in_use, registry.remember, registry.notify) == ((), timedelta(days=30), ())
    assert (registry.deletions, registry.recheck) == (1000, timedelta(minutes=10))
    assert (registry.schedule, registry.timezone, registry.jitter) == (None, ZoneInfo("UTC"), timedelta(0))
    assert not registry.enforces


def test_a_rule_says_all_that_a_rule_can_say(tmp_path: Path) -> None:
    """Tags and exceptions, and each condition with its numbers."""
    text = (
        "{tags: ['re:(?P<line>.+)'], except: [x], last: 3, within: 30d, per: line,"
        " calendar: {daily: 7, yearly: 1}, semver: {majors: 2, patches: 4}}"
    )
    (rule,) = settings(tmp_path, with_rule(text)).registries[0].policies[0].keep
    assert rule == Rule(
        number=1,
        tags=(compile_pattern("re:(?P<line>.+)"),),
        except_tags=(compile_pattern("x"),),
        last=3,
        within=timedelta(days=30),
        calendar={Period.DAILY: 7, Period.YEARLY: 1},
        semver=SemverLimits(majors=2, patches=4),
        per="line",
    )


def test_the_policys_mode_goes_before_the_registrys_and_that_before_the_files(tmp_path: Path) -> None:
    """Policy over registry over file; a registry enforces if any of its policies does."""
    text = """mode: enforce
protect: {in_use: none}
registries:
  - name: one
    mode: plan
    policies: [{repositories: [a], keep: [{}]}, {repositories: [b], keep: [{}], mode: enforce}]
  - {name: two, policies: [{repositories: [a], keep: [{}]}]}
  - {name: three, mode: plan, policies: [{repositories: [a], keep: [{}]}]}
"""
    loaded = settings(tmp_path, text)
    modes = [[policy.mode.value for policy in registry.policies] for registry in loaded.registries]
    assert modes == [["plan", "enforce"], ["enforce"], ["plan"]]
    assert [registry.enforces for registry in loaded.registries] == [True, True, False]


def test_a_registrys_api_overrides_key_by_key(tmp_path: Path) -> None:
    """What it does not say, its rate limit's keys among them, is as at the top."""
    text = f"""registries:
  - name: acme
    {POLICY}
    api: {{token: {{env: OTHER}}, url: "http://127.0.0.1:1/", rate_limit: {{per_minute: 0}}}}
api: {{token: {{env: MAIN}}, registry_url: "https://r.example/", family: registry, rate_limit: {{reserve: 50%}}}}
"""
    api = settings(tmp_path, text).registries[0].api
    assert api.token.source == "the environment variable OTHER"
    assert (api.url, api.registry_url, api.family) == ("http://127.0.0.1:1", "https://r.example", Family.REGISTRY)
    assert api.rate_limit == RateLimit(0, 5000, Fraction(1, 2))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://api.example:8443/base",
        "http://127.0.0.1:80",
        "http://localhost",
        "http://[::1]:9",
    ],
)
def test_a_plane_is_asked_by_https_or_on_loopback(tmp_path: Path, url: str) -> None:
    """Law 11: the token leaves this machine encrypted only."""
    assert _registry(tmp_path, f"api: {{url: '{url}', registry_url: '{url}/'}}").api.registry_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "https://me@api.example",
        "https://api.example?x=1",
        "https://api.example#x",
        "https://a b",
        "https://a:99999",
        "https://[::1",
        "api.example",
        "",
    ],
)
def test_any_other_url_is_refused(tmp_path: Path, url: str) -> None:
    """Plain http elsewhere, a user, a query, a port that is none."""
    (found,) = problems(tmp_path, f"{SMALLEST}\napi: {{url: '{url}'}}")
    assert found.startswith("2:12: expected an https URL, or http on loopback (write scheme, host and port")


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "state.db"])
def test_the_state_is_a_sqlite_file(tmp_path: Path, url: str) -> None:
    """No other database for now, and none that is gone with the process."""
    (found,) = problems(tmp_path, f"{SMALLEST}\nstate: '{url}'")
    assert found.startswith("2:8: expected a SQLite URL with a file")


def test_a_policys_limits_replace_those_above_key_by_key(tmp_path: Path) -> None:
    """Its `deletions` is a cap of its own, besides the registry's, which stays."""
    text = f"""{with_rule("{}")}        limits: {{deletions: 5, share: 0%}}
      - {{repositories: [no-limits], keep: [{{}}]}}
limits: {{deletions: 70, keep_at_least: 9}}
""".replace('"*"', "a")
    registry = settings(tmp_path, text).registries[0]
    assert registry.deletions == 70
    assert [policy.limits for policy in registry.policies] == [
        Limits(share=Fraction(0), keep_at_least=9, deletions=5),
        Limits(share=Fraction(1, 2), keep_at_least=9, deletions=None),
    ]


def test_untagged_and_unmatched_may_let_go(tmp_path: Path) -> None:
    """`{within: D}` for orphans, `delete` for versions that no rule selects; both keep unless asked."""
    text = with_rule("{}") + "        untagged: {within: 14d}\n        unmatched: delete\n"
    (policy,) = settings(tmp_path, text).registries[0].policies
    assert (policy.untagged_within, policy.delete_unmatched) == (timedelta(days=14), True)
    text = with_rule("{}") + "        untagged: keep\n        unmatched: keep\n"
    (policy,) = settings(tmp_path, text).registries[0].policies
    assert (policy.untagged_within, policy.delete_unmatched) == (None, False)


def test_the_time_zone_is_the_registrys(tmp_path: Path) -> None:
    """For its schedule and for its calendars."""
    registry = _with(tmp_path, "timezone: Europe/Berlin", "jitter: 5m", "schedule: 30 2 * * *")
    assert registry.timezone == registry.protections.zone == ZoneInfo("Europe/Berlin")
    assert (registry.jitter, registry.schedule) == (timedelta(minutes=5), "30 2 * * *")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0 2 * * 0", "0 2 * * sun"),
        ("0 2 * * 7", "0 2 * * sun"),
        ("0 2 * * 1-5", "0 2 * * mon,tue,wed,thu,fri"),
        ("0 2 * * 5-7", "0 2 * * fri,sat,sun"),
        ("0 2 * * 1,3", "0 2 * * mon,wed"),
        ("0 2 * * 0-6/3", "0 2 * * sun,wed,sat"),
        ("0 2 * * */2", "0 2 * * sun,tue,thu,sat"),
        ("0 2 * * MON-fri", "0 2 * * MON-fri"),
        ("  */5  1-3 1,15 jan-mar  * ", "*/5 1-3 1,15 jan-mar *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_a_cron_lines_weekdays_are_those_of_cron(tmp_path: Path, written: str, meant: str) -> None:
    """0 and 7 are Sunday in a cron line; the scheduler's 0 is Monday, so days are handed on by name."""
    assert _with(tmp_path, f"schedule: '{written}'").schedule == meant
    collection = _with(tmp_path, f"garbage_collection: {{schedule: '{written}'}}").garbage_collection
    assert (collection.schedule, collection.cron) == (CollectionSchedule.CRON, meant)


@pytest.mark.parametrize(
    "line", ["0 2 * *", "0 2 * * * *", "0 2 * * 8", "0 2 * * 5-1", "@daily", "0 24 * * *", "0 2 31 2 *", ""]
)
def test_any_other_cron_line_is_refused(tmp_path: Path, line: str) -> None:
    """Too few fields or too many, numbers out of range, a day that is in no year."""
    with pytest.raises(ConfigError, match="expected a cron line"):
        _with(tmp_path, f"schedule: '{line}'")


@pytest.mark.parametrize("schedule", ["after-clean", "before-clean", "never"])
def test_a_collection_is_scheduled_by_a_word(tmp_path: Path, schedule: str) -> None:
    """After or before a cleaning, or never."""
    text = (
        f"garbage_collection: {{schedule: {schedule}, min_freed: 1.5GiB, timeout: 30m, on_timeout: leave, quiet: 5m}}"
    )
    assert _with(tmp_path, text).garbage_collection == GarbageCollection(
        CollectionSchedule(schedule), None, 1536 * 1024**2, timedelta(minutes=30), OnTimeout.LEAVE, timedelta(minutes=5)
    )


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_log_has_a_level(tmp_path: Path, level: str) -> None:
    """One of four words."""
    assert settings(tmp_path, f"{SMALLEST}\nlog: {{level: {level}}}").log_level is LogLevel(level)


def test_a_registry_needs_no_schedule(tmp_path: Path) -> None:
    """Nor does any other of the file: a timer of one's own may call apply, and there is nothing to warn of."""
    assert settings(tmp_path, SMALLEST).warnings == ()
    assert _with(tmp_path, "garbage_collection: {schedule: 0 4 * * *}").schedule is None


def test_protections_are_those_of_the_file(tmp_path: Path) -> None:
    """Tags replace the default; digests are named whole."""
    digest = f"sha256:{'a' * 64}"
    protections = _registry(tmp_path, f"protect: {{tags: [], digests: ['{digest}']}}", "grace: 0s").protections
    assert protections == Protections(ZoneInfo("UTC"), timedelta(0), (), frozenset({digest}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "place"),
    [("state.db", "{folder}/state.db"), ("kept/state.db", "{folder}/kept/state.db"), ("/var/s.db", "/var/s.db")],
)
def test_a_relative_state_starts_at_the_configurations_folder(tmp_path: Path, state: str, place: str) -> None:
    """Wherever a command is started: two ledgers for one registry would know nothing of each other."""
    loaded = settings(tmp_path, f"{SMALLEST}\nstate: sqlite:///{state}")
    assert loaded.state == "sqlite:///" + place.format(folder=tmp_path)
