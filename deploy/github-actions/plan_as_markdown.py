"""Reads what `cleaner plan --format json` printed, and writes it as Markdown for a reviewer: stdin to stdout.

Tags and repositories are named by whoever may push an image. A name is written as code, each of its characters but
letters and digits as a character reference: none of it is Markdown or HTML, and nobody is mentioned.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

MARK = "<!-- registry-cleaner: plan -->"
"""The first line, by which a comment of an earlier run is found again."""

LONGEST = 60_000  # characters; GitHub takes comments of up to 65,536
NAME, SENTENCE, TAGS, ROWS = 80, 300, 8, 40  # how much of each is shown


def main() -> None:
    """Write the plan of every registry."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the locale of the runner is
    print("\n".join(fitting(document(json.load(sys.stdin)["registries"]))))


def document(registries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines for all registries."""
    yield MARK
    yield "## What this policy does to the registry"
    for registry in registries:
        yield from ["", *section(registry)]


def section(registry: Mapping[str, Any]) -> Iterator[str]:
    """The lines for one registry."""
    yield f"### {code(registry['name'])}"
    if registry["error"] is not None:
        yield from ["", f"**No plan:** {code(registry['error'], SENTENCE)}"]
        return
    yield from ["", headline(registry)]
    if registry["deletions"]:
        yield from ["", *repositories(registry["deletions"]), "", *reasons(registry["deletions"])]
    yield from listed("Held back", [held_back(each) for each in registry["held_back"]])
    yield from listed("Warnings", [code(text, SENTENCE) for text in registry["warnings"]])
    yield from listed("Under no policy, and left alone", [unmanaged(each) for each in registry["unmanaged"]])


def headline(registry: Mapping[str, Any]) -> str:
    """What goes, in a sentence."""
    gone = len(registry["deletions"])
    enforced = sum(each["mode"] == "enforce" for each in registry["deletions"])
    freed = "an unknown amount" if registry["freed_bytes"] is None else size(registry["freed_bytes"])
    return (
        f"**{gone:,} of {registry['manifests']:,} manifests would go**, {enforced:,} of them under policies in "
        f"`mode: enforce`; {registry['kept']:,} are kept. A garbage collection would free {freed}."
    )


def repositories(deletions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table: what goes in each repository."""
    yield from ["| repository | mode | manifests | tags |", "|---|---|--:|---|"]
    in_order = sorted(deletions, key=_repository_and_mode)
    groups = [(key, list(group)) for key, group in groupby(in_order, _repository_and_mode)]
    for (repository, mode), group in groups[:ROWS]:
        tags = [tag for deletion in group for tag in deletion["tags"]]
        yield f"| {code(repository)} | {mode} | {len(group):,} | {several(tags)} |"
    if len(groups) > ROWS:
        yield f"| … and {len(groups) - ROWS:,} more repositories | | | |"


def reasons(deletions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table, folded: why each tagged manifest goes."""
    tagged = [deletion for deletion in deletions if deletion["tags"]]
    shown = tagged[:ROWS]
    yield from [f"<details><summary>Why, for {len(shown):,} of {len(tagged):,} with a tag</summary>", ""]
    yield from ["| manifest | why |", "|---|---|"]
    for each in shown:
        why = "<br>".join(code(reason, SENTENCE) for reason in each["reasons"])
        yield f"| {code(each['repository'])} {several(each['tags'])} | {why} |"
    yield from ["", "</details>"]


def listed(title: str, items: Sequence[str]) -> Iterator[str]:
    """A list with a title, or nothing."""
    if items:
        yield from ["", f"**{title}**", "", *(f"- {item}" for item in items[:ROWS])]
    if len(items) > ROWS:
        yield f"- … and {len(items) - ROWS:,} more"


def held_back(each: Mapping[str, Any]) -> str:
    """What is held back, and why."""
    where = "the registry" if each["repository"] is None else code(each["repository"])
    return f"{where}: {each['manifests']:,} manifests ({each['reason']}): {code(each['detail'], SENTENCE)}"


def unmanaged(each: Mapping[str, Any]) -> str:
    """A repository under no policy, and how large it is."""
    return f"{code(each['repository'])}: {each['manifests']:,} manifests, {size(each['bytes'])}"


def several(names: Sequence[str]) -> str:
    """The first of these names, and how many there are besides."""
    more = f" and {len(names) - TAGS:,} more" if len(names) > TAGS else ""
    return ", ".join(code(name) for name in names[:TAGS]) + more


def code(text: str, longest: int = NAME) -> str:
    """A text as it is, whatever it holds."""
    clipped = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"<code>{''.join(map(harmless, clipped))}</code>"


def harmless(character: str) -> str:
    """A character as nothing but itself; one that cannot be seen, or turns the line around, as its number."""
    if character.isalnum() or character == " ":
        return character
    if not character.isprintable():
        return f"&lt;U&#43;{ord(character):04X}&gt;"
    return f"&#{ord(character)};"


def size(octets: int) -> str:
    """So many bytes in the unit that fits."""
    amount, unit = float(octets), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


def fitting(lines: Iterable[str]) -> Iterator[str]:
    """The lines that fit into a comment."""
    left = LONGEST
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            yield from ["", "… cut here: `cleaner plan` shows all of it."]
            return
        yield line


def _repository_and_mode(deletion: Mapping[str, Any]) -> tuple[str, str]:
    return deletion["repository"], deletion["mode"]


if __name__ == "__main__":
    main()
