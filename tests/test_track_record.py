"""The track record: each disaster is a test and a section of the page, and the page's commands run these tests."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "track-record.md").read_text(encoding="utf-8")
TESTS = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "disasters").glob("test_*.py")}
SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^```sh\n([^`]*)^```$", re.MULTILINE)


def sections() -> dict[str, str]:
    """The page's sections by their headings."""
    return dict(SECTION.findall(PAGE))


def test_every_disaster_is_told_and_every_section_is_tested() -> None:
    """One command a section, which runs one file of the folder; each file is run by exactly one section."""
    commands = [shlex.split(command) for text in sections().values() for command in COMMAND.findall(text)]
    assert {tuple(command[:-1]) for command in commands} == {(".venv/bin/python", "-m", "pytest")}
    assert sorted(command[-1] for command in commands) == sorted(TESTS)
    assert len(commands) == len(sections()) == 20


def test_every_section_says_what_happened_to_whom_and_what_holds_here() -> None:
    """In this order, each once, before the command."""
    for text in sections().values():
        places = [text.find(label) for label in ("**What happened.**", "**To whom.**", "**What holds here.**", "```sh")]
        assert -1 not in places
        assert places == sorted(places)


def test_a_test_file_is_named_after_its_section() -> None:
    """The heading's words, as far as they fit, make the file's name: nobody has to search."""
    for heading, text in sections().items():
        words = re.sub(r"[^a-z0-9 ]", "", heading.lower()).replace(" ", "_")
        assert f"/test_{words}.py" in text, heading
