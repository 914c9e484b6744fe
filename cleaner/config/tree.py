"""The configuration file as a tree of nodes that know their place; scalars stay as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from cleaner.config.settings import Place

_TOKEN = re.compile(r"do[a-z]_v1_\w*")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class AsWritten:
    """A scalar that is neither a string nor a decimal integer: no key of the language takes one."""

    text: str

    def __str__(self) -> str:
        return self.text


Plain: TypeAlias = "str | int | AsWritten | list[Plain] | dict[str, Plain]"


class Kind(StrEnum):
    """What a node is in the file."""

    MAPPING = "a mapping"
    LIST = "a list"
    STRING = "a string"
    INTEGER = "an integer"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file and where it stands.

    `text` is a scalar as written, `fields` what a mapping holds, `keys` where its keys stand, `items` what a
    list holds.
    """

    place: Place
    kind: Kind
    text: str = ""
    fields: Mapping[str, Node] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)
    items: tuple[Node, ...] = ()

    def child(self, key: str) -> Node:
        """The value under `key`; where there is none, a node that holds nothing."""
        return self.fields.get(key, Node(self.place, Kind.OTHER))

    def at(self, path: Iterable[int | str]) -> Node:
        """The node that `path` leads to; steps that lead nowhere are left out."""
        node = self
        for step in path:
            if isinstance(step, str):
                node = node.fields.get(step, node)
            elif step < len(node.items):
                node = node.items[step]
        return node

    def plain(self) -> Plain:
        """The value as plain data, every scalar of no plain type `AsWritten`."""
        match self.kind:
            case Kind.MAPPING:
                return {key: value.plain() for key, value in self.fields.items()}
            case Kind.LIST:
                return [item.plain() for item in self.items]
            case Kind.STRING:
                return self.text
            case Kind.INTEGER:
                return int(self.text)
            case Kind.OTHER:
                return AsWritten(self.text)

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither a mapping nor a list."""
        return self.kind not in {Kind.MAPPING, Kind.LIST}

    @property
    def shown(self) -> str:
        """The value for a message: short, on one line, never a token."""
        if self.kind is Kind.LIST and not self.items:
            return "an empty list"
        if not self.is_scalar:
            return self.kind.value
        if self.kind is Kind.STRING:
            return f"'{printable(self.text)}'"
        return printable(self.text) or "nothing"


def printable(text: str) -> str:
    """Text of the file for a message: short, on one line, never a token (law 11)."""
    masked = _TOKEN.sub("(a token)", text)
    cut = masked if len(masked) <= _SHOWN else f"{masked[:_SHOWN]}…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)
