"""What a simulated registry holds, before and after, and whether everything that was kept can be pulled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx

from cleaner.cli.pull import Planes, Puller, PullFailed


@dataclass(frozen=True, slots=True, order=True)
class Tagged:
    """A tag, and the digest of the manifest that stands under it."""

    repository: str
    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The tags of each manifest by repository and digest, and the bytes that the registry stores."""

    tags: Mapping[tuple[str, str], tuple[str, ...]]
    bytes: int

    def without(self, deleted: frozenset[tuple[str, str]]) -> list[Tagged]:
        """The tags that must still be there when these manifests are deleted."""
        kept = ((place, tags) for place, tags in self.tags.items() if place not in deleted)
        return sorted(Tagged(repository, tag, digest) for (repository, digest), tags in kept for tag in tags)


def contents(planes: Planes, client: httpx.Client) -> Contents:
    """What the simulator says of its one registry."""
    (state,) = client.get(f"{planes.control}/_simulator/state").json()["registries"]
    token = {"Authorization": f"Bearer {planes.token}"}
    usage = client.get(f"{planes.control}/v2/registries/{planes.name}", headers=token).json()
    return Contents(
        {(r["name"], m["digest"]): tuple(m.get("tags", ())) for r in state["repositories"] for m in r["manifests"]},
        usage["registry"]["storage_usage_bytes"],
    )


def pull_all(puller: Puller, kept: Iterable[Tagged]) -> list[str]:
    """Pull all of them whole; says what failed."""
    failures = []
    for tagged in kept:
        try:
            puller.pull(tagged.repository, tagged.tag, tagged.digest)
        except PullFailed as failure:
            failures.append(str(failure))
    return failures
