"""Five hundred random registries, cleaned end to end over the simulator: what stays is what a second engine keeps."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.house import House
from tests.registries import Registry, load_file
from tests.retention.naive import stays
from tests.wholeness import Wholeness
from tests.worlds import random_registry

FRAME = """
mode: enforce
grace: {grace}
protect: {{in_use: none, tags: {protect}}}
limits: {{deletions: 1000000, share: 100%, keep_at_least: {keep_at_least}}}
registries:
  - name: acme
    timezone: Europe/Berlin
    garbage_collection: {{min_freed: 0B}}
    policies:
      - repositories: ["*"]
{policy}
"""

POLICIES = (
    """
        unmatched: delete
        untagged: {within: 3d}
        keep: [{tags: ["v*"], last: 2}, {tags: [main]}]""",
    """
        untagged: {within: 7d}
        keep:
          - {tags: ["*"], except: ["nightly-*"], within: 14d}
          - {tags: ["nightly-*"], calendar: {daily: 2, monthly: 1}}""",
    """
        unmatched: delete
        keep: [{semver: {majors: 1, minors: 2}}, {tags: ["release-*"], last: 1, within: 30d}]""",
    """
        keep:
          - {tags: ['re:(?P<line>[a-z0-9]+)-.*'], last: 1, per: line}
          - {tags: ["*"], except: ['re:.+-.*'], last: 3}""",
)
"""Severe ones: little is kept by a rule, so much depends on families, ties and odd tags."""


def configuration(seed: int) -> str:
    return FRAME.format(
        grace=("0s", "24h")[seed % 2],
        protect=("[]", '[latest, "hold-*"]')[seed // 2 % 2],
        keep_at_least=(1, 2)[seed // 4 % 2],
        policy=POLICIES[seed // 8 % len(POLICIES)].strip("\n"),
    )


def expected(registry: Registry, house: House) -> set[tuple[str, str]]:
    [policy] = house.registry.policies
    return {
        (repository.name, digest)
        for repository in registry.repositories
        for digest in stays(
            repository.listing(), repository.contents(), policy, house.registry.protections, now=registry.now
        )
    }


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_a_random_registry_is_cleaned_exactly_and_stays_whole(first: int, tmp_path: Path) -> None:
    """No kept tag loses a descendant or an attachment, everything else is gone, predicted bytes equal freed bytes."""
    deleted = 0
    for seed in range(first, first + 50):
        registry = random_registry(Random(seed))
        directory = tmp_path / str(seed)
        directory.mkdir()
        with House(load_file(registry), configuration(seed), directory, start=registry.now) as house:
            whole = Wholeness(house)
            keeps = expected(registry, house)
            report = house.apply()
            assert (report.exit_code, report.error) == (0, None), seed
            assert house.digests() == keeps, seed
            assert whole.lacking_children() == whole.lacking_attachments() == [], seed
            assert report.predicted is not None, seed
            freed = report.collection.freed_bytes if report.collection else 0
            assert freed == report.predicted.bytes, seed
            deleted += len(report.deleted)
    assert deleted > 100
