"""The logbook: a line for each decision that matters, with its registry and its run; no secret in any."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.cleaning.orders import Mandate
from cleaner.cleaning.run import both
from cleaner.config.settings import LogLevel
from cleaner.daemon.logbook import Logbook
from cleaner.model.event import (
    Breaker,
    BreakerTripped,
    CollectionEnded,
    CollectionPolled,
    CollectionStarted,
    ConfigurationReloaded,
    DeletionFailed,
    DeletionSkipped,
    Event,
    HeldBackLate,
    ManifestDeleted,
    Planned,
    RegistryWatched,
    RequestEnded,
    RunBegan,
    RunNotBegun,
    RunScheduled,
    Warned,
)
from cleaner.model.plan import Freed, HeldBack, HoldReason
from cleaner.model.report import Report
from cleaner.model.run import RunKind, Schedule
from cleaner.model.safeguard import (
    Audited,
    CollectionWithheld,
    ManifestRestored,
    RestoreFailed,
    SourceFailed,
    SourceRead,
)
from tests.daemon.events import DIGEST, FINDINGS, GONE, MOMENT, SECOND, collection, deletion, ended, everything, plan
from tests.daemon.logged import Line, lines, logging_to
from tests.house import START, TOKEN, Before, House
from tests.shelves import LAYER_BYTES, Shelf, house, policy, registry

ORPHAN = "untagged and 20 d old, the policy keeps what is untagged for 14 d"
MANIFEST = {"repository": "shop", "digest": DIGEST, "tags": ["v1"], "reasons": [ORPHAN]}
NAMED = {"repository": "shop", "digest": DIGEST, "tags": ["v1"]}
HELD = HeldBack("shop", HoldReason.LISTING, "a page failed", 2)
FRAME = ("timestamp", "registry")


def written(*events: Event, level: LogLevel = LogLevel.INFO) -> list[Line]:
    """The lines that a fresh logbook writes of these events."""
    book = Logbook()
    with logging_to(io.StringIO(), level) as log:
        for event in events:
            book.hear(event)
    return lines(log)


EACH: Sequence[tuple[Event, Mapping[str, object]]] = (
    (RunNotBegun("acme", RunKind.CLEAN, "it is held"), {"level": "error", "event": "run not begun", "kind": "clean"}),
    (
        RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, MOMENT, timedelta(days=1)),
        {"event": "next run due", "kind": "clean", "schedule": "schedule", "due": "2026-11-24T12:00:00Z"},
    ),
    (RunScheduled("acme", Schedule.CLEANING, RunKind.CLEAN, None, None), {"event": "no longer scheduled"}),
    (Planned(plan(), START), {"event": "forecast made", "manifests": 10, "kept": 4, "condemned": 3, "held_back": 3}),
    (ManifestDeleted("acme", deletion()), {"level": "info", "event": "manifest deleted", **MANIFEST}),
    (
        DeletionFailed("acme", deletion(), "the provider answered 500"),
        {"level": "error", "event": "deletion failed", **MANIFEST, "error": "the provider answered 500"},
    ),
    (
        DeletionSkipped("acme", deletion(), "already gone"),
        {"level": "info", "event": "deletion skipped", **MANIFEST, "skipped_because": "already gone"},
    ),
    (
        HeldBackLate("acme", HELD),
        {"level": "warning", "event": "deletions held back", "reason": "listing", "detail": "a page failed"},
    ),
    (
        BreakerTripped("acme", Breaker.FAILURES, "5 in a row"),
        {"level": "error", "event": "breaker tripped", "breaker": "failures", "detail": "5 in a row"},
    ),
    (Warned("acme", "mind this"), {"level": "warning", "event": "warning", "detail": "mind this"}),
    (
        CollectionStarted("acme", collection("requested"), adopted=False),
        {"event": "garbage collection started", "collection": "one", "status": "requested"},
    ),
    (CollectionStarted("acme", collection("requested"), adopted=True), {"event": "garbage collection adopted"}),
    (
        CollectionEnded("acme", collection("succeeded", freed=700), adopted=False, predicted=Freed(900, 4)),
        {"level": "info", "event": "garbage collection ended", "freed_bytes": 700, "predicted_freed_bytes": 900},
    ),
    (
        CollectionEnded("acme", collection("failed"), adopted=False, predicted=None),
        {"level": "warning", "event": "garbage collection ended", "status": "failed"},
    ),
    (SourceFailed("acme", "kubernetes prod", "HTTP 403"), {"level": "error", "event": "in-use source not readable"}),
    (
        ManifestRestored("acme", GONE, "an index lists it"),
        {"level": "warning", "event": "manifest brought back", **NAMED, "because": "an index lists it"},
    ),
    (
        RestoreFailed("acme", GONE, "its blobs are gone"),
        {"level": "error", "event": "manifest not brought back", **NAMED, "error": "its blobs are gone"},
    ),
    (
        CollectionWithheld("acme", "shop is needed"),
        {"level": "error", "event": "garbage collection withheld", "detail": "shop is needed"},
    ),
    (Audited("acme", ()), {"level": "info", "event": "registry audited", "findings": 0, "first": None}),
    (
        Audited("acme", FINDINGS[:2]),
        {
            "level": "warning",
            "findings": 2,
            "broken_tag": 1,
            "missing_image": 1,
            "first": [
                "shop:v1: a child is not there",
                "shop:v2, which kubernetes prod: prod/web/deployment/web uses: no such tag",
            ],
        },
    ),
    (ended("success", duration=SECOND * 1.5), {"level": "info", "outcome": "success", "duration_seconds": 1.5}),
    (ended("held_back"), {"level": "warning", "event": "run ended", "outcome": "held_back"}),
    (ended("failed"), {"level": "error", "event": "run ended", "error": "the token is wrong"}),
    (ended("stopped"), {"level": "info", "event": "run ended", "outcome": "stopped"}),
)


@pytest.mark.parametrize(("event", "told"), EACH, ids=lambda value: type(value).__name__)
def test_each_decision_is_a_line(event: Event, told: Mapping[str, object]) -> None:
    """What happened in a short fixed phrase, the facts by name, and the registry."""
    (line,) = written(event)
    assert {key: line.get(key) for key in told} == told
    assert line["registry"] == "acme"


def test_reloads_are_told_of_the_whole_process() -> None:
    """A good one, and a broken file with what is wrong in it; neither is of a registry."""
    good, bad = written(ConfigurationReloaded(None), ConfigurationReloaded("config.yaml:3:1: unknown key"))
    assert (good["level"], good["event"]) == ("info", "configuration reloaded")
    assert (bad["level"], bad["error"]) == ("error", "config.yaml:3:1: unknown key")
    assert "registry" not in good.keys() | bad.keys()


def test_a_line_carries_the_run_that_goes_on_there() -> None:
    """From the run's first line to its last, on its registry only."""
    told = written(
        RunBegan("acme", "run-1", RunKind.CLEAN),
        Warned("acme", "mind this"),
        Warned("beta", "mind that"),
        ended(),
        Warned("acme", "later"),
    )
    assert [line.get("run") for line in told] == ["run-1", "run-1", None, "run-1", None]


