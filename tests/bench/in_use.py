"""What it takes to know what is in use: ten thousand digests in five clusters, against as many manifests.

Five API servers on loopback hold 2,000 Deployments each, and of each two ReplicaSets and a pod, which runs a digest of
its own. Two processes ask them, round by round. Ours remembers in a ledger what it was told, and matches it against a
repository's listing. The bare one gets the same pages with httpx, writes as many rows into SQLite, and looks each of
them up in a dict of the listing's tags and digests.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from itertools import chain
from operator import itemgetter
from pathlib import Path
from statistics import median

import httpx
import msgspec

from cleaner.cleaning.few import a_few_at_a_time
from cleaner.clock import new_id, utc_now
from cleaner.config.settings import Kubernetes
from cleaner.in_use import kubernetes
from cleaner.in_use.references import Home
from cleaner.ledger.opening import open_ledger
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest, Manifest
from cleaner.model.use import NOTHING_SEEN, Use
from cleaner.retention.uses import in_use
from tests.in_use import kube_objects as kube
from tests.in_use.kube_api import PATHS, Cluster, Object, kubeconfig, served

CLUSTERS, WORKLOADS, LAYERS, PAGE, ROUNDS = 5, 2_000, 8, 500, 3
IMAGE, MEDIA_TYPE = "registry.digitalocean.com/acme/shop/web", "application/vnd.oci.image.manifest.v1+json"
AUTHORIZED = {"Authorization": "Bearer any"}
STEPS = ("read", "remember", "match")
TABLE = "CREATE TABLE uses (source, tag, digest, place, first, last, PRIMARY KEY (source, tag, digest))"

# About what a server keeps of who set which field: most of what a real cluster sends, and nobody reads.
FIELDS: Object = {f"f:{field}": {".": {}, f'k:{{"name":"{field}"}}': {"f:value": {}}} for field in map(str, range(60))}
MANAGED = [{"manager": "kubelet", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": FIELDS}}]

Figures = Mapping[str, float]
"""Of one process: seconds by step, and bytes: what came, what was resident at the start and at most."""


def main(arguments: Sequence[str]) -> None:
    """Measure and print; given arguments, be one of the processes that are measured."""
    if arguments:
        which, *places = arguments
        sys.stdout.buffer.write(msgspec.json.encode(bare(places) if which == "bare" else ours(Path(places[0]))))
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(served(cluster(number))) for number in range(CLUSTERS)]
        for number, server in enumerate(servers):
            kubeconfig(folder / f"{number}.yaml", server, {"token": "any"})
        rounds = [(measured("bare", *servers), measured("ours", str(folder))) for _ in range(ROUNDS)]
    report(rounds)


def measured(*arguments: str) -> Figures:
    """What a process of its own says of itself."""
    command = (sys.executable, "-m", "tests.bench.in_use", *arguments)
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300).stdout
    return msgspec.json.decode(printed, type=dict[str, float])


def report(rounds: Sequence[tuple[Figures, Figures]]) -> None:
    """A row a figure."""
    theirs, mine = rounds[0]
    print(f"{mine['kept']:,.0f} manifests in use in {CLUSTERS} clusters; {ROUNDS} rounds, median")  # noqa: T201
    print(f"read: {theirs['came'] / 2**20:.0f} MiB; remembered: {mine['rows']:,.0f} images\n")  # noqa: T201
    print(f"{'':<24}{'bare':>10}{'ours':>10}{'ratio':>8}   (smallest … largest)")  # noqa: T201
    for step in STEPS:
        show(f"{step}, seconds", rounds, itemgetter(step), "{:.2f}")
    show("memory at most, MiB", rounds, lambda figures: figures["most"] / 2**20, "{:.0f}")
    grown = median((mine["most"] - mine["start"]) / 2**20 for _, mine in rounds)
    print(f"\nours grew by {grown:.0f} MiB over what it held before it asked: libraries and listing")  # noqa: T201


def show(what: str, rounds: Sequence[tuple[Figures, Figures]], figure: Callable[[Figures], float], form: str) -> None:
    """One row: the medians of both, and the ratios round by round."""
    ratios = sorted(figure(mine) / figure(theirs) for theirs, mine in rounds)
    theirs, mine = (median(figure(pair[side]) for pair in rounds) for side in (0, 1))
    row = f"{what:<24}{form.format(theirs):>10}{form.format(mine):>10}{median(ratios):>8.2f}"
    print(f"{row}   ({ratios[0]:.2f} … {ratios[-1]:.2f})")  # noqa: T201


def ours(folder: Path) -> Figures:
    """As in a run: every cluster is asked, the ledger remembers what they say, the listing is matched against it."""
    places = [Kubernetes(f"cluster-{number}", folder / f"{number}.yaml", None) for number in range(CLUSTERS)]
    listing, contents = repository()
    figures = {"start": resident("VmRSS")}
    with closing(open_ledger(f"sqlite:///{folder}/{new_id()}.db", now=utc_now, new_id=new_id)) as ledger:
        with timed(figures, "read"):
            uses = asyncio.run(told_by(places))
        with timed(figures, "remember"):
            ledger.memory.saw("acme", uses, utc_now())
            seen = ledger.memory.uses("acme", utc_now() - timedelta(days=30))
    with timed(figures, "match"):
        kept = in_use(listing, contents, seen, NOTHING_SEEN)
    return figures | {"most": resident("VmHWM"), "rows": len(seen), "kept": len(kept)}


async def told_by(places: Sequence[Kubernetes]) -> list[Use]:
    """What the clusters say, a few asked at a time."""

    async def ask(place: Kubernetes) -> tuple[Use, ...]:
        return await kubernetes.read(place, Home("acme", ("registry.digitalocean.com",)), None)

    return [*chain.from_iterable(await a_few_at_a_time(ask, places))]


def bare(servers: Sequence[str]) -> Figures:
    """The same pages, as many rows and look-ups, and nothing else."""
    listing, contents = repository()
    figures = {"start": resident("VmRSS")}
    with timed(figures, "read"):
        came = sum(asyncio.run(a_few_at_a_time(bytes_of, servers)))
    rows = [("a cluster", tag, "", "", "", "") for each in listing.manifests for tag in each.tags]
    rows += [("a cluster", "", each.digest, "", "", "") for each in listing.manifests]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(f"{folder}/state.db")) as state:
        state.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {TABLE}")
        with timed(figures, "remember"), state:
            state.executemany("INSERT INTO uses VALUES (?, ?, ?, ?, ?, ?)", rows)
            seen = state.execute("SELECT * FROM uses").fetchall()
    with timed(figures, "match"):
        of = {name: each.digest for each in listing.manifests for name in names(each, contents[each.digest])}
        kept = {of[row[2] or row[1]] for row in seen}
    return figures | {"most": resident("VmHWM"), "came": came, "kept": len(kept)}


def names(manifest: Manifest, content: Content) -> Iterator[str]:
    """What a manifest can be found by."""
    yield from (manifest.digest, *manifest.tags, *(blob.digest for blob in content.blobs))


async def bytes_of(server: str) -> int:
    """How many bytes all lists of a cluster have; of each page only where it goes on is decoded."""
    came = 0
    async with httpx.AsyncClient(base_url=server, headers=AUTHORIZED) as client:
        for path in PATHS.values():
            rest: str | None = ""
            while rest is not None:
                parameters = {"limit": PAGE} | ({"continue": rest} if rest else {})
                answer = (await client.get(path, params=parameters)).raise_for_status()
                came += len(answer.content)
                rest = msgspec.json.decode(answer.content, type=ListPage).metadata.rest
    return came


class ListMetadata(msgspec.Struct):
    """Where a list goes on, None at its end."""

    rest: str | None = msgspec.field(name="continue", default=None)


class ListPage(msgspec.Struct):
    """A page of a list, without its items."""

    metadata: ListMetadata


def cluster(number: int) -> Cluster:
    """A cluster in which each Deployment runs its version of an image, and could be rolled back to the one before."""
    objects: dict[str, list[Object]] = {plural: [] for plural in PATHS}
    for version in range(WORKLOADS):
        name = f"shop-web-{version}"
        spec, before = (kube.spec(f"{IMAGE}:{tag(number, each)}") for each in (version, max(0, version - 1)))
        runs = kube.runs("main-0", f"{IMAGE}:{tag(number, version)}", f"{IMAGE}@{digest(number, version)}")
        objects["deployments"].append(real(kube.workload(name, spec)))
        objects["replicasets"].append(real(kube.workload(f"{name}-b", spec, ("Deployment", name))))
        objects["replicasets"].append(real(kube.workload(f"{name}-a", before, ("Deployment", name))))
        objects["pods"].append(real(kube.pod(f"{name}-b-x", spec, runs, owner=("ReplicaSet", f"{name}-b"))))
    return Cluster({plural: tuple(each) for plural, each in objects.items()}, token="any")


def real(item: Object) -> Object:
    """An object with about as much around it as in a real cluster."""
    metadata = msgspec.convert(item["metadata"], dict[str, object])
    return {**item, "metadata": {**metadata, "managedFields": MANAGED}}


def repository() -> tuple[Listing, dict[Digest, Content]]:
    """A repository that holds the versions of all clusters, each of so many layers."""
    layers = tuple(Blob(Digest(f"sha256:{layer:064x}"), 1) for layer in range(LAYERS))
    manifests = [
        Manifest("shop/web", digest(number, version), utc_now(), (tag(number, version),), layers)
        for number in range(CLUSTERS)
        for version in range(WORKLOADS)
    ]
    manifests.sort(key=lambda manifest: manifest.digest)
    contents = {each.digest: Content(each.digest, MEDIA_TYPE, blobs=layers) for each in manifests}
    return Listing("shop/web", tuple(manifests)), contents


def tag(number: int, version: int) -> str:
    """The tag of a cluster's version."""
    return f"cluster-{number}-v{version}"


def digest(number: int, version: int) -> Digest:
    """And its digest."""
    return Digest(f"sha256:{hashlib.sha256(tag(number, version).encode()).hexdigest()}")


@contextmanager
def timed(figures: dict[str, float], step: str) -> Iterator[None]:
    """The seconds of a step."""
    began = time.perf_counter()
    yield
    figures[step] = time.perf_counter() - began


def resident(what: str) -> float:
    """What the kernel says of this process's memory: now (`VmRSS`), or the most so far (`VmHWM`)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024.0 for line in status.splitlines() if line.startswith(what))


if __name__ == "__main__":
    main(sys.argv[1:])
