"""Whether what is in a registry can be pulled, and verified, as well as it could be at the beginning.

What lists or names what is read from the bodies and tags anew, by nothing that decides in the cleaner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cleaner.simulator.contents import tags_of
from tests.changes import entries
from tests.house import House

Place = tuple[str, str]


class Wholeness:
    """Remembers what each manifest had below it when the house was built."""

    def __init__(self, house: House) -> None:
        self._house = house
        present = house.digests()
        self.bodies = {place: _body(house, place) for place in present}
        self.children = {place: set(_children(place, body)) & present for place, body in self.bodies.items()}
        named = {place: set(_subjects(house, place, body)) & present for place, body in self.bodies.items()}
        self.attachments = {
            subject: {place for place, subjects in named.items() if subject in subjects} - {subject}
            for subject in present
        }

    def lacking_children(self) -> list[tuple[Place, Place]]:
        """Each index that is there, with each child that is not any more."""
        return self._lacking(self.children)

    def lacking_attachments(self) -> list[tuple[Place, Place]]:
        """Each manifest that is there, with each of its attachments that is not any more."""
        return self._lacking(self.attachments)

    def _lacking(self, below: Mapping[Place, set[Place]]) -> list[tuple[Place, Place]]:
        there = self._house.digests()
        return sorted((above, lost) for above in there & below.keys() for lost in below[above] - there)


def _body(house: House, place: Place) -> dict[str, Any]:
    body = house.registry_of_the_world().storage.body(*place)
    return {} if body is None else json.loads(body)


def _children(place: Place, body: Mapping[str, Any]) -> Iterator[Place]:
    for child in body.get("manifests", ()):
        yield place[0], child["digest"]


def _subjects(house: House, place: Place, body: Mapping[str, Any]) -> Iterator[Place]:
    if "subject" in body:
        yield place[0], body["subject"]["digest"]
    for entry in entries(house, place[0]):
        for tag in tags_of(entry) if entry["digest"] == place[1] else ():
            if str(tag).startswith("sha256-"):
                yield place[0], "sha256:" + str(tag)[7:71]
