"""Patterns of tags and repository names: globs, or `re:` and a regular expression of RE2 (linear time)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import re2

_REGEX = "re:"


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
        BadPattern: `text` is empty, an unclosed class, or no regular expression of RE2.
    """
    source = text.removeprefix(_REGEX) if text.startswith(_REGEX) else _glob(text)
    if not text or not source:
        raise BadPattern("the pattern is empty")
    options = re2.Options()
    options.log_errors = False
    try:
        # In RE2 an alternation binds loosest; fullmatch anchors all of it. (?s): a glob's * spans line ends too.
        return Pattern(text, re2.compile(source, options))
    except re2.error as error:
        raise BadPattern(str(error.args[0] if error.args else error)) from error
