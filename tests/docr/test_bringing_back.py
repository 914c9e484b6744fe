"""What was deleted comes back to the byte, as long as nobody collected its blobs: the clients against the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from cleaner.config.settings import Family
from cleaner.docr.connect import writing
from cleaner.docr.reader import Reader
from cleaner.docr.restorer import Restorer
from cleaner.docr.writer import Writer
from cleaner.errors import BadRequest, ManifestUnreadable, UnexpectedStatus
from cleaner.model.deletion import Body, Deleted, Intent
from cleaner.model.manifest import Digest
from tests.docr.asking import START, api, as_json, digest, digest_of, edges, elapsed, run
from tests.docr.test_against_the_simulator import Simulator, holding

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG, LAYER = digest(100), digest(101)


def image(layer: Digest = LAYER) -> bytes:
    """An image's bytes, spaced as nobody else would."""
    described = [{"digest": blob, "size": 10} for blob in (CONFIG, layer)]
    return b"  " + as_json({"mediaType": IMAGE, "config": described[0], "layers": described[1:]}) + b"\n"


def index(*children: bytes, media_type: str = INDEX) -> bytes:
    """An index's bytes."""
    return as_json({"mediaType": media_type, "manifests": [{"digest": digest_of(child)} for child in children]})


def entry(body: bytes, *tags: str) -> dict[str, object]:
    """A manifest of the load file."""
    pushed = "2026-07-01T00:00:00Z"
    return {"digest": digest_of(body), "updated_at": pushed, "tags": list(tags), "body": body.decode()}


@dataclass(frozen=True, slots=True)
class Scene:
    """The three clients of the registry acme, and what a story does with them."""

    reader: Reader
    writer: Writer
    restorer: Restorer
    simulator: Simulator

    async def delete(self, body: bytes) -> Body:
        """Deletes a manifest; what it was comes back."""
        kept = await self.reader.body("shop/web", digest_of(body))
        intent = Intent(1, "run", "acme", "shop/web", digest_of(body), START)
        assert await self.writer.delete_manifest(intent, elapsed() + 60) == Deleted()
        with pytest.raises(ManifestUnreadable, match="does not know it"):
            await self.reader.body("shop/web", digest_of(body))
        return kept

    async def collect(self) -> None:
        """Has a collection take what nothing refers to."""
        await self.writer.start_collection()
        await asyncio.sleep(41)

    async def tags(self) -> dict[Digest, tuple[str, ...]]:
        """Every manifest that is listed, with its tags."""
        return {manifest.digest: manifest.tags for manifest in (await self.reader.listing("shop/web")).manifests}


def play(story: Callable[[Scene], Awaitable[None]], *entries: dict[str, object], family: Family) -> Simulator:
    """Plays a story on a registry that holds these."""
    simulator = Simulator(holding(*entries))

    async def whole() -> None:
        async with writing(api(family), "acme", edges(simulator)) as (reader, writer, restorer):
            await story(Scene(reader, writer, restorer, simulator))

    run(whole())
    return simulator


