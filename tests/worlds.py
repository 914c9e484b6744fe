"""Random registries: families of every shape, odd tags, odd times, real bodies under their true digests.

One generator serves all: it draws from a `random.Random`, a seeded one or one that hypothesis steers and shrinks.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from cleaner.model.manifest import Blob, Digest
from tests.registries import Registry, Repository
from tests.stock import Stock, digest_of, random_tag, stated

NOWS = (
    datetime(2026, 8, 1, 12, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # in Berlin, the clock shows this half hour for the second time
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),  # in Berlin, the hour from two to three does not exist
    datetime(2027, 1, 1, 0, 30, tzinfo=UTC),  # ISO week 53 of 2026
)
REPOSITORIES = ("api", "shop/web", "shop/web/worker", "preview/pr", "base/node")
ENDINGS = ("", ".sig", ".att", ".sbom")


def random_registry(rng: random.Random, name: str = "acme", *, scenes: int = 6) -> Registry:
    """One to four repositories, each with up to `scenes` random scenes, sharing layers and sometimes manifests."""
    now = rng.choice(NOWS)
    layers = _layers(rng, name, 8)
    stocks = [Stock(rng, now, layers) for _ in range(rng.randint(1, 4))]
    for stock in stocks:
        _fill(stock, scenes)
    if len(stocks) > 1:
        stocks[1].adopt(rng.sample(list(stocks[0].entries.values()), min(2, len(stocks[0].entries))))
    return Registry(name, now, tuple(s.repository(n) for s, n in zip(stocks, REPOSITORIES, strict=False)))


def random_repository(rng: random.Random, now: datetime, *, scenes: int = 6) -> Repository:
    """One repository with up to `scenes` random scenes."""
    stock = Stock(rng, now, _layers(rng, "", 4))
    _fill(stock, scenes)
    return stock.repository("shop/web")


def random_releases(rng: random.Random, now: datetime) -> Repository:
    """One repository of plain versions, pushed at even or uneven paces up to `now`, often at the very same time."""
    stock = Stock(rng, now, _layers(rng, "", 2))
    pace = rng.choice(
        (timedelta(minutes=30), timedelta(minutes=30), timedelta(hours=12), timedelta(days=1), timedelta(days=7))
    )
    for _ in range(rng.randint(2, 20)):
        moment = stated(rng, now - pace * rng.randrange(12) - timedelta(minutes=rng.choice((0, 0, 0, 10))))
        stock.tag(stock.image(moment=moment), *(random_tag(rng) for _ in range(rng.randint(1, 2))))
    return stock.repository("shop/web")


def _layers(rng: random.Random, name: str, count: int) -> list[Blob]:
    return [Blob(digest_of(f"layer {name} {n}"), rng.randrange(1, 10**9)) for n in range(count)]


def _fill(stock: Stock, scenes: int) -> None:
    for _ in range(stock.rng.randint(0, scenes)):
        stock.rng.choice(_SCENES)(stock)


def _version(stock: Stock) -> None:
    """An image with one to three tags."""
    stock.tag(stock.image(), *(random_tag(stock.rng) for _ in range(stock.rng.randint(1, 3))))


def _multi_arch(stock: Stock) -> None:
    """An index with platforms, an attestation among them; at times a child has a tag, or is listed twice."""
    children = [stock.image() for _ in range(stock.rng.randint(1, 3))]
    if stock.rng.random() < 0.3:
        stock.tag(children[0], random_tag(stock.rng))
    if stock.rng.random() < 0.1:
        children.append(children[0])
    stock.tag(stock.index(children), random_tag(stock.rng))


def _nested(stock: Stock) -> None:
    """An index of indexes."""
    inner = [stock.index([stock.image()]) for _ in range(stock.rng.randint(1, 2))]
    stock.tag(stock.index([*inner, stock.any()]), random_tag(stock.rng))


def _shared_child(stock: Stock) -> None:
    """Two indexes that list the same child."""
    child = stock.any()
    stock.tag(stock.index([child, stock.image()]), random_tag(stock.rng))
    stock.tag(stock.index([child]), random_tag(stock.rng))


def _incomplete(stock: Stock) -> None:
    """An index one of whose children is absent, and an attachment whose subject is."""
    stock.tag(stock.index([stock.absent(), stock.image()]), random_tag(stock.rng))
    stock.image(stock.absent())
    stock.tag(stock.image(), _attachment_tag(stock, stock.absent()))


def _signed(stock: Stock) -> None:
    """Something with a signature, at times with a signature of the signature."""
    signature = stock.tag(stock.image(), _attachment_tag(stock, stock.any()))
    if stock.rng.random() < 0.5:
        stock.tag(stock.image(), _attachment_tag(stock, signature))


def _referrer(stock: Stock) -> None:
    """An artifact that names its subject; at times an index does, or the artifact carries a version tag."""
    subject = stock.any()
    artifact = stock.image(subject) if stock.rng.random() < 0.7 else stock.index([stock.image()], subject)
    if stock.rng.random() < 0.3:
        stock.tag(artifact, random_tag(stock.rng))


def _referrers_index(stock: Stock) -> None:
    """The fallback of a registry without referrers: an index of them under the bare attachment tag."""
    subject = stock.any()
    stock.tag(stock.index([stock.image(subject), stock.image(subject)]), _attachment_tag(stock, subject))


def _ring(stock: Stock) -> None:
    """Manifests whose attachment tags name one another; at times something hangs on the ring."""
    ring = [stock.image() if stock.rng.random() < 0.7 else stock.any() for _ in range(stock.rng.randint(2, 3))]
    for member, after in zip(ring, [*ring[1:], ring[0]], strict=True):
        stock.tag(member, _attachment_tag(stock, after))
    if stock.rng.random() < 0.5:
        stock.tag(stock.index([ring[0]]), random_tag(stock.rng))
    if stock.rng.random() < 0.5:
        attached = stock.image(ring[1])
        stock.tag(attached, *(random_tag(stock.rng) for _ in range(stock.rng.randint(0, 1))))


def _tangle(stock: Stock) -> None:
    """An attachment tag on something that is already there, itself at times."""
    stock.tag(stock.any(), _attachment_tag(stock, stock.any()))


def _leftover(stock: Stock) -> None:
    """An untagged image."""
    stock.image()


def _interrupted(stock: Stock) -> None:
    """What a deletion left behind that was interrupted after an index, or after a signed image."""
    if stock.rng.random() < 0.7:
        stock.remove(stock.index([stock.any(), stock.image()]))
        return
    subject = stock.image()
    stock.tag(stock.image(), _attachment_tag(stock, subject))
    stock.image(subject)
    stock.remove(subject)


def _attachment_tag(stock: Stock, subject: Digest) -> str:
    return subject.replace(":", "-") + stock.rng.choice(ENDINGS)


_SCENES = (
    _version, _version, _version, _multi_arch, _multi_arch, _nested, _shared_child, _incomplete, _signed,
    _referrer, _referrers_index, _ring, _tangle, _leftover, _interrupted,
)  # fmt: skip
