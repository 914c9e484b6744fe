"""What guards against a loss, in the daemon: what is in use is looked at, audits come daily, and an alarm is raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from cleaner.model.audit import FindingKind
from cleaner.model.event import Event, RegistryWatched, RunEnded, Warned
from cleaner.model.safeguard import Audited, CollectionWithheld, SourceFailed, SourceRead
from tests.daemon.household import (
    DAY,
    HOUR,
    MINUTE,
    NIGHTLY,
    Household,
    account,
    at,
    configuration,
    entry,
    household,
    metric,
    versions,
)
from tests.house import REGISTRY, START

IN_USE = "in_use: [{file: images.txt}]"
AT_TWO = '"0 14 * * *"'


@contextmanager
def used(
    folder: Path, registry: str, *, images: str = "shop:v3", count: int = 4, protect: str = IN_USE
) -> Iterator[Household]:
    """A household over so many versions, some of which a file says are in use."""
    (folder / "images.txt").write_text(f"{images}\n", encoding="utf-8")
    text = configuration(registry, protect=protect)
    with household(folder, text, account(acme=versions(count))) as home:
        yield home


def use(home: Household, images: str | None) -> None:
    """From now on the file names these; None: it is gone."""
    file = home.house.directory / "images.txt"
    file.unlink() if images is None else file.write_text(f"{images}\n", encoding="utf-8")


def lives(home: Household, until: datetime) -> None:
    """One process, until then."""

    async def story() -> None:
        async with home.process():
            await home.until(until)

    home.run(story())


def minutes(home: Household, kind: type[Event]) -> list[datetime]:
    """The minutes in which an event of that kind was told, each once."""
    return list(dict.fromkeys(moment.replace(second=0, microsecond=0) for moment, _ in home.told(kind)))


def test_what_is_in_use_is_looked_at_each_hour(tmp_path: Path) -> None:
    """Between the runs, beside the storage; metrics and board know what the source named."""
    with used(tmp_path, entry(schedule=NIGHTLY), images="shop:v3\nshop:v2") as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + 4 * HOUR + MINUTE)
                assert metric(process, "in_use_images acme file") == 2
                assert metric(process, "in_use_source_failures_total acme file") == 0
                (facts,) = process.keeper.listeners.board.registries()
                assert [source.images and source.images.value for source in facts.sources.values()] == [2]

        home.run(story())
        assert minutes(home, SourceRead) == [START + n * HOUR for n in range(5)]


def test_what_ran_between_two_runs_is_remembered(tmp_path: Path) -> None:
    """No run saw it in use; the look that did is enough to keep it for a rollback."""
    with used(tmp_path, entry(schedule=AT_TWO), images="shop:v0") as home:

        async def story() -> None:
            async with home.process():
                await home.until(START + HOUR / 2)
                use(home, "shop:v3")
                await home.until(START + 3 * HOUR)

        home.run(story())
        assert home.outcomes() == ["success"]
        assert len(home.deletes()) == 1  # v1, and not v0


def test_a_registry_without_sources_is_not_asked_for_uses(tmp_path: Path) -> None:
    """There is nothing to ask, and no metric of any source."""
    with household(tmp_path, configuration(entry(schedule=NIGHTLY))) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + 2 * HOUR)
                assert metric(process, "in_use_source_failures_total acme file") is None

        home.run(story())
        assert minutes(home, SourceRead) == minutes(home, SourceFailed) == []


def test_a_source_that_cannot_be_read_is_told_each_hour(tmp_path: Path) -> None:
    """In the log, the metrics and on the board, until it can: meanwhile nothing is deleted."""
    with used(tmp_path, entry(schedule='"30 13 * * *"')) as home:
        use(home, None)

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + 2 * HOUR + MINUTE)
                assert metric(process, "in_use_source_failures_total acme file") == len(home.told(SourceFailed))
                assert metric(process, "in_use_images acme file") is None
                (facts,) = process.keeper.listeners.board.registries()
                assert [source.failure is not None for source in facts.sources.values()] == [True]
                assert home.outcomes() == ["held_back"]
                use(home, "shop:v3")
                await home.until(START + 3 * HOUR + MINUTE)
                (facts,) = process.keeper.listeners.board.registries()
                assert [source.failure for source in facts.sources.values()] == [None]

        home.run(story())
        assert home.deletes() == []
        assert {START, START + HOUR, START + 2 * HOUR} <= set(minutes(home, SourceFailed))
        assert {line["level"] for line in home.lines("in-use source not readable")} == {"error"}


def test_a_reload_forgets_the_sources_that_are_gone(tmp_path: Path) -> None:
    """Their images count no more, and another kind's series come with the first of that kind."""
    with used(tmp_path, entry()) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + MINUTE)
                assert metric(process, "in_use_images acme file") == 1
                home.configure(configuration(entry(), protect="in_use: [{app_platform: {}}]"))
                assert await process.keeper.reload() is None
                await home.until(START + 2 * MINUTE)
                assert metric(process, "in_use_images acme file") is None
                assert metric(process, "in_use_source_failures_total acme file") is None
                assert metric(process, "in_use_source_failures_total acme app_platform") is not None

        home.run(story())


