"""A repository as one answer listed it, with what its manifests' own bytes say of one another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest: what the answer says, and what its bytes list (`children`) and are attached to (`subjects`)."""

    updated_at: datetime
    tags: frozenset[str]
    children: frozenset[str]
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """The manifests of a repository by digest, as answered at `at`."""

    at: datetime
    entries: Mapping[str, Entry]

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Each tag with what carries it."""
        return frozenset((tag, digest) for digest, entry in self.entries.items() for tag in entry.tags)

    def carriers(self, tag: str) -> Iterator[str]:
        """What carries a tag."""
        return (digest for digest, entry in self.entries.items() if tag in entry.tags)

    def above(self, digest: str) -> Iterator[str]:
        """The indexes that list it, and what it is attached to."""
        for other, entry in self.entries.items():
            if digest in entry.children or (digest in self.entries and other in self.entries[digest].subjects):
                yield other

    def whole(self, roots: Iterable[str]) -> frozenset[str]:
        """These and all that they need: children, and what is attached, at any depth."""
        found = [digest for digest in roots if digest in self.entries]
        for digest in found:  # grows while it is walked: each once at most
            attached = (other for other, entry in self.entries.items() if digest in entry.subjects)
            below = (*self.entries[digest].children, *attached)
            found += [other for other in dict.fromkeys(below) if other in self.entries and other not in found]
        return frozenset(found)


def listed(answer: httpx.Response, bodies: Mapping[str, bytes], at: datetime) -> Listed:
    """What an answer lists; all of it stands on one page."""
    page = json.loads(answer.content)
    assert page["meta"]["total"] == len(page["manifests"])
    return Listed(at, {each["digest"]: _entry(each, bodies[each["digest"]]) for each in page["manifests"]})


def _entry(each: Mapping[str, object], body: bytes) -> Entry:
    content = json.loads(body)
    tags = each.get("tags")
    assert isinstance(tags, list)
    attached = {"sha256:" + str(tag)[7:71] for tag in tags if str(tag).startswith("sha256-")}
    subject = {content["subject"]["digest"]} if "subject" in content else set()
    return Entry(
        updated_at=datetime.fromisoformat(str(each["updated_at"])),
        tags=frozenset(map(str, tags)),
        children=frozenset(child["digest"] for child in content.get("manifests", ())),
        subjects=frozenset(attached | subject),
    )