def test_a_run_tells_what_its_plan_holds_back_and_warns_of() -> None:
    """A forecast of the same plan tells its figures alone: the run that follows tells the rest."""
    made = Planned(plan(warnings=("the rule selects nothing",)), START)
    (forecast,) = written(made)
    _, figures, *rest = written(RunBegan("acme", "run-1", RunKind.CLEAN), made)
    assert (forecast["event"], figures["event"]) == ("forecast made", "plan made")
    assert [(line["event"], line["detail"]) for line in rest] == [
        ("deletions held back", "more than 50%"),
        ("deletions held back", "limits"),
        ("warning", "the rule selects nothing"),
    ]


def test_what_is_announced_is_no_warning() -> None:
    """It goes by itself once its notice has run out; whatever else is held back waits for a person."""
    held = tuple(HeldBack("shop", reason, "as it is", 1) for reason in HoldReason)
    _, _, *told = written(RunBegan("acme", "run-1", RunKind.CLEAN), Planned(replace(plan(), held_back=held), START))
    levels = {line["reason"]: (line["level"], line["event"]) for line in told}
    assert levels.pop("notice") == ("info", "deletions announced")
    assert set(levels.values()) == {("warning", "deletions held back")}


def test_an_audit_that_finds_much_writes_out_some_of_it() -> None:
    """One line however much it is; the command shows all."""
    (line,) = written(Audited("acme", FINDINGS[:1] * 1000))
    assert (line["findings"], line["broken_tag"], len(line["first"])) == (1000, 1000, 20)


def test_what_was_read_of_a_source_is_a_matter_of_debugging() -> None:
    """Each hour the same would fill the log."""
    read = SourceRead("acme", "kubernetes prod", 148)
    assert written(read) == []
    (line,) = written(read, level=LogLevel.DEBUG)
    assert (line["event"], line["source"], line["images"]) == ("in-use source read", "kubernetes prod", 148)


def test_at_debug_a_plan_names_what_it_condemns() -> None:
    """Also what stands under a policy in mode plan, which nobody deletes."""
    told = written(RunBegan("acme", "run-1", RunKind.PLAN), Planned(plan(), START), level=LogLevel.DEBUG)
    condemned = [line for line in told if line["event"] == "manifest condemned"]
    assert [line["mode"] for line in condemned] == ["enforce", "enforce", "plan"]
    assert condemned[0].items() >= MANIFEST.items()


