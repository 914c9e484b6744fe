"""The YAML file: read within bounds, nothing obeyed, every fault at its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cleaner.config import yaml_file
from cleaner.config.load import load
from cleaner.config.yaml_file import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse
from cleaner.errors import ConfigError
from tests.config.files import SMALLEST, problems, write

NOT_YAML = [
    ("", "1:1: the file is empty (the smallest: registries: "),
    ("# nothing yet\n", "1:1: the file is empty"),
    ("a: [", "this is no YAML: while parsing a flow node"),
    ("a: b: c", "1:5: this is no YAML: mapping values are not allowed"),
    ("a:\n\tb: 1", "2:1: this is no YAML: while scanning for the next token"),
    ("a:\n\tb: 1", "(indent with spaces, not with tabs)"),
    ("tags: [*]", "this is no YAML: while scanning an alias"),
    ("tags: [*]", "(quote what begins with *, which is an alias otherwise)"),
    ("tags:\n  - *-slim", "2:5: this is no YAML: found undefined alias (quote what begins with *"),
    ("a: b\n---\na: b\n", "2:1: this is no YAML: expected a single document in the stream"),
    (b"a: b\nc: \xff\n", "2:4: the file is not UTF-8 (save it as text in UTF-8)"),
    (b"a: b\nc: \x00\n", "2:4: the character U+0000 cannot stand in YAML"),
    ("- a", "1:1: expected a mapping, got a list"),
    ("hello", "1:1: expected a mapping, got 'hello'"),
]

NO_CONFIGURATION = [
    ("grace: 2d\ngrace: 24h", "3:1: the key 'grace' stands here twice, first on line 2 (keep one of them)"),
    ("limits: {<<: {deletions: 5}}", "2:10: merge keys (<<) are not understood (write the keys out)"),
    ("? [a]\n: b", "2:3: a list or a mapping cannot be a key (expected a name)"),
    ("mode: !!python/name:os.getcwd x", "2:7: the tag !!python/name:os.getcwd means nothing here (remove it)"),
    ("mode: !secret plan", "2:7: the tag !secret means nothing here (remove it)"),
    ("limits: &a {share: *a}", "2:20: the alias *a stands inside what it names"),
]


@pytest.mark.parametrize(("content", "problem"), NOT_YAML)
def test_a_file_that_is_no_yaml_says_where_and_why(tmp_path: Path, content: str | bytes, problem: str) -> None:
    """Emptiness, syntax, encoding, several documents: each has its line, its column and a hint."""
    (found,) = problems(tmp_path, content)
    assert problem in found


@pytest.mark.parametrize(("line", "problem"), NO_CONFIGURATION)
def test_what_yaml_allows_and_a_configuration_does_not_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    """Equal keys, merges, tags and recursion are refused at their place, and no tag is obeyed."""
    assert any(problem in found for found in problems(tmp_path, f"{SMALLEST}\n{line}"))


def test_aliases_that_do_not_recurse_are_ordinary(tmp_path: Path) -> None:
    """A list that is written once can be used twice."""
    policies = '[{repositories: [api], keep: &k [{tags: ["*"]}]}, {repositories: [web], keep: *k}]'
    assert problems(tmp_path, f"registries: [{{name: acme, policies: {policies}}}]") == []


def test_a_byte_order_mark_and_windows_line_ends_are_ordinary(tmp_path: Path) -> None:
    """What an editor adds is no fault of the file."""
    assert problems(tmp_path, b"\xef\xbb\xbfmode: plan\r\n" + SMALLEST.encode() + b"\r\n") == []


def test_an_alias_bomb_is_refused_without_being_expanded() -> None:
    """A file of 30 lines that expands to 10^29 nodes is refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 29)]
    with pytest.raises(ConfigError, match=r"c\.yaml:5:\d+: the file expands above 100,000 nodes"):
        parse("\n".join(lines), "c.yaml")


