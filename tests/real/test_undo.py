"""A real registry loses whole families and gets them back to the byte; and what a real garbage collection takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.real.parts import skip_module_without
from tests.real.provider import provider
from tests.real.registry import INDEX, RealRegistry, real_registry
from tests.real.scene import NAME, OLD, WEB, attested, nested, referred_to
from tests.real.storage import RealStorage
from tests.real.workshop import Workshop

skip_module_without("docker-registry")
pytestmark = pytest.mark.xdist_group("a real registry")

SEVERE = """\
mode: enforce
grace: 0s
protect: {{in_use: none}}
limits: {{share: 100%, keep_at_least: 1}}
api:
  url: {provider}
  registry_url: http://{registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
state: sqlite:///{folder}/state.db
registries:
  - name: acme
    garbage_collection: {{schedule: {schedule}, min_freed: {min_freed}}}
    policies:
      - repositories: ["shop/*"]
        keep: [{{tags: ["keep-*"]}}]
        unmatched: delete
"""


@dataclass(slots=True)
class Scene:
    """The registry, where its images are made, and the command line that cleans it."""

    folder: Path
    registry: RealRegistry
    shop: Workshop
    storage: RealStorage
    provider: str

    def configure(self, schedule: str, min_freed: str = "1TiB") -> None:
        """Collections on this schedule; unless told otherwise, no run finds one worth it."""
        values = {"provider": self.provider, "registry": self.registry.address, "folder": self.folder}
        text = SEVERE.format(**values, schedule=schedule, min_freed=min_freed)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def cleaner(self, *words: str) -> tuple[int, dict[str, Any]]:
        """A command's exit code, and its document."""
        program = str(Path(sys.executable).with_name("cleaner"))
        environment = {**os.environ, "DIGITALOCEAN_ACCESS_TOKEN": "dop_v1_of_this_test"}
        command = [program, *words, "--config", str(self.folder / "config.yaml"), "--format", "json"]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert result.stdout, result.stderr
        return result.returncode, json.loads(result.stdout)

    def manifests(self) -> dict[str, bytes]:
        """The very bytes of every manifest."""
        digests = [str(entry["digest"]) for entry in self.storage.manifests(WEB) or ()]
        return {digest: self.registry.manifest(self.shop.name(WEB), digest) for digest in digests}

    def tags(self) -> dict[str, str]:
        """What each tag stands on."""
        return {tag: digest for (_, tag), digest in self.storage.tags().items()}

    def delete_an_image(self, content: str) -> dict[str, Any]:
        """A run deletes an image; gives its manifest."""
        digest = self.shop.write(WEB, content, f"old-{content}")["digest"]
        manifest = json.loads(self.registry.manifest(self.shop.name(WEB), digest))
        code, said = self.cleaner("apply", "--yes")
        assert (code, [gone["digest"] for gone in said["registries"][0]["deleted"]]) == (0, [digest])
        return dict(manifest)

    def push_index(self, tag: str, child: dict[str, Any]) -> str:
        """Somebody pushes an image and an index of it; then the image is gone again. Gives the index's digest."""
        name = self.shop.name(WEB)
        listed = self.registry.push_manifest(name, child)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}
        pushed = self.registry.push_manifest(name, index, tag)
        assert self.storage.delete_manifest(WEB, listed["digest"])
        return str(pushed["digest"])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A real registry behind a control plane, for all tests of this module, which follow one another."""
    folder = tmp_path_factory.mktemp("undo")
    with real_registry(folder) as registry:
        storage = RealStorage(registry, NAME, datetime.now(UTC), OLD, {})
        with provider(NAME, storage) as url:
            yield Scene(folder, registry, Workshop.under(folder, registry, NAME), storage, url)


def signed(shop: Workshop, tag: str) -> None:
    """An index of two platforms, signed as cosign does it, by a tag."""
    index = shop.write_index(WEB, [shop.write(WEB, f"{tag} {cpu}") for cpu in ("amd64", "arm64")], tag)
    shop.write(WEB, f"{tag} signature", index["digest"].replace(":", "-") + ".sig")


def alike(shop: Workshop, tag: str) -> None:
    """Another manifest of the very blobs that a kept image has."""
    kept = shop.write(WEB, "alike", f"keep-{tag}")
    assert shop.write(WEB, "alike", tag, annotations={"by": "another build"})["digest"] != kept["digest"]


def test_what_a_run_deleted_comes_back_to_the_byte(scene: Scene) -> None:
    """Indexes, nested too, attestations, signatures, referrers: every tag stands where it stood, and pulls whole."""
    scene.configure("before-clean")
    for kind in (nested, attested, referred_to, signed, alike):
        kind(scene.shop, f"old-{kind.__name__}")
    manifests, tags = scene.manifests(), scene.tags()
    code, said = scene.cleaner("apply", "--yes")
    assert (code, len(said["registries"][0]["deleted"])) == (0, len(manifests) - 1)
    assert scene.tags().keys() == {"keep-old-alike"}
    assert [scene.registry.has(scene.shop.name(WEB), digest) for digest in manifests].count(True) == 1
    run = scene.cleaner("history", "runs")[1]["runs"][0]["id"]
    code, undone = scene.cleaner("undo", run[:8], "--yes")
    assert (code, len(undone["restored"]), undone["failed"]) == (0, len(manifests) - 1, [])
    assert scene.manifests() == manifests
    assert scene.tags() == tags
    for digest in tags.values():
        scene.registry.pull_whole(scene.shop.name(WEB), digest)


def test_after_a_real_collection_undo_says_what_is_gone(scene: Scene) -> None:
    """Nobody told us of it: the registry is asked for each blob. What has all of its own is back, and pulls whole."""
    tags = scene.tags()
    assert scene.cleaner("apply", "--yes")[0] == 0
    scene.storage.free_unreferenced()
    code, undone = scene.cleaner("undo", WEB, "--yes")
    assert code == 1
    assert [back["tags"] for back in undone["restored"]] == [["old-alike"]]
    reasons = {entry["digest"]: entry["error"] for entry in undone["failed"]}
    assert all(reason.startswith(("its blobs are gone: sha256:", "it needs sha256:")) for reason in reasons.values())
    assert {tags["old-nested"], tags["old-attested"], tags["old-referred_to"], tags["old-signed"]} <= reasons.keys()
    assert scene.tags().keys() == {"keep-old-alike", "old-alike"}
    scene.registry.pull_whole(scene.shop.name(WEB), scene.tags()["old-alike"])


def test_an_index_that_needs_what_was_deleted_pulls_whole_after_the_collection(scene: Scene) -> None:
    """The last look puts its child back before the registry's own collection runs."""
    scene.cleaner("apply", "--yes")
    index = scene.push_index("keep-new", scene.delete_an_image("child"))
    code, said = scene.cleaner("gc", "start")
    assert (code, said["registries"][0]["garbage_collections"][0]["status"]) == (0, "succeeded")
    scene.registry.pull_whole(scene.shop.name(WEB), index)
    assert scene.cleaner("audit")[0] == 0


def test_where_nothing_was_kept_to_put_back_no_collection_starts(scene: Scene) -> None:
    """With `after-clean`: an alarm, exit code 1, and what the index needs is still on the disk."""
    scene.configure("after-clean")
    child = scene.delete_an_image("another")
    scene.push_index("keep-newer", child)
    stored = scene.registry.stored().keys()
    scene.configure("after-clean", min_freed="0B")
    code, said = scene.cleaner("apply", "--yes")
    assert code == 1
    assert "its bytes were not kept" in said["registries"][0]["error"]
    assert said["registries"][0]["garbage_collection"] is None
    assert scene.registry.stored().keys() == stored
    code, found = scene.cleaner("audit")
    assert (code, [finding["image"] for finding in found["registries"][0]["findings"]]) == (1, [f"{WEB}:keep-newer"])
