"""Patterns match whole names: globs, or RE2 expressions behind `re:` (policy page, "Patterns")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.retention.patterns import BadPattern, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        pytest.param("main", ["main"], ["Main", "main2", "xmain", ""], id="literal"),
        pytest.param("v1.2", ["v1.2"], ["v1x2"], id="a dot is a dot"),
        pytest.param("v*", ["v", "v1", "v1/2", "v\n1"], ["1v", "V1"], id="star is any run, slashes and line ends too"),
        pytest.param("*", ["", "a", "a/b", "é"], [], id="star alone matches all"),
        pytest.param("a*b*c", ["abc", "aXbYc", "abbc"], ["ab", "acb"], id="several stars"),
        pytest.param("v?", ["v1", "v\n", "vé", "v/"], ["v", "v12"], id="question mark is one character"),
        pytest.param("[abc]", ["a", "c"], ["d", "ab", "X", ""], id="class"),
        pytest.param("v[0-9]", ["v0", "v9"], ["va", "v-"], id="range"),
        pytest.param("[!a-c]", ["d", "\n", "/"], ["a", "b", ""], id="class negated with !"),
        pytest.param("[^a-c]", ["d", "^"], ["a"], id="class negated with ^"),
        pytest.param("[]a]", ["]", "a"], ["[", "]a", "X"], id="a bracket that comes first is in the class"),
        pytest.param("[!]a]", ["b", "!"], ["]", "a"], id="and in a negated class"),
        pytest.param("[a-]", ["a", "-"], ["b"], id="a hyphen at the end is a hyphen"),
        pytest.param("[a^!]", ["^", "!", "a"], ["b"], id="negation only where it comes first"),
        pytest.param("[\\d]", ["\\", "d"], ["1"], id="a backslash in a class is a backslash"),
        pytest.param("[[:alpha:]]", ["a]", ":]", "[]"], ["b", "b]"], id="no named classes in a glob"),
        pytest.param("a]b", ["a]b"], ["ab"], id="a bracket that closes nothing is a bracket"),
        pytest.param(
            "a+(b)|c{2}^$\\", ["a+(b)|c{2}^$\\"], ["aa+(b)"], id="signs of regular expressions mean themselves"
        ),
        pytest.param("re:a|ab", ["a", "ab"], ["abc", "xa", "xab"], id="the whole of an alternation matches"),
        pytest.param("re:pr-\\d+", ["pr-1", "pr-17"], ["pr-", "pr-17x", "xpr-17"], id="regular expression"),
        pytest.param("re:.", ["a", "é"], ["\n", "ab"], id="a dot in a regular expression is no line end"),
        pytest.param("re:(?i)MAIN", ["main", "Main"], ["mainx"], id="flags of RE2"),
    ],
)
def test_a_pattern_matches_whole_names(pattern: str, matching: list[str], other: list[str]) -> None:
    """A pattern matches the whole name, case-sensitively, and nothing else."""
    compiled = compile_pattern(pattern)
    assert [name for name in matching if not compiled.matches(name)] == []
    assert [name for name in other if compiled.matches(name)] == []


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "empty"),
        ("re:", "empty"),
        ("a[bc", "not closed"),
        ("[]", "not closed"),
        ("[!]", "not closed"),
        ("[z-a]", "range"),
        ("re:(a", "missing"),
        ("re:[a", "missing"),
        ("re:a{5000}", "repetition"),
        ("re:(?=a)", "perl operator"),
        ("re:(?P<x>a)|(?P<x>b)", "name of its own"),
        ("a\ud800", "surrogate"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused_in_words(pattern: str, message: str) -> None:
    """An empty pattern, an unclosed class and what RE2 refuses raise BadPattern, in readable text."""
    with pytest.raises(BadPattern, match=message):
        compile_pattern(pattern)


def test_a_pattern_that_is_refused_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 would write to the error stream what the exception says already, and break what is printed there."""
    with pytest.raises(BadPattern):
        compile_pattern("re:(a")
    assert capfd.readouterr() == ("", "")


def test_a_group_that_captured_nothing_is_left_out() -> None:
    """`captures` tells an empty capture from none."""
    pattern = compile_pattern(r"re:(?P<number>\d*)(?P<suffix>-[a-z]+)?")
    assert pattern.captures("17-abc") == {"number": "17", "suffix": "-abc"}
    assert pattern.captures("") == {"number": ""}
    assert pattern.captures("x") is None
    assert pattern.groups == {"number", "suffix"}
    assert compile_pattern("v*").groups == frozenset()


@pytest.mark.parametrize(
    ("pattern", "literal"), [("main", True), ("v*", False), ("v?", False), ("[v]", False), ("re:main", False)]
)
def test_a_literal_is_a_glob_without_wildcards(pattern: str, literal: bool) -> None:
    """Only a glob without `*`, `?` and `[` matches nothing but its own text."""
    assert compile_pattern(pattern).is_literal is literal


def test_patterns_are_equal_by_their_text() -> None:
    """Two compilations of one text are the same pattern."""
    assert compile_pattern("v*") == compile_pattern("v*")
    assert len({compile_pattern("v*"), compile_pattern("v*"), compile_pattern("v?")}) == 2


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*?["), min_size=1))
def test_any_text_without_wildcards_matches_itself_alone(text: str) -> None:
    """Whatever signs a literal holds, it matches its own text, and not a longer one."""
    if not text.startswith("re:"):
        pattern = compile_pattern(text)
        assert pattern.matches(text)
        assert not pattern.matches(text + text)


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_stars_and_question_marks_mean_what_a_naive_walk_says(glob: str, name: str) -> None:
    """`*` and `?` agree with their recursive definition."""
    assert compile_pattern(glob).matches(name) == _naive(glob, name)


def _naive(glob: str, name: str) -> bool:
    if not glob:
        return not name
    if glob[0] == "*":
        return _naive(glob[1:], name) or (bool(name) and _naive(glob, name[1:]))
    return bool(name) and glob[0] in ("?", name[0]) and _naive(glob[1:], name[1:])