def test_as_many_nodes_as_are_allowed_are_allowed() -> None:
    """The bound counts every node, the outermost list among them."""
    assert parse("[" + "x," * (MAX_NODES - 1) + "]", "c.yaml") is not None
    with pytest.raises(ConfigError, match="expands above 100,000 nodes"):
        parse("[" + "x," * MAX_NODES + "]", "c.yaml")


def test_nesting_has_a_bound() -> None:
    """A file that nests without an end is refused before anything recurses into it."""
    assert parse("[" * (MAX_DEPTH - 1) + "x" + "]" * (MAX_DEPTH - 1), "c.yaml") is not None
    with pytest.raises(ConfigError, match=rf"c\.yaml:1:\d+: the file nests deeper than {MAX_DEPTH} levels"):
        parse("[" * MAX_DEPTH + "x" + "]" * MAX_DEPTH, "c.yaml")
    with pytest.raises(ConfigError):
        parse("[" * 1_000_000, "c.yaml")


def test_aliases_do_not_get_around_the_bound_on_nesting() -> None:
    """Each line nests the one before: no line is deep, the file is."""
    lines = ["- &a0 [x]", *(f"- &a{n} [*a{n - 1}]" for n in range(1, 60))]
    with pytest.raises(ConfigError, match=f"nests deeper than {MAX_DEPTH} levels"):
        parse("\n".join(lines), "c.yaml")


def test_of_a_large_file_no_more_than_the_bound_is_read() -> None:
    """A file without an end is refused, and not read to it."""
    with pytest.raises(ConfigError, match="1:1: the file is above 1 MiB"):
        load(Path("/dev/zero"), {})


def test_a_file_of_exactly_the_bound_is_read(tmp_path: Path) -> None:
    """1 MiB is not above 1 MiB."""
    padding = "#" * (MAX_BYTES - len(SMALLEST) - 1)
    assert problems(tmp_path, f"{SMALLEST}\n{padding}") == []


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, a missing file: the path and the system's reason."""
    with pytest.raises(ConfigError, match=rf"{tmp_path}:1:1: the file cannot be read: Is a directory"):
        load(tmp_path, {})
    with pytest.raises(ConfigError, match=r"none\.yaml:1:1: the file cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml", {})


_EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")
_SCRAPS = [
    "",
    "\n",
    "\n  - ",
    "\t",
    ": ",
    ", ",
    "{",
    "[",
    "]",
    "'",
    "&a ",
    "*a",
    "<<",
    "!!int ",
    "1.10",
    "~",
    "6m",
    "*",
    "re:(",
]


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.text(max_size=60).map(str.encode) | st.binary(max_size=60))
def test_whatever_the_file_holds_it_is_refused_in_order(tmp_path: Path, content: bytes) -> None:
    """No bytes make the loader raise anything but a ConfigError, which has at least one problem."""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, content), {})
    assert caught.value.problems


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_however_a_good_file_is_damaged_each_problem_has_its_place(tmp_path: Path, data: st.DataObject) -> None:
    """A scrap in the place of a part of the example: it loads still, or every problem has a line and a column."""
    start = data.draw(st.integers(0, len(_EXAMPLE)))
    end = start + data.draw(st.integers(0, 30))
    damaged = _EXAMPLE[:start] + data.draw(st.sampled_from(_SCRAPS) | st.text(max_size=5)) + _EXAMPLE[end:]
    assert all(re.match(r"[1-9]\d*:[1-9]\d*: \S", problem) for problem in problems(tmp_path, damaged.encode()))


def test_without_the_c_library_the_same_faults_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser, which is used where libyaml is not built in, gives the same tree and the same places."""
    text = f"{SMALLEST}\nmode: off\nmode: plan\ngrace: 24"  # what is off in YAML 1.1 is false
    expected = problems(tmp_path, text)
    monkeypatch.setattr(yaml_file, "_Loader", yaml.SafeLoader)
    assert problems(tmp_path, text) == expected
    assert len(expected) == 3
