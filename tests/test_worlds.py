"""The random registries are what they claim to be: what is proved with them stands on that."""

from __future__ import annotations

import hashlib
import json
import random

import pytest

from tests.registries import Entry, Registry, load_file
from tests.worlds import random_registry

SEEDS = range(40)


def registries() -> list[Registry]:
    return [random_registry(random.Random(seed)) for seed in SEEDS]


def entries() -> list[Entry]:
    return [entry for registry in registries() for r in registry.repositories for entry in r.entries]


def test_a_digest_names_its_body() -> None:
    """Every manifest is content-addressed."""
    assert all(e.digest == f"sha256:{hashlib.sha256(e.body.encode()).hexdigest()}" for e in entries())


def test_a_body_says_what_its_content_says() -> None:
    """Media type, children (each once), subject and blobs stand in the body as the values have them."""
    for entry in entries():
        body, content = json.loads(entry.body), entry.content
        assert body["mediaType"] == content.media_type
        assert tuple(dict.fromkeys(child["digest"] for child in body.get("manifests", []))) == content.children
        assert body.get("subject", {}).get("digest") == content.subject
        blobs = [body["config"], *body["layers"]] if "config" in body else []
        assert [(blob["digest"], blob["size"]) for blob in blobs] == [(b.digest, b.size) for b in content.blobs]


def test_a_tag_is_on_one_manifest_of_a_repository() -> None:
    """The listings are consistent (law 3), whatever else they are."""
    for registry in registries():
        for repository in registry.repositories:
            tags = [tag for entry in repository.entries for tag in entry.tags]
            assert len(tags) == len(set(tags))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_gives_the_same_registry_again(seed: int) -> None:
    """A failing seed can be looked at again."""
    first, second = (load_file(random_registry(random.Random(seed))) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_a_load_file_holds_every_manifest() -> None:
    """Nothing of a registry is lost on the way to the simulator."""
    loaded = json.loads(json.dumps(load_file(*registries())))
    manifests = [m for r in loaded["registries"] for repository in r["repositories"] for m in repository["manifests"]]
    assert [m["digest"] for m in manifests] == [entry.digest for entry in entries()]