def test_a_collection_is_told_as_its_status_changes() -> None:
    """Not at each look: a collection is looked at for hours. Its end, seen from outside, is told too."""
    requested, scanning = collection("requested"), collection("scanning manifests")
    told = written(
        RegistryWatched("acme", None),
        RegistryWatched("acme", requested),
        CollectionStarted("acme", requested, adopted=True),
        CollectionPolled("acme", scanning),
        CollectionPolled("acme", scanning),
        RegistryWatched("acme", scanning),
        RegistryWatched("acme", None),
        RegistryWatched("acme", None),
    )
    assert [(line["event"], line.get("status")) for line in told] == [
        ("garbage collection active", "requested"),
        ("garbage collection active", "scanning manifests"),
        ("garbage collection no longer active", None),
    ]


def test_steps_on_the_way_are_told_at_debug() -> None:
    """Listings, manifests and requests: too many for every day."""
    request = RequestEnded("acme", "list_manifests", 200, SECOND / 4)
    assert written(request) == []
    (line,) = written(request, level=LogLevel.DEBUG)
    assert (line["endpoint"], line["status"], line["duration_seconds"]) == ("list_manifests", 200, 0.25)


def test_every_event_makes_a_line_at_debug() -> None:
    """None is lost, and every fact is of a kind that a log's reader can search: text, numbers, lists of text."""
    for event in everything("acme"):
        if event != RegistryWatched("acme", None):
            told = written(event, level=LogLevel.DEBUG)
            assert told
            assert all(isinstance(fact, str | int | float | list) for line in told for fact in line.values())


def releases(count: int = 4) -> Shelf:
    """So many releases, each ten days older than the next."""
    shelf = Shelf()
    for number in range(count):
        shelf.image(f"v{number}", days=40 - 10 * number)
    return shelf


def cleaned(world: House, level: LogLevel = LogLevel.INFO) -> tuple[Report, io.StringIO]:
    """One run, and its log."""
    with logging_to(io.StringIO(), level, world.now) as log, world.application() as application:
        tell = both(Logbook().hear, world.events.append)
        return world.run(application.clean(world.registry, Mandate(), tell)), log


def test_a_whole_run_reads_as_a_story(tmp_path: Path) -> None:
    """A run begins, plans, deletes, collects and ends: line by line, in virtual time."""
    with house(registry(releases()), policy('[{tags: ["v*"], last: 2}]'), tmp_path) as world:
        report, log = cleaned(world)
    told = lines(log)
    assert len({line["run"] for line in told}) == 1
    assert [line["registry"] for line in told] == ["acme"] * len(told)
    assert [line["event"] for line in told if line["event"] != "garbage collection active"] == [
        "run began",
        "plan made",
        "manifest deleted",
        "manifest deleted",
        "garbage collection started",
        "garbage collection ended",
        "run ended",
    ]
    assert [line["digest"] for line in told if "digest" in line] == [one.digest for one in report.deleted]
    assert [line["tags"] for line in told if "tags" in line] == [["v0"], ["v1"]]
    assert "rule 1 keeps the 2 newest" in told[2]["reasons"][0]
    end = told[-1]
    assert (end["outcome"], end["deleted"], end["failed"], end["held_back"]) == ("success", 2, 0, 0)
    assert end["predicted_freed_bytes"] == end["freed_bytes"] == 2 * LAYER_BYTES
    assert 9 < end["duration_seconds"] < 60


def test_no_secret_is_in_any_line(tmp_path: Path) -> None:
    """At debug, through faults and retries: neither the token, nor the data plane's credentials, nor any other."""
    secrets = {name: f"canary-{name}-0123456789" for name in ("heartbeat", "admin")}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    top = f"admin: {{token: {{file: {tmp_path}/admin}}}}"
    configuration = policy('[{tags: ["v*"], last: 2}]', top=top).replace(
        "- name: acme\n", f"- name: acme\n    heartbeat: {{url: {{file: {tmp_path}/heartbeat}}}}\n"
    )
    with house(registry(releases()), configuration, tmp_path) as world:
        world.network.before = _troubled()
        report, log = cleaned(world, LogLevel.DEBUG)
        told = log.getvalue()
        assert report.failed
        assert "request tried again" in told
        headers = {request.headers.get("authorization", "") for request in world.network.seen}
        for value in {*secrets.values(), TOKEN, *_values(headers)}:
            assert value not in told


def _troubled() -> Before:
    """Answers that make trouble: a 503, a lost answer and a refusal that repeats what it was sent."""
    count = 0

    def before(request: httpx.Request) -> httpx.Response | None:
        nonlocal count
        count += 1
        if count == 2:
            return httpx.Response(503, text=f"try again, {request.headers['authorization']}")
        if count == 4:
            raise httpx.ReadError("cut", request=request)
        if request.method == "DELETE":
            return httpx.Response(403, json={"id": "forbidden", "message": request.headers["authorization"]})
        return None

    return before


def _values(headers: set[str]) -> set[str]:
    """What the headers carry, as sent and decoded."""
    carried = {header.split(" ", 1)[1] for header in headers if " " in header}
    basic = {header.split(" ", 1)[1] for header in headers if header.startswith("Basic ")}
    decoded = {base64.b64decode(value).decode().strip() for value in basic}
    assert basic
    return {part for value in carried | decoded for part in (value, *value.split(":")) if len(part) > 8}