def test_a_registry_is_audited_an_hour_after_the_start_and_then_each_day(tmp_path: Path) -> None:
    """What it found is shown by kind: here that something runs what is not there."""
    with used(tmp_path, entry(schedule=NIGHTLY), images="shop:v3\nshop:v9") as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + HOUR + MINUTE)
                assert metric(process, "audit_findings acme missing_image") == 1
                assert metric(process, "audit_findings acme broken_tag") == 0
                assert metric(process, "audit_timestamp_seconds acme") == pytest.approx(
                    (START + HOUR).timestamp(), abs=60
                )
                use(home, "shop:v3")
                await home.until(START + DAY + HOUR + MINUTE)
                assert metric(process, "audit_findings acme missing_image") == 0

        home.run(story())
        assert minutes(home, Audited) == [START + HOUR, START + DAY + HOUR]
        (first, second) = (told.findings for _, told in home.told(Audited))
        assert ([finding.kind for finding in first], second) == ([FindingKind.MISSING_IMAGE], ())
        assert [line["level"] for line in home.lines("registry audited")] == ["warning", "info"]


def test_a_process_that_is_begun_again_and_again_audits_nothing(tmp_path: Path) -> None:
    """An audit asks for each blob; the other looks are cheap, and come at each start."""
    with used(tmp_path, entry(schedule=NIGHTLY)) as home:
        for number in range(1, 7):
            lives(home, START + number * 50 * MINUTE)
        assert home.told(Audited) == []
        assert len(minutes(home, SourceRead)) >= 6


def test_an_audit_that_did_not_see_everything_says_so(tmp_path: Path) -> None:
    """A warning, beside the findings in what it saw."""
    with used(tmp_path, entry(schedule=NIGHTLY)) as home:
        use(home, None)
        lives(home, START + HOUR + MINUTE)
        (warning,) = (told.text for _, told in home.told(Warned))
        assert warning.startswith("the audit has not seen everything: ")
        assert "images.txt" in warning


def test_an_audit_that_takes_long_keeps_no_other_look_waiting(tmp_path: Path) -> None:
    """A collection that somebody else starts meanwhile is seen within five minutes as ever."""
    with used(tmp_path, entry(schedule=NIGHTLY), count=60) as home:
        home.house.network.delay = lambda request: 50.0 if request.method == "HEAD" else 0.0
        lives(home, START + 2 * HOUR)
        ((audited, _),) = home.told(Audited)
        assert audited > START + HOUR + 10 * MINUTE
        assert minutes(home, RegistryWatched) == [START + n * 5 * MINUTE for n in range(24)]


def test_an_audit_beside_a_run_takes_nothing_for_broken(tmp_path: Path) -> None:
    """What the run deletes and collects while the audit looks for its blobs is gone, not broken."""
    with used(tmp_path, entry(schedule='"0 13 * * *"')) as home:
        home.house.network.delay = lambda request: 50.0 if request.method == "HEAD" else 0.0
        lives(home, START + 2 * HOUR)
        ((audited, told),) = home.told(Audited)
        ((ended, _),) = home.told(RunEnded)
        assert START + HOUR < ended < audited
        assert len(home.deletes()) == 2
        assert told.findings == ()


def test_what_is_announced_is_no_trouble(tmp_path: Path) -> None:
    """The run that announces has succeeded and raises no alarm; what was announced goes when its notice is over."""
    text = configuration(entry(schedule=NIGHTLY), top="notice: 24h")
    with household(tmp_path, text) as home:

        async def story() -> None:
            async with home.process() as process:
                await home.until(START + MINUTE)
                assert metric(process, "manifests_held_back acme notice") == 2
                assert metric(process, "holding_back acme notice") == 1
                await home.until(at("02:35"))
                assert home.outcomes() == ["success"]
                assert metric(process, "last_run_outcome acme clean success") == 1
                await home.until(at("02:35", 26))
                assert metric(process, "manifests_held_back acme notice") == 0

        home.run(story())
        assert [moment.date() for moment, _ in home.deletes()] == [at("02:30", 26).date()] * 2
        assert [len(told.report.held_back) for _, told in home.told(RunEnded)] == [1, 0]
        assert {line["level"] for line in home.lines("deletions announced")} == {"info"}
        assert home.lines("deletions held back") == []


def test_a_withheld_collection_is_an_alarm_until_one_starts(tmp_path: Path) -> None:
    """Something runs what was just deleted: no collection takes it, each try says so, until nothing needs it."""
    with used(tmp_path, entry(schedule=AT_TWO), protect=f"{IN_USE}, remember: 0s") as home:

        def deploy(request: httpx.Request) -> None:
            if request.method == "DELETE" and request.url.host != REGISTRY:
                use(home, f"shop@{request.url.path.rpartition('/')[2]}")

        home.house.network.before = deploy

        async def story() -> None:
            async with home.process() as process:
                withheld = await home.hears(CollectionWithheld)
                await home.until(at("14:02", 24))
                assert metric(process, "collection_withheld acme") == 1
                assert metric(process, "collections_withheld_total acme") == len(home.told(CollectionWithheld)) > 1
                (facts,) = process.keeper.listeners.board.registries()
                assert facts.withheld is not None
                assert facts.withheld.value == withheld.detail
                assert set(home.outcomes()) == {"failed"}
                use(home, "shop:v3")
                await home.until(at("15:00", 24))
                assert metric(process, "collection_withheld acme") == 0
                assert process.keeper.listeners.board.registries()[0].withheld is None

        home.run(story())
        assert home.outcomes()[-1] == "success"
        assert {line["level"] for line in home.lines("garbage collection withheld")} == {"error"}
