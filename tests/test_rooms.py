"""The rooms keep to themselves: who imports whom, who reads the clock, who makes what, and how long anything gets."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cleaner"
PURE = ("model", "retention", "planning")

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*rooms: str) -> dict[str, str]:
    """The text of each module of these rooms (of all, where none is named) under its path in the package."""
    paths = {path.relative_to(PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {
        str(inside): path.read_text(encoding="utf-8")
        for inside, path in paths.items()
        if not rooms or inside.parts[0] in rooms
    }


def nodes(kind: type[Node], *rooms: str) -> Iterator[tuple[str, Node]]:
    """Every node of this kind in these rooms, with the module that it stands in."""
    for path, text in modules(*rooms).items():
        yield from ((path, node) for node in ast.walk(ast.parse(text)) if isinstance(node, kind))


def functions() -> dict[str, Function]:
    """Every function and method of the package, named by module and line."""
    every: list[tuple[str, Function]] = [*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef)]
    return {f"{path}:{node.lineno} {node.name}": node for path, node in every}


def makers(name: str) -> set[str]:
    """The modules in which a thing of this name is called, be it bare or an attribute."""
    called = re.compile(rf"(\w+\.)*{name}")
    return {path for path, call in nodes(ast.Call) if called.fullmatch(ast.unparse(call.func))}


def imported(*rooms: str) -> set[str]:
    """The modules that these rooms import."""
    whole = {alias.name for _, node in nodes(ast.Import, *rooms) for alias in node.names}
    return whole | {node.module or "" for _, node in nodes(ast.ImportFrom, *rooms)}


def test_there_is_something_to_check() -> None:
    """Were the package not found, every test below would pass on nothing."""
    assert len(modules()) > 20
    assert len(functions()) > 10
    assert all(modules(room) for room in PURE)


def test_every_import_contract_is_kept() -> None:
    """A room imports only from the rooms below its own, and every room has its place in that order."""
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [str(linter), "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


UNREPEATABLE = re.compile(
    r"(datetime\.)?(datetime|date)\.(now|utcnow|today)"
    r"|time\.(time|monotonic|perf_counter|process_time|sleep|localtime|gmtime)(_ns)?"
    r"|uuid\.uuid[14]|os\.urandom|secrets\.\w+|random\.(?!Random$)\w+|(random\.)?Random\(\)"
)


def looks_at_the_clock(code: str) -> list[str]:
    """The expressions and imports in `code` that read the time, randomness or a fresh identifier."""
    tree = list(ast.walk(ast.parse(code)))
    used = [ast.unparse(node) for node in tree if isinstance(node, ast.Attribute | ast.Call)]
    imports = [node for node in tree if isinstance(node, ast.ImportFrom)]
    used += [f"{node.module}.{alias.name}" for node in imports for alias in node.names]
    return sorted({text for text in used if UNREPEATABLE.fullmatch(text)})


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("datetime.now(UTC)", True),
        ("datetime.datetime.now()", True),
        ("date.today", True),
        ("time.monotonic()", True),
        ("from time import sleep", True),
        ("uuid.uuid4()", True),
        ("random.random()", True),
        ("random.Random()", True),
        ("random.Random(7)", False),
        ("def shuffle(source: random.Random): ...", False),
        ("uuid.UUID(text)", False),
        ("asyncio.get_running_loop().time()", False),
        ("time.astimezone(zone)", False),
    ],
)
def test_what_counts_as_a_look_at_the_clock(code: str, *, refused: bool) -> None:
    """What gives another answer each time does; a seeded `Random` and the event loop's time do not."""
    assert bool(looks_at_the_clock(code)) is refused


def test_only_the_clock_reads_time_and_randomness() -> None:
    """Moments, identifiers and randomness are handed in, so that a test decides them."""
    looks = {path: looks_at_the_clock(text) for path, text in modules().items() if path != "clock.py"}
    assert {path: found for path, found in looks.items() if found} == {}


def test_only_the_pages_make_a_listing() -> None:
    """A `Listing` is complete by construction: one module checks that, and makes them all (law 3)."""
    assert makers("Listing") <= {"docr/pages.py"}


def test_only_the_ledger_makes_an_intent() -> None:
    """An `Intent` is on disk before anybody holds it: only the ledger hands one out (law 8)."""
    assert {Path(module).parts[0] for module in makers("Intent")} <= {"ledger"}


@pytest.mark.parametrize("waiting", [ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith])
def test_the_pure_rooms_never_wait(waiting: type[ast.AST]) -> None:
    """Planning, retention and the model are plain functions of values."""
    assert [path for path, _ in nodes(waiting, *PURE)] == []


def test_the_pure_rooms_import_values_only() -> None:
    """What is not in this list is not needed to decide what stays and what goes."""
    allowed = {"__future__", "bisect", "cleaner", "collections", "dataclasses", "datetime", "enum", "fractions"}
    allowed |= {"functools", "graphlib", "heapq", "itertools", "math", "operator", "re", "re2", "types", "typing"}
    allowed |= {"unicodedata", "zoneinfo"}
    assert {module.partition(".")[0] for module in imported(*PURE)} <= allowed


def test_no_function_is_longer_than_forty_lines() -> None:
    """A function that needs more is two functions."""
    lengths = {name: (node.end_lineno or node.lineno) - node.lineno + 1 for name, node in functions().items()}
    assert {name: length for name, length in lengths.items() if length > 40} == {}


def test_no_function_takes_more_than_six_parameters() -> None:
    """What belongs together is handed over as one value; a command alone has one parameter for each of its flags."""
    counts = {name: len(parameters(node)) for name, node in functions().items() if not name.startswith("cli/")}
    assert {name: count for name, count in counts.items() if count > 6} == {}


def parameters(function: Function) -> list[str]:
    """The names of a function's parameters, the object that a method is bound to aside."""
    every = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return [argument.arg for argument in every if argument.arg not in {"self", "cls"}]


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    """A module that needs more is two modules."""
    lengths = {path: text.count("\n") for path, text in modules().items()}
    assert {path: length for path, length in lengths.items() if length > 300} == {}
