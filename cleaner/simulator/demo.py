"""The built-in registry: what a small company's builds leave behind in a year and a half.

Contents follow from fixed seeds, so digests are the same at every start; ages count from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cleaner.simulator.contents import Contents
from cleaner.simulator.images import Descriptor, Place, Workshop, number
from cleaner.simulator.world import Registry

KIB, MIB = 2**10, 2**20
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)

SBOM = "application/spdx+json"


def demo_registry(now: datetime) -> Registry:
    """The registry `demo` as it stands at `now`."""
    contents = Contents()
    Demo(Workshop(contents), now.replace(microsecond=0)).build()
    return Registry("demo", "fra1", now - 600 * DAY, contents)


class Demo:
    """Fills the demo registry, repository by repository, each from its oldest build to its newest."""

    def __init__(self, workshop: Workshop, now: datetime) -> None:
        self._workshop = workshop
        self._now = now

    def build(self) -> None:
        """Every repository."""
        self._base_images()
        self._releases("shop/web", "node", 12)
        self._releases("shop/worker", "python", 8)
        self._suite()
        self._commits("shop/web", "node", 30)
        self._commits("api", "python", 45)
        self._nightlies("api", "python", 40)
        self._previews("preview/web", "node", 25)
        self._leftovers("legacy/report", "python", 20)
        self._attested("tools/ci", "alpine", 12)

    def _base_images(self) -> None:
        """`22-slim` moves and stays; `22-slim-20261124` and its like are its past."""
        for week in range(25, -1, -1):
            at = self._now - week * 7 * DAY - 3 * DAY
            tags = (f"22-slim-{at:%Y%m%d}", *(("22-slim",) if week == 0 else ()))
            layers = [self._base("node", "amd64"), self._workshop.layer(f"base/node {week}", 300 * KIB, 2 * MIB)]
            self._workshop.image(Place("base/node", at, tags), layers)

    def _releases(self, repository: str, line: str, count: int) -> None:
        """Signed multi-arch releases with attestations; the newest is `latest`, every third has an SBOM."""
        for build in range(count):
            at = self._now - (count - build) * 21 * DAY + number(f"{repository} {build}", 0, 600) * MINUTE
            minor, patch = divmod(build, 3)
            tags = (f"v1.{minor}.{patch}", *(("latest", f"v1.{minor}") if build == count - 1 else ()))
            released = self._multi_arch(Place(repository, at, tags), line, f"release {build}")
            self._workshop.signature(Place(repository, at + 2 * MINUTE), released)
            if build % 3 == 0:
                sbom = self._workshop.referrer(Place(repository, at + 3 * MINUTE), released, SBOM)
                self._workshop.signature(Place(repository, at + 4 * MINUTE), sbom)

    def _multi_arch(self, place: Place, line: str, build: str) -> Descriptor:
        """What buildx pushes: platforms and attestations first, untagged, then the index that lists them."""
        children: list[Descriptor] = []
        for architecture in ("amd64", "arm64"):
            below = Place(place.repository, place.at - MINUTE)
            layers = self._layers(line, f"{place.repository} {build}", architecture)
            children.append(self._workshop.image(below, layers, architecture))
        attestations = [self._workshop.attestation(Place(place.repository, place.at), image) for image in children]
        return self._workshop.index(place, children + attestations)

    def _suite(self) -> None:
        """An index of indexes: two editions of one release under one tag."""
        at = self._now - 40 * DAY
        editions = [
            self._multi_arch(Place("shop/worker", at - 5 * MINUTE), "python", f"edition {edition}")
            for edition in ("community", "enterprise")
        ]
        self._workshop.index(Place("shop/worker", at, ("suite-2",)), editions)

    def _commits(self, repository: str, line: str, count: int) -> None:
        """A build of each merge, the newest also `main`; every fifth was built again and left its tag behind."""
        for build in range(count):
            at = self._now - (count - build) * 2 * DAY + number(f"{repository} commit {build}", 0, 900) * MINUTE
            commit = f"{number(f'{repository} {build}', 0, 16**7 - 1):07x}"
            if build % 5 == 0:
                self._image(Place(repository, at - 30 * MINUTE), line, f"first try {build}")
            tags = (f"sha-{commit}", *(("main",) if build == count - 1 else ()))
            self._image(Place(repository, at, tags), line, f"commit {build}")

    def _nightlies(self, repository: str, line: str, count: int) -> None:
        for night in range(count, 0, -1):
            at = (self._now - night * DAY).replace(hour=2, minute=30, second=0)
            self._image(Place(repository, at, (f"nightly-{at:%Y-%m-%d}",)), line, f"nightly {night}")

    def _previews(self, repository: str, line: str, count: int) -> None:
        """Pull requests, each pushed once to four times; the newest push carries the plain tag too."""
        for request in range(count):
            pushes = number(f"pull request {request}", 1, 4)
            for push in range(pushes):
                at = self._now - (count - request) * 4 * DAY + push * timedelta(hours=7)
                commit = f"{number(f'pull request {request} {push}', 0, 16**7 - 1):07x}"
                pull_request = f"pr-{100 + request}"
                tags = (f"{pull_request}-{commit}", *((pull_request,) if push == pushes - 1 else ()))
                self._image(Place(repository, at, tags), line, f"{pull_request} {push}")

    def _leftovers(self, repository: str, line: str, count: int) -> None:
        """One tag that was pushed over and over: all but the newest build are untagged."""
        for build in range(count):
            at = self._now - (count - build) * 25 * DAY
            self._image(Place(repository, at, ("stable",) if build == count - 1 else ()), line, f"build {build}")

    def _attested(self, repository: str, line: str, count: int) -> None:
        """Single-platform builds that are indexes all the same, for their attestation."""
        for build in range(count):
            at = self._now - (count - build) * 9 * DAY
            image = self._image(Place(repository, at - MINUTE), line, f"tool {build}")
            attestation = self._workshop.attestation(Place(repository, at - MINUTE), image)
            tags = (f"2.{build}", *(("2",) if build == count - 1 else ()))
            self._workshop.index(Place(repository, at, tags), [image, attestation])

    def _image(self, place: Place, line: str, build: str) -> Descriptor:
        return self._workshop.image(place, self._layers(line, f"{place.repository} {build}", "amd64"))

    def _layers(self, line: str, build: str, architecture: str) -> Sequence[Descriptor]:
        """A base that many images share, dependencies that change now and then, and the application itself."""
        dependencies = f"dependencies of {line} {architecture} {number(build, 0, 7)}"
        return [
            self._base(line, architecture),
            self._workshop.layer(dependencies, 2 * MIB, 6 * MIB),
            self._workshop.layer(f"{build} {architecture}", 100 * KIB, 1536 * KIB),
        ]

    def _base(self, line: str, architecture: str) -> Descriptor:
        return self._workshop.layer(f"base {line} {architecture}", 4 * MIB, 16 * MIB)
