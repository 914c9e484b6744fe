"""Patterns of tags and repository names: globs, or `re:` and a regular expression of RE2 (linear time)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import re2

_REGEX = "re:"
_NAMED_GROUP = re.compile(r"\(\?P?<(\w+)>")
_GLOB_TOKEN = re.compile(r"\[(?P<not>[!^]?+)(?P<class>\]?[^\]]+|\])\]|.", re.DOTALL)


class BadPattern(ValueError):
    """A pattern that cannot be compiled; its text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: it matches a whole tag or a whole repository name, case-sensitively.

    Equality and hash are those of its `text`, as written in the configuration.
    """

    text: str
    _compiled: Any = field(repr=False, compare=False)

    def matches(self, name: str) -> bool:
        """Whether the whole of `name` matches."""
        return self._compiled.fullmatch(name) is not None

    def captures(self, name: str) -> dict[str, str] | None:
        """The named groups of a match, those that captured nothing left out; None where `name` does not match."""
        match = self._compiled.fullmatch(name)
        if match is None:
            return None
        return {group: value for group, value in match.groupdict().items() if value is not None}

    @property
    def groups(self) -> frozenset[str]:
        """The names of its groups; a glob has none."""
        return frozenset(self._compiled.groupindex)

    @property
    def is_literal(self) -> bool:
        """Whether it is a glob without a wildcard, so that it matches its own text only."""
        return not self.text.startswith(_REGEX) and not re.search(r"[*?\[]", self.text)


def compile_pattern(text: str) -> Pattern:
    """Compile a glob (`*` any run of characters, `/` too; `?` one; `[…]` a class) or an `re:` expression.

    Raises:
        BadPattern: `text` is empty, a glob with an unclosed class, no regular expression of RE2, or one with two
            groups of one name.
    """
    if text in ("", _REGEX):
        raise BadPattern("the pattern is empty")
    source = text.removeprefix(_REGEX) if text.startswith(_REGEX) else _glob(text)
    names = _NAMED_GROUP.findall(source)
    if len(names) > len(set(names)):
        # RE2 takes them, and reads the first alone: a `per` would mix what it was meant to tell apart.
        raise BadPattern(f"each group needs a name of its own, here they are: {', '.join(names)}")
    return Pattern(text, _compile(source))


def _compile(source: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        raise BadPattern(error.args[0].decode(errors="replace")) from error
    except UnicodeEncodeError as error:
        raise BadPattern("it holds half a surrogate pair, which is no character") from error


def _glob(text: str) -> str:
    """The RE2 expression of a glob. A class is `[abc]`, `[a-z]` or, negated, `[!abc]`; a `]` in it comes first."""
    return "".join(_translate(token) for token in _GLOB_TOKEN.finditer(text))


def _translate(token: re.Match[str]) -> str:
    if token["class"] is not None:
        members = re.sub(r"([\\\[\]^])", r"\\\1", token["class"])
        return f"[{'^' if token['not'] else ''}{members}]"
    match token[0]:
        case "*":
            return "(?s:.*)"
        case "?":
            return "(?s:.)"
        case "[":
            raise BadPattern("a class that is opened with [ is not closed with ]")
        case character:
            return re.escape(character)
