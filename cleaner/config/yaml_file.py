"""From a YAML file to a tree: bounded in bytes, nodes and depth; no value is constructed, no tag obeyed.

YAML 1.1 would turn `1.10` into 1.1, `no` into False, `1:30` into 90 and `010` into 8, and the last of two
equal keys would win in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from cleaner.config.settings import Place
from cleaner.config.tree import Kind, Node, printable
from cleaner.errors import ConfigError, Problem

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 32

_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TAG = "tag:yaml.org,2002:"
_TYPES = frozenset({"str", "int", "float", "bool", "null", "timestamp", "value", "merge"})
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """The file's tree, and what is wrong with it whatever its keys mean."""

    root: Node
    problems: tuple[Problem, ...]


def read_text(path: Path) -> str:
    """The file's text; of a file above 1 MiB no more than that is read.

    Raises:
        ConfigError: the file cannot be read, is above 1 MiB, or is no text in UTF-8.
    """
    start = Place(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        raise ConfigError((start.problem(message, "name a readable file with --config or CLEANER_CONFIG"),)) from None
    if len(content) > MAX_BYTES:
        raise ConfigError((start.problem("the file is above 1 MiB", "a configuration has at most 1 MiB"),))
    return _decoded(content, str(path))


def _decoded(content: bytes, file: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_after(content[: error.start].decode("utf-8", errors="replace"), file)
        raise ConfigError((place.problem("the file is not UTF-8", "save it as text in UTF-8"),)) from None
    found = _UNPRINTABLE.search(text)
    if found:
        message = f"the character U+{ord(found[0]):04X} cannot stand in YAML"
        problem = _place_after(text[: found.start()], file).problem(message, "remove it, or escape it in double quotes")
        raise ConfigError((problem,))
    return text


def _place_after(text: str, file: str) -> Place:
    lines = text.split("\n")
    return Place(file, len(lines), len(lines[-1]) + 1)


def parse(text: str, file: str) -> Document | None:
    """The document in `text`, None where there is none; `file` is its name in messages.

    Raises:
        ConfigError: it is no YAML, several documents, or too large or deep once its aliases are expanded.
    """
    try:
        _measure(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError((_syntax_problem(error, text, file),)) from None
    if root is None:
        return None
    builder = _Builder(file, [])
    return Document(builder.node(root), tuple(builder.problems))


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    place = _place(file, error.problem_mark or error.context_mark)
    what = "; ".join(part for part in (error.context, error.problem) if part)
    return place.problem(f"this is no YAML: {what}", _syntax_hint(text, place))


def _syntax_hint(text: str, place: Place) -> str:
    line = "".join(text.split("\n")[place.line - 1 : place.line])
    before = line[: place.column].rstrip()
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with tabs"
    if "*" in before[-2:]:
        return "quote what begins with *, which is an alias otherwise"
    return "expected one YAML document"


class _Mark(Protocol):
    """A position in both of PyYAML's parsers; from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _place(file: str, mark: _Mark | None) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


@dataclass(slots=True)
class _Extent:
    """How many nodes a node comes to once its aliases are expanded, and how deep they go."""

    anchor: str | None
    nodes: int = 1
    depth: int = 1


def _measure(text: str, file: str) -> None:
    """Refuse what is too large or too deep once its aliases are expanded, without expanding any."""
    finished: dict[str, _Extent] = {}
    opened = [_Extent(None, nodes=0)]
    for event in yaml.parse(text, Loader=_Loader):
        place = _place(file, event.start_mark)
        match event:
            case yaml.CollectionStartEvent():
                opened.append(_Extent(event.anchor))
            case yaml.CollectionEndEvent():
                _add(opened, opened.pop(), finished)
            case yaml.ScalarEvent():
                _add(opened, _Extent(event.anchor), finished)
            case yaml.AliasEvent(anchor=str(anchor)):
                _refuse_recursion(anchor, opened, place)
                _add(opened, finished.get(anchor, _Extent(None)), finished)
        _refuse_excess(opened, place)


def _add(opened: list[_Extent], inner: _Extent, finished: dict[str, _Extent]) -> None:
    if inner.anchor is not None:
        finished[inner.anchor] = inner
    opened[-1].nodes += inner.nodes
    opened[-1].depth = max(opened[-1].depth, inner.depth + 1)


def _refuse_recursion(anchor: str, opened: list[_Extent], place: Place) -> None:
    if any(extent.anchor == anchor for extent in opened):
        problem = place.problem(f"the alias *{printable(anchor)} stands inside what it names", "write the value out")
        raise ConfigError((problem,))


def _refuse_excess(opened: list[_Extent], place: Place) -> None:
    if opened[-1].nodes > MAX_NODES:
        message = f"the file expands above {MAX_NODES:,} nodes"
        raise ConfigError((place.problem(message, "use fewer aliases, or split the file"),))
    if len(opened) + opened[-1].depth > MAX_DEPTH + 2:
        raise ConfigError((place.problem(f"the file nests deeper than {MAX_DEPTH} levels", "nest less"),))


@dataclass(frozen=True, slots=True)
class _Builder:
    """Makes the tree of one file out of PyYAML's nodes, and notes what no configuration may hold."""

    file: str
    problems: list[Problem]

    def node(self, source: yaml.Node) -> Node:
        place = _place(self.file, source.start_mark)
        match source:
            case yaml.MappingNode():
                self._check_tag(source, place, frozenset({"map"}))
                return self._mapping(source, place)
            case yaml.SequenceNode():
                self._check_tag(source, place, frozenset({"seq"}))
                return Node(place, Kind.LIST, items=tuple(self.node(item) for item in source.value))
            case _:
                self._check_tag(source, place, _TYPES)
                return Node(place, _kind(source), str(source.value))

    def _check_tag(self, source: yaml.Node, place: Place, types: frozenset[str]) -> None:
        if source.tag.removeprefix(_TAG) not in types:
            self.problems.append(
                place.problem(f"the tag {printable(source.tag.replace(_TAG, '!!'))} means nothing here", "remove it")
            )

    def _mapping(self, source: yaml.MappingNode, place: Place) -> Node:
        fields: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key, value in self._pairs(source):
            name = str(key.value)
            where = _place(self.file, key.start_mark)
            if name in keys:
                message = f"the key '{printable(name)}' stands here twice, first on line {keys[name].line}"
                self.problems.append(where.problem(message, "keep one of them"))
                continue
            keys[name] = where
            fields[name] = self.node(value)
        return Node(place, Kind.MAPPING, fields=fields, keys=keys)

    def _pairs(self, source: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        for key, value in source.value:
            place = _place(self.file, key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(place.problem("a list or a mapping cannot be a key", "expected a name"))
            elif key.tag == f"{_TAG}merge":
                self.problems.append(place.problem("merge keys (<<) are not understood", "write the keys out"))
            else:
                yield key, value


def _kind(scalar: yaml.Node) -> Kind:
    if scalar.tag == f"{_TAG}str":
        return Kind.STRING
    is_integer = scalar.tag == f"{_TAG}int" and _INTEGER.fullmatch(scalar.value)
    return Kind.INTEGER if is_integer else Kind.OTHER