FAMILIES = [Family.REGISTRIES, Family.REGISTRY]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_comes_back_to_the_byte_with_its_tags(family: Family) -> None:
    """By its digest, and then under each tag; its blobs never went."""
    body = image()

    async def story(scene: Scene) -> None:
        kept = await scene.delete(body)
        assert kept == Body(IMAGE, body)
        assert await scene.reader.has_blob("shop/web", LAYER)
        for reference in (digest_of(body), "v1", "v2"):
            await scene.restorer.put("shop/web", reference, kept)
        assert await scene.reader.body("shop/web", digest_of(body)) == kept
        assert await scene.tags() == {digest_of(body): ("v1", "v2")}

    play(story, entry(body, "v1", "v2"), family=family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_an_index_comes_back_after_its_children(media_type: str, family: Family) -> None:
    """While one of them is missing, it is refused by that child's name, and nothing has changed."""
    children = [image(digest(number)) for number in (1, 2)]
    body = index(*children, media_type=media_type)

    async def story(scene: Scene) -> None:
        kept = [await scene.delete(one) for one in (body, *children)]
        await scene.restorer.put("shop/web", digest_of(children[0]), kept[1])
        with pytest.raises(BadRequest, match=digest_of(children[1])) as caught:
            await scene.restorer.put("shop/web", digest_of(body), kept[0])
        assert caught.value.error_id == "MANIFEST_BLOB_UNKNOWN"
        assert list(await scene.tags()) == [digest_of(children[0])]
        await scene.restorer.put("shop/web", digest_of(children[1]), kept[2])
        await scene.restorer.put("shop/web", digest_of(body), kept[0])
        await scene.restorer.put("shop/web", "v1", kept[0])
        assert kept[0].media_type == media_type
        assert await scene.reader.body("shop/web", digest_of(body)) == kept[0]
        assert (await scene.tags())[digest_of(body)] == ("v1",)

    play(story, entry(body, "v1"), *(entry(child) for child in children), family=family)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_collection_took_is_refused_by_name(family: Family) -> None:
    """The blobs that somebody else still refers to stayed, the others are named, and nothing is half there."""
    gone, stays = image(digest(1)), image(digest(2))

    async def story(scene: Scene) -> None:
        kept = await scene.delete(gone)
        await scene.collect()
        assert [await scene.reader.has_blob("shop/web", blob) for blob in (CONFIG, digest(1))] == [True, False]
        with pytest.raises(BadRequest, match=digest(1)) as caught:
            await scene.restorer.put("shop/web", digest_of(gone), kept)
        assert CONFIG not in caught.value.message
        assert "pushed anew" in caught.value.next_step
        assert list(await scene.tags()) == [digest_of(stays)]

    play(story, entry(gone, "v1"), entry(stays, "v2"), family=family)


def test_what_came_back_before_a_collection_outlives_it() -> None:
    """Its blobs are referred to again."""
    body = image()

    async def story(scene: Scene) -> None:
        await scene.restorer.put("shop/web", digest_of(body), await scene.delete(body))
        await scene.collect()
        assert await scene.reader.has_blob("shop/web", LAYER)

    play(story, entry(body), family=Family.REGISTRIES)


def test_nothing_comes_back_while_a_collection_is_active() -> None:
    """The registry is read-only until it ends (405): said so, and taken afterwards."""
    body, other = image(digest(1)), image(digest(1))[2:]

    async def story(scene: Scene) -> None:
        kept = await scene.delete(body)
        await scene.writer.start_collection()
        with pytest.raises(UnexpectedStatus, match="HTTP 405") as caught:
            await scene.restorer.put("shop/web", digest_of(body), kept)
        assert "no garbage collection is active" in caught.value.next_step
        await asyncio.sleep(41)
        await scene.restorer.put("shop/web", digest_of(body), kept)

    play(story, entry(body), entry(other), family=Family.REGISTRIES)


@pytest.mark.parametrize("wait", [300, 599, 899, 901, 7_200])
def test_what_takes_longer_than_a_token_or_its_credentials_goes_on(wait: float) -> None:
    """Whatever has run out meanwhile is asked for anew, and each time with an expiry."""
    bodies = [image(digest(number)) for number in (1, 2)]

    async def story(scene: Scene) -> None:
        kept = [await scene.delete(body) for body in bodies]
        for body, one in zip(bodies, kept, strict=True):
            await scene.restorer.put("shop/web", digest_of(body), one)
            await asyncio.sleep(wait)
        assert set(await scene.tags()) == {digest_of(body) for body in bodies}

    simulator = play(story, *(entry(body) for body in bodies), family=Family.REGISTRIES)
    asked = [path for path in paths(simulator) if "docker-credentials?read_write" in path]
    assert 1 <= len(asked) <= 2
    assert all(path.endswith("?read_write=true&expiry_seconds=600") for path in asked)


def paths(simulator: Simulator) -> list[str]:
    """The paths of all requests that arrived."""
    requests = simulator.log.as_json()["requests"]
    assert isinstance(requests, list)
    return [str(request["path"]) for request in requests]
