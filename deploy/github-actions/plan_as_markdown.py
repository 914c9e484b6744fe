"""Reads what `cleaner plan --format json` printed, and writes it as Markdown for a reviewer: stdin to stdout.

Tags and repositories are named by whoever may push an image. What holds such names is written as code, and whatever
could mean something in Markdown or HTML as a character reference: nothing is marked up, linked or mentioned by a name.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

MARK = "<!-- registry-cleaner: plan -->"
"""The first line, by which a comment of an earlier run is found again."""

LONGEST = 60_000  # bytes; GitHub takes comments of up to 65,536 characters
NAME, SENTENCE, TAGS, ROWS = 80, 300, 8, 40  # how much of each is shown

ATTACHMENT = re.compile(r"sha256-[0-9a-f]{64}(\.(sig|att|sbom))?")
"""A tag that says what its manifest is attached to; it goes with that, and is no news."""

PLAIN = frozenset(" -,;/")
"""Characters that mean nothing within a line."""


def main() -> None:
    """Write the plan of every registry."""
    registries = json.load(sys.stdin.buffer)["registries"]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in fitting(document(registries))).encode())


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
    if gone := [*registry["deletions"], *registry["announced"]]:
        yield from ["", *repositories(gone), "", *reasons(gone)]
    yield from listed("Held back", [held_back(each) for each in registry["held_back"] if each["reason"] != "notice"])
    yield from listed("Warnings", [code(text, SENTENCE) for text in registry["warnings"]])
    yield from listed("Under no policy, and left alone", [unmanaged(each) for each in registry["unmanaged"]])


def headline(registry: Mapping[str, Any]) -> str:
    """What goes, in a sentence: a plan of another policy is the first look at it, so all that has a notice waits."""
    gone, announced = [*registry["deletions"], *registry["announced"]], len(registry["announced"])
    enforced = sum(each["mode"] == "enforce" for each in gone)
    freed = "an unknown amount" if registry["freed_bytes"] is None else size(registry["freed_bytes"])
    wait = f"{announced:,} of them once their notice has run out, " if announced else ""
    return (
        f"**{len(gone):,} of {registry['manifests']:,} manifests would go**, {wait}{enforced:,} of them under policies "
        f"in `mode: enforce`; {registry['kept']:,} are kept. A garbage collection would free {freed}"
        f"{' before that' if announced else ''}."
    )


def repositories(deletions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table: what goes in each repository."""
    yield from ["| repository | mode | manifests | tags |", "|---|---|--:|---|"]
    in_order = sorted(deletions, key=_repository_and_mode)
    groups = [(key, list(group)) for key, group in groupby(in_order, _repository_and_mode)]
    for (repository, mode), group in groups[:ROWS]:
        tags = [tag for deletion in group for tag in versions(deletion)]
        yield f"| {code(repository)} | {mode} | {len(group):,} | {several(tags)} |"
    if len(groups) > ROWS:
        yield f"| … and {len(groups) - ROWS:,} more repositories | | | |"


def reasons(deletions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table, folded: why each version goes."""
    tagged = [deletion for deletion in deletions if versions(deletion)]
    shown = tagged[:ROWS]
    yield from [f"<details><summary>Why, for {len(shown):,} of {len(tagged):,} versions</summary>", ""]
    yield from ["| version | why |", "|---|---|"]
    for each in shown:
        why = "<br>".join(code(reason, SENTENCE) for reason in each["reasons"])
        yield f"| {code(each['repository'])} {several(versions(each))} | {why} |"
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


def versions(deletion: Mapping[str, Any]) -> list[str]:
    """The tags that a person gave."""
    return [tag for tag in deletion["tags"] if not ATTACHMENT.fullmatch(tag)]


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
    if character.isalnum() or character in PLAIN:
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
        left -= len(line.encode()) + 1
        if left < 0:
            yield from ["", "… cut here: `cleaner plan` shows all of it."]
            return
        yield line


def _repository_and_mode(deletion: Mapping[str, Any]) -> tuple[str, str]:
    return deletion["repository"], deletion["mode"]


if __name__ == "__main__":
    main()
