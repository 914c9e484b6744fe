"""What is written where: documents alone on stdout, no colours in a pipe, nothing from outside obeyed by a terminal."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cleaner.cli.moments import parse_moment
from cleaner.cli.tables import bar, shown_tag
from cleaner.errors import UsageError
from cleaner.figures import size, some
from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, scene, type_in
from tests.shelves import Shelf, policy, registry

HOSTILE = (
    "[red]alarm[/red]",
    "esc\x1b[31m\x1b]0;title\x07",
    "bidi\u202egnp",
    "line\nbreak",
    "whale\U0001f40b",
)


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["explain", "[bold]shop"], ["history", "deletions"]])
def test_nothing_from_outside_reaches_a_terminal_raw(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tags and names are shown, control characters and markup as plain text."""
    shelf = Shelf("[bold]shop")
    for number, tag in enumerate(HOSTILE):
        shelf.image(tag, days=60 + number)
    shelf.image("v1", days=2)
    with scene(tmp_path, registry(shelf)) as acme:
        acme.configure(policy("[{tags: [v1]}]", rest="unmatched: delete"))
        if command[0] == "history":
            type_in(acme, monkeypatch, capsys, "apply", "--yes")
        answer = type_in(acme, monkeypatch, capsys, *command)
    assert "[bold]shop" in answer.out
    if command[0] != "apply":
        assert "[red]alarm[/red]" in answer.out
        assert "esc\\x1b[31m" in answer.out
    for raw in ("\x1b", "\x07", "\u202e"):
        assert raw not in answer.out + answer.err


def test_hostile_tags_are_whole_in_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has them as they are, in ASCII."""
    shelf = Shelf()
    for tag in HOSTILE:
        shelf.image(tag, days=60)
    shelf.image("v1", days=2)
    with scene(tmp_path, registry(shelf)) as acme:
        acme.configure(policy("[{tags: [v1]}]", rest="unmatched: delete"))
        answer = type_in(acme, monkeypatch, capsys, "plan", "--format", "json")
    assert sorted(tag for deletion in answer.registry["deletions"] for tag in deletion["tags"]) == sorted(HOSTILE)
    assert answer.out.isascii()


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["check", "--online"], ["explain", "shop/web"]])
def test_a_process_writes_no_colours_into_a_pipe(command: list[str], acme: Scene) -> None:
    """Not on stdout and not on stderr; and what it wrote does not depend on the width of a terminal."""
    answer = acme.run(*command)
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err


@pytest.mark.parametrize("command", [["plan"], ["gc", "status"], ["check"]])
def test_options_may_stand_before_the_command(command: list[str], acme: Scene, cleaner: Cleaner) -> None:
    """`cleaner -c FILE --format json plan` is `cleaner plan -c FILE --format json`."""
    elsewhere = acme.config.rename(acme.folder / "elsewhere.yaml")
    before = cleaner("-c", str(elsewhere), "--format", "json", *command)
    after = cleaner(*command, "-c", str(elsewhere), "--format", "json")
    assert before.code == after.code == 0
    assert before.json == after.json


def test_the_file_is_found_by_its_variable(acme: Scene, cleaner: Cleaner) -> None:
    """CLEANER_CONFIG names it where no option does."""
    acme.config.rename(acme.folder / "elsewhere.yaml")
    assert cleaner("check").code == 2
    acme.environment["CLEANER_CONFIG"] = "elsewhere.yaml"
    assert acme.run("check").code == 0
    acme.environment["CLEANER_CONFIG"] = "nope.yaml"
    assert "name a readable file with --config or CLEANER_CONFIG" in cleaner("check").err


def test_a_stream_that_is_no_unicode_breaks_nothing(acme: Scene) -> None:
    """What it lacks is escaped."""
    acme.environment["PYTHONIOENCODING"] = "ascii"
    answer = acme.run("plan")
    assert answer.code == 0
    assert "8 go" in answer.out


def test_an_unexpected_error_shows_neither_text_nor_traceback(acme: Scene) -> None:
    """Its text may hold a secret: its kind and its place are shown, the rest on demand."""
    broken = (
        "import cleaner.cli.main as m\ndef fail(*_): raise KeyError('dop_v1_secret')\nm.get_command = fail\nm.main()"
    )
    (acme.folder / "broken.py").write_text(broken)
    command = [sys.executable, "broken.py"]
    environment = acme.whole_environment()
    done = subprocess.run(command, cwd=acme.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KeyError in broken.py, line 2" in done.stderr
    assert "dop_v1_secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_in_a_file_has_a_width_that_people_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However much one cell holds: a manifest's row stays on one line, a list of many digests goes on below."""
    shelf = Shelf("shop")
    for number in range(60):
        shelf.image(f"v{number}", days=60 + number)
    with scene(tmp_path, registry(shelf)) as acme:
        acme.configure(policy("[{tags: [v1]}]", rest="unmatched: delete"))
        planned = type_in(acme, monkeypatch, capsys, "plan").out.splitlines()
        applied = type_in(acme, monkeypatch, capsys, "apply", "--yes").out.splitlines()
    assert max(map(len, [*planned, *applied])) <= 200
    assert sum(line.startswith(" sha256:") and "rule" in line for line in planned) == 59


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01", datetime(2026, 11, 30, 23, 0, tzinfo=UTC)),
        ("2026-12-01T10:00", datetime(2026, 12, 1, 9, 0, tzinfo=UTC)),
        ("2026-12-01T10:00:00Z", datetime(2026, 12, 1, 10, 0, tzinfo=UTC)),
        ("2026-12-01T10:00:00.5+05:00", datetime(2026, 12, 1, 5, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_the_registrys(text: str, moment: datetime) -> None:
    """With one, it is what it says."""
    assert parse_moment(text, BERLIN) == moment


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "12:00", "0001-01-01", "1 day ago"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """With examples of what would be one."""
    with pytest.raises(UsageError, match="2026-12-01T10:00"):
        parse_moment(text, BERLIN)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.977 KiB"),
        (2**20, "1 MiB"),
        (5 * 2**40, "5 TiB"),
        (2**60, "1,024 PiB"),
    ],
)
def test_a_size_has_three_digits_or_so(count: int | None, text: str) -> None:
    """Binary units, as the provider counts."""
    assert size(count) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "manifest", "1 manifest"), (0, "manifest", "0 manifests"), (2, "repository", "2 repositories")],
)
def test_a_count_agrees_with_its_noun(count: int, noun: str, text: str) -> None:
    """One manifest, two manifests."""
    assert some(count, noun) == text


def test_a_bar_is_as_long_as_all_others() -> None:
    """Whatever the parts, they fill it; nothing at all is no bar."""
    assert {len(bar(*parts)) for parts in ((1, 0, 0), (1, 1, 1), (0, 5, 2), (997, 2, 1))} == {24}
    assert len(bar(0, 0, 0)) == 0


def test_an_attachment_tag_is_shortened_like_its_digest() -> None:
    """Other tags are not, long as they may be."""
    assert shown_tag("sha256-" + "a" * 64 + ".sig") == "sha256-" + "a" * 12 + "….sig"
    assert shown_tag("sha256-" + "a" * 63) == "sha256-" + "a" * 63
